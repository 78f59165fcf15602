"""Choose λ and the strengths of a plan on patients held out in turn; the test split stays locked.

A search can be stopped at any time and goes on with the same command. Its folder holds `tuning.sqlite` (what was
tried), `tuning.json`, `trials.csv`, `tuning.html`, `ledger.csv` and `plan.toml`, which `fit` takes.
"""

from __future__ import annotations

import math
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from medtransfer.core.catalogue import trust
from medtransfer.core.config.plan import Plan
from medtransfer.core.config.toml import read_toml, write_toml
from medtransfer.core.config.tuning import Space, TuneConfig
from medtransfer.core.errors import OutputError
from medtransfer.core.files import writable_folder
from medtransfer.core.tuning_results import Trial, Tuning
from medtransfer.data.cohort import patients
from medtransfer.data.ledger import require_allowed
from medtransfer.evaluation.provenance import installed
from medtransfer.pipeline.runs import PLAN, planned_cohorts
from medtransfer.pipeline.tuning_notes import notes_of, reasons_of
from medtransfer.reporting.tuning import write_tuning
from medtransfer.training.tuning.choice import best_trial, caution, one_standard_error, paired_difference, pareto_front
from medtransfer.training.tuning.folds import folds_of
from medtransfer.training.tuning.order import was_tried
from medtransfer.training.tuning.space import own_settings, search_space, with_settings

DEFAULTS: Final = TuneConfig()

STUDY: Final = "tuning.sqlite"
"""What a search remembers, in its folder."""


def tune(
    plan: Plan | str | Path,
    *,
    out: str | Path,
    config: TuneConfig = DEFAULTS,
    cache: str | Path | None = None,
    allow_failures: int = 0,
    quiet: bool = True,
) -> Tuning:
    """Search λ (where there are sources) and the strengths of the plan's terms, and write the plan that is chosen.

    The same plan, options and folder go on where an earlier search ended, up to as many trials as are asked for.

    Args:
        plan: The plan, or the path of its TOML file.
        out: The search's folder.
        config: What to search, and how hard.
        cache: Folder of prepared pictures; default `out/cache`.
        allow_failures: How many images may fail to be read.
        quiet: Show no progress bars.

    Raises:
        ConfigError: `NotInstalled`, or a space that cannot be searched.
        CohortError: Too few patients for so many parts.
        OutputError: The folder holds another search, or a run.
        TrainingError: Training broke down with every setting.
        FailedCasesError: More images failed than allowed.
    """
    from medtransfer.training.tuning.tune import inputs_ledger, need_optuna
    from medtransfer.training.tuning.tune import tune as try_settings

    need_optuna()
    plan = plan if isinstance(plan, Plan) else read_toml(Plan, Path(plan))
    trust(plan.model.backbone, plan.model.pooling.name)
    space = search_space(plan, config.search, only=config.only)
    folder = _folder(Path(out))
    # Files that are missing count as failed where they are looked at.
    target, sources = planned_cohorts(plan, allow_missing=True)
    parts = folds_of(target, sources, k=config.folds, seed=plan.seed)
    kept = Path(cache) if cache else folder / "cache"
    ledger = inputs_ledger(plan, target=target, sources=sources, cache=kept, quiet=quiet)
    ledger.write(folder)
    require_allowed(ledger, allow_failures)
    found = try_settings(
        plan, target=target, sources=sources, space=space, config=config, study=folder / STUDY, cache=kept, quiet=quiet
    )
    people = sum(patients(part.held_out.table).nunique() for part in parts)
    tuning = _result(plan, found, space, config, people)
    chosen = with_settings(plan, tuning.trial(tuning.chosen).settings)
    write_toml(chosen, folder / PLAN, comments={**plan.reasons, **reasons_of(tuning)})
    write_tuning(tuning, folder)
    return tuning


def _folder(path: Path) -> Path:
    """The folder of a search.

    Raises:
        OutputError: `RunExists`: it is that of a run, whose plan would be overwritten.
    """
    folder = writable_folder(path)
    if (folder / PLAN).exists() and not (folder / STUDY).exists():
        raise OutputError(
            "there is a run in it, whose plan would be overwritten",
            code="RunExists",
            path=folder,
            hint="Choose another folder with --out.",
        )
    return folder


def _result(plan: Plan, found: Sequence[Trial], space: Space, config: TuneConfig, people: int) -> Tuning:
    """Choose, and put everything together."""
    complete = [trial for trial in found if trial.state == "complete"]
    cautions = {trial.number: caution(with_settings(plan, trial.settings)) for trial in complete}
    best, chosen = best_trial(found), one_standard_error(found, cautions)
    own = own_settings(plan, space)
    same = next((trial for trial in found if own is not None and was_tried(plan, own, [trial.settings])), None)
    measured = [trial for trial in complete if trial.source_log_loss is not None]
    front = pareto_front([(_value(trial), trial.loss) for trial in measured])
    tuning = Tuning(
        title=f"Tuning of {plan.target.positive or ', '.join(plan.target.classes)}",
        task=plan.target.task,
        classes=plan.target.classes,
        positive=plan.target.positive,
        plan_sha256=plan.digest(),
        sources=tuple(plan.sources),
        space=space,
        folds=config.folds,
        repeats=config.repeats,
        n_studies=0 if best.log_loss is None else best.log_loss.n,
        n_patients=people,
        trials=tuple(found),
        own=None if same is None else same.number,
        best=best.number,
        chosen=chosen.number,
        difference=paired_difference(chosen, same)
        if same is not None and same.state == "complete" and same.number != chosen.number
        else None,
        front=tuple(measured[index].number for index in front),
        notes=(),
        versions={"python": platform.python_version()}
        | {name: installed(name) for name in ("medtransfer", "torch", "optuna", "numpy")},
        seed=plan.seed,
    )
    return tuning.model_copy(update={"notes": notes_of(plan, tuning)})


def _value(trial: Trial) -> float:
    estimate = trial.source_log_loss
    return math.inf if estimate is None or estimate.value is None else estimate.value
