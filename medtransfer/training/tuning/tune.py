"""Try settings of a plan on patients held out in turn, and choose one by the one-standard-error rule.

    for every trial:  for every part of the patients:  train on the others, measure on the part

What `test` and `calibration` hold is neither read nor counted (`folds.py`). A trial that is worse than half of the
others were after as many parts is given up. Which setting is chosen, and why, stands in `choice.py`.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from medtransfer.core.config.plan import Plan
from medtransfer.core.config.tuning import Space, TuneConfig
from medtransfer.core.errors import ConfigError, TrainingError
from medtransfer.core.files import text_digest
from medtransfer.core.progress import progress_bar
from medtransfer.core.tuning_results import Trial
from medtransfer.data.cohort import Cohort
from medtransfer.data.ledger import Ledger
from medtransfer.models.assemble import new_classifier
from medtransfer.models.classifier import Question
from medtransfer.training.adapt import prepare, source_questions
from medtransfer.training.cohorts import ledger_of
from medtransfer.training.loop import training_device
from medtransfer.training.precision import Arithmetic
from medtransfer.training.refusals import refuse_shared_patients
from medtransfer.training.tuning.folds import folds_of, unlocked
from medtransfer.training.tuning.order import Turn, turn_of, was_tried
from medtransfer.training.tuning.trial import Bench, run_trial

if TYPE_CHECKING:
    import optuna

    from medtransfer.core.progress import Advance

SCRATCH: Final = ".trial-"
"""How folders begin that are there as long as a search runs."""

MOST_ATTEMPTS: Final = 50
"""Proposals for one trial that may all have been tried before; then the search has seen what there is."""


def need_optuna() -> None:
    """Say early that the package is missing.

    Raises:
        ConfigError: `NotInstalled`.
    """
    try:
        import_module("optuna")
    except ImportError as error:
        raise ConfigError(
            "tuning needs Optuna", code="NotInstalled", hint="Install it: pip install 'medtransfer[tune]'."
        ) from error


def inputs_ledger(
    plan: Plan, *, target: Cohort, sources: Mapping[str, Cohort], cache: Path, quiet: bool = True
) -> Ledger:
    """Read all that the search will look at, and refuse what it cannot work with.

    Args:
        plan: The plan as it is.
        target: Splits assigned.
        sources: By the plan's names.
        cache: Folder of prepared pictures.
        quiet: Show no progress bars.

    Returns:
        One row for every row of all cohorts; those of locked patients are excluded, their files not looked at.

    Raises:
        UnusableInputError: A part of the plan lacks something.
    """
    free, others = unlocked(target), {name: unlocked(source) for name, source in sources.items()}
    for source in others.values():
        refuse_shared_patients(free, source)
    if sources and np.isinf(plan.objective.trade_off):  # other trials will look at the sources
        plan = plan.model_copy(update={"objective": plan.objective.model_copy(update={"trade_off": 1.0})})
    ready = prepare(plan, target=free, sources=others, cache=cache, quiet=quiet)
    return ledger_of(ready.prepared, ready.seen, target, sources)


def tune(
    plan: Plan,
    *,
    target: Cohort,
    sources: Mapping[str, Cohort],
    space: Space,
    config: TuneConfig,
    study: Path,
    cache: Path,
    quiet: bool = True,
) -> tuple[Trial, ...]:
    """Try settings; those that an earlier run has tried are taken from the study.

    Args:
        plan: What is tuned; its own settings come first, where they are among what is searched.
        target: Splits assigned.
        sources: By the plan's names.
        space: What is searched.
        config: How.
        study: SQLite file that remembers the trials; its folder takes what passes.
        cache: Folder of prepared pictures.
        quiet: Show no progress bar.

    Returns:
        The trials by their number, from 1 on.

    Raises:
        ConfigError: `NotInstalled`: there is no Optuna.
        CohortError: `TooFewPatients` for so many parts.
        OutputError: The study is of another search.
        TrainingError: `NoTrial`: training broke down with every setting.
    """
    need_optuna()
    from medtransfer.training.tuning.study import finished, opened

    folds = folds_of(target, sources, k=config.folds, seed=plan.seed)
    question = Question(plan.target.task, len(plan.target.classes))
    network = new_classifier(plan.model, question=question, sources=source_questions(plan), seed=plan.seed)
    turn = turn_of(plan, space, config)
    run, trainings = _run(plan, target, sources, space, config), config.folds * config.repeats
    with (
        opened(study, run=run, config=config) as kept,
        _scratch(study.parent) as scratch,
        progress_bar("tuning", turn.trials * trainings, quiet=quiet) as advance,
    ):
        bench = Bench(
            plan=plan,
            folds=folds,
            repeats=config.repeats,
            replicates=config.replicates,
            network=network.to(training_device(plan.training.device)),
            cache=cache,
            scratch=scratch,
        )
        done = finished(kept)
        advance(len(done) * trainings)
        while len(done) < turn.trials and (trial := _next(kept, bench, space, turn, done, advance)) is not None:
            done.append(trial)
    if not any(trial.state == "complete" for trial in done):
        raise TrainingError(
            f"training broke down with each of {len(done)} settings; with the first: {done[0].reason}",
            code="NoTrial",
            hint="Lower training.learning_rate, or search another range.",
        )
    return tuple(done)


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """A folder for what passes; those of searches that were killed are removed, since no other one is at work here."""
    for stale in folder.glob(f"{SCRATCH}*"):
        shutil.rmtree(stale, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=SCRATCH) as made:
        yield Path(made)


def _next(
    study: optuna.Study, bench: Bench, space: Space, turn: Turn, done: Sequence[Trial], advance: Advance
) -> Trial | None:
    """Run the next trial; None where nothing new is proposed any more."""
    from medtransfer.training.tuning import study as searches

    number = len(done) + 1
    given = turn.listed[len(done)] if len(done) < len(turn.listed) else None
    for attempt in range(MOST_ATTEMPTS):
        proposal, settings = searches.proposed(
            study, space, seed=bench.plan.seed, number=number, attempt=attempt, given=given
        )
        if given is None and was_tried(bench.plan, settings, [trial.settings for trial in done]):
            searches.dropped(study, proposal)
            continue
        known = searches.kept_arithmetic(study)
        outcome, arithmetic = run_trial(
            bench,
            number,
            settings,
            arithmetic=Arithmetic.model_validate(known) if known else None,
            hopeless=lambda losses, proposal=proposal: searches.hopeless(proposal, losses),
            advance=advance,
        )
        if arithmetic is not None and not known:
            searches.keep_arithmetic(study, arithmetic.model_dump())
        searches.told(study, proposal, outcome)
        return outcome
    return None


def _run(plan: Plan, target: Cohort, sources: Mapping[str, Cohort], space: Space, config: TuneConfig) -> str:
    """Digest of everything that a trial's figures depend on; how many trials there are is no part of it."""
    return text_digest(
        plan.digest(),
        target.sha256,
        *(source.sha256 for source in sources.values()),
        *(dimension.model_dump_json() for dimension in space),
        config.model_dump_json(exclude={"search", "only", "trials"}),
    )
