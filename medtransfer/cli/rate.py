"""Find a learning rate: a few steps at rates that grow, a plot, a suggestion. Nothing of the training is kept.

Examples:
    medtransfer rate plan.toml --out runs/rate
    medtransfer rate plan.toml --out runs/rate --low 1e-5 --high 1 --steps 60
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, UseAppendAction, arg

from medtransfer.cli.common import Common, Outcome


@dataclass(frozen=True, kw_only=True)
class Arguments(Common):
    """What `rate` takes."""

    plan: Positional[Path]
    """The plan's TOML file."""
    out: Path
    """Folder for the page, the table and the suggestion."""
    low: float = 1e-7
    """First rate."""
    high: float = 10.0
    """Last rate, unless the loss explodes before."""
    steps: int = 100
    """So many steps at most."""
    cache: Path | None = None
    """Folder of prepared pictures, which runs may share; default: inside the folder."""
    allow_failures: int = 0
    """So many images may fail to be read."""
    set: UseAppendAction[Annotated[tuple[str, ...], arg(metavar="KEY=VALUE")]] = ()
    """Change any key of the plan; may be given several times."""


def run(arguments: Arguments) -> Outcome:
    """Sweep, and say what is suggested."""
    from medtransfer.core.config.plan import Plan
    from medtransfer.core.config.toml import read_toml
    from medtransfer.pipeline.rates import find_rate
    from medtransfer.reporting.rates import HTML_NAME, facts, verdict

    suggestion = find_rate(
        read_toml(Plan, arguments.plan, changes=arguments.set),
        out=arguments.out,
        low=arguments.low,
        high=arguments.high,
        steps=arguments.steps,
        cache=arguments.cache,
        allow_failures=arguments.allow_failures,
        quiet=arguments.quiet or arguments.json,
    )
    lines = [verdict(suggestion), f"plot: {arguments.out / HTML_NAME}"]
    if suggestion.rate is not None:
        lines.append(
            f"next: medtransfer fit {arguments.plan} --out RUN --set training.learning_rate={suggestion.rate:.2g}"
        )
    return Outcome(facts=facts(suggestion), text="\n".join(lines))
