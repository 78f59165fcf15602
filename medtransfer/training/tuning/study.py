"""The study in SQLite: which setting comes next, and what became of those before. The one file that imports Optuna.

A trial is known by its number, 1, 2, …, counted over the trials that came to an end of some kind; the setting it
tries is a function of the seed, that number and the trials before. So a search that was killed goes on as if it had
not been: the trial it was at is tried again, and nothing else is lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from medtransfer.core.config.tuning import TRADE_OFF, Choices, Dimension, Setting, Space, TuneConfig
from medtransfer.core.errors import OutputError
from medtransfer.core.tuning_results import Trial
from medtransfer.training.tuning.space import target_share, trade_off_at

NAME: Final = "tuning"
FEWEST_PARTS: Final = 2
"""Parts that a trial has at least, where there are more: by one alone, chance would decide."""

_RUN, _OUTCOME, _ARITHMETIC = "run", "outcome", "arithmetic"

Proposal = optuna.Trial


class Given(BaseSampler):
    """Proposes what it is given."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Nothing is drawn together."""
        del study, trial
        return {}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Nothing is drawn together."""
        del study, trial, search_space
        return {}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """The value that was given."""
        del study, trial, param_distribution
        return self._values[param_name]


@contextmanager
def opened(path: Path, *, run: str, config: TuneConfig) -> Iterator[optuna.Study]:
    """The study of a run, new or as it was left; a trial that was cut off is marked as failed.

    Args:
        path: Its SQLite file.
        run: Digest of everything that a trial's figures depend on.
        config: When a trial is given up.

    Raises:
        OutputError: `OtherPlan`, `Busy` or `Unwritable`.
    """
    with _alone(path), _quiet():
        try:
            storage = optuna.storages.RDBStorage(f"sqlite:///{path.resolve()}")
        except Exception as error:  # of whatever kind SQLAlchemy raises for a damaged or foreign file
            raise OutputError(
                f"cannot be opened: {str(error).splitlines()[0]}",
                code="Unwritable",
                path=path,
                hint="Choose another folder with --out, or remove the damaged file.",
            ) from error
        try:
            pruner = (
                optuna.pruners.MedianPruner(
                    n_startup_trials=config.startup, n_warmup_steps=min(FEWEST_PARTS, config.folds - 1)
                )
                if config.prune
                else optuna.pruners.NopPruner()
            )
            study = optuna.create_study(
                storage=storage, study_name=NAME, direction="minimize", pruner=pruner, load_if_exists=True
            )
            if study.user_attrs.setdefault(_RUN, run) != run:
                raise OutputError(
                    "the search in it is of another plan, other data or other parts",
                    code="OtherPlan",
                    path=path,
                    hint="Go on with the same plan and options, or choose another folder with --out.",
                )
            study.set_user_attr(_RUN, run)
            for cut_off in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
                study.tell(cut_off.number, state=TrialState.FAIL)
            yield study
        finally:
            storage.remove_session()
            storage.engine.dispose()


def finished(study: optuna.Study) -> list[Trial]:
    """The trials that came to an end, by their number."""
    found = [trial.user_attrs[_OUTCOME] for trial in study.get_trials(deepcopy=False) if trial.state in _ENDED]
    return sorted((Trial.model_validate_json(said) for said in found), key=lambda trial: trial.number)


def proposed(
    study: optuna.Study, space: Space, *, seed: int, number: int, attempt: int, given: Mapping[str, Setting] | None
) -> tuple[Proposal, dict[str, Setting]]:
    """Open the next trial.

    Args:
        study: Of the run.
        space: What is searched.
        seed: Of the proposals.
        number: Of the trial.
        attempt: How many proposals for this number turned out to have been tried before; after some, chance decides.
        given: The setting to try; None: the sampler's own.

    Returns:
        Optuna's trial, and its setting.
    """
    drawn = int(np.random.SeedSequence([seed, number, attempt]).generate_state(1)[0])
    if given is not None:
        study.sampler = Given({dimension.key: _encoded(dimension, given[dimension.key]) for dimension in space})
    elif attempt > _PATIENCE:
        study.sampler = RandomSampler(seed=drawn)
    else:
        study.sampler = TPESampler(seed=drawn, constant_liar=False)
    trial = study.ask()
    return trial, {dimension.key: _suggested(trial, dimension) for dimension in space}


def told(study: optuna.Study, trial: Proposal, outcome: Trial) -> None:
    """Close a trial with its outcome."""
    trial.set_user_attr(_OUTCOME, outcome.model_dump_json())
    if outcome.state == "complete":
        study.tell(trial, outcome.loss)
    else:
        study.tell(trial, state=TrialState.PRUNED)


def dropped(study: optuna.Study, trial: Proposal) -> None:
    """Close a trial whose setting had been tried before."""
    study.tell(trial, state=TrialState.FAIL)


def hopeless(trial: Proposal, losses: Sequence[float]) -> bool:
    """Is the mean loss over the parts so far worse than that of half of the finished trials after as many parts?"""
    trial.report(float(np.mean(losses)), step=len(losses))
    return bool(trial.should_prune())


def kept_arithmetic(study: optuna.Study) -> dict[str, str]:
    """Precision and memory format of every trial; empty as long as none has run."""
    return study.user_attrs.get(_ARITHMETIC, {})


def keep_arithmetic(study: optuna.Study, arithmetic: Mapping[str, str]) -> None:
    """Every trial from now on computes in the same way."""
    study.set_user_attr(_ARITHMETIC, dict(arithmetic))


_ENDED: Final = (TrialState.COMPLETE, TrialState.PRUNED)
_PATIENCE: Final = 5
"""Proposals of the sampler that may have been tried before."""


def _encoded(dimension: Dimension, value: Setting) -> Any:
    """What Optuna keeps of a value: its place among choices, the target's share for λ, or the number itself."""
    if isinstance(dimension, Choices):
        return dimension.values.index(value)
    number = float(value)
    if dimension.key == TRADE_OFF:
        return target_share(number)
    return int(number) if dimension.whole else number


def _suggested(trial: Proposal, dimension: Dimension) -> Setting:
    key = dimension.key
    if isinstance(dimension, Choices):
        last = len(dimension.values) - 1
        if dimension.ordered:
            return dimension.values[trial.suggest_int(key, 0, last)]
        return dimension.values[trial.suggest_categorical(key, list(range(last + 1)))]
    if key == TRADE_OFF:
        return trade_off_at(trial.suggest_float(key, target_share(dimension.low), target_share(dimension.high)))
    if dimension.whole:
        return trial.suggest_int(key, int(dimension.low), int(dimension.high), log=dimension.log)
    return trial.suggest_float(key, dimension.low, dimension.high, log=dimension.log)


@contextmanager
def _quiet() -> Iterator[None]:
    """Optuna reports every trial on standard error; that is for our own progress bar."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(verbosity)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the folder while the search runs, where the system has locks: two at once would mark each other's trials.

    Raises:
        OutputError: `Busy`.
    """
    lock = path.with_name(f".{path.name}.lock")
    with lock.open("w", encoding="utf-8") as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:
            pass
        except BlockingIOError as error:
            raise OutputError(
                "another search is at work in it",
                code="Busy",
                path=path.parent,
                hint="Wait for it to end, or choose another folder with --out.",
            ) from error
        yield
