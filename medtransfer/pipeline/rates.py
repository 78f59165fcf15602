"""Which learning rate? A sweep on a plan, as a page, a table and a suggestion."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from medtransfer.core.config.plan import Plan
from medtransfer.core.config.toml import read_toml
from medtransfer.core.files import writable_folder
from medtransfer.data.ledger import require_allowed
from medtransfer.pipeline.runs import planned_cohorts
from medtransfer.reporting.rates import write_rates

if TYPE_CHECKING:
    from medtransfer.training.learning_rate import Suggestion


def find_rate(
    plan: Plan | str | Path,
    *,
    out: str | Path,
    low: float = 1e-7,
    high: float = 10.0,
    steps: int = 100,
    cache: str | Path | None = None,
    allow_failures: int = 0,
    quiet: bool = True,
) -> Suggestion:
    """Train a few steps at rates that grow, and suggest one; nothing of the training is kept.

    Args:
        plan: The plan, or the path of its TOML file.
        out: Folder for `rates.csv`, `rates.json` and `rates.html`.
        low: First rate.
        high: Last rate, unless the loss explodes before.
        steps: How many at most.
        cache: Folder of prepared pictures; default `out/cache`.
        allow_failures: How many images may fail to be read.
        quiet: Show no progress bars.

    Raises:
        MedTransferError: Inputs cannot be used, or the rates make no sweep.
    """
    from medtransfer.training.adapt import prepare
    from medtransfer.training.rate_search import find_rate as search

    plan = plan if isinstance(plan, Plan) else read_toml(Plan, Path(plan))
    folder = writable_folder(Path(out))
    target, sources = planned_cohorts(plan, allow_missing=allow_failures > 0)
    kept = Path(cache) if cache else folder / "cache"
    ready = prepare(plan, target=target, sources=sources, cache=kept, quiet=quiet)
    require_allowed(ready.ledger, allow_failures)
    curve, suggestion = search(plan, ready, low=low, high=high, steps=steps, quiet=quiet)
    write_rates(curve, suggestion, plan=plan, folder=folder)
    return suggestion
