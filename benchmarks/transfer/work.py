"""What has to be done next, and doing it: one tuning fit or one cell at a time, each by one process only."""

from __future__ import annotations

import fcntl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from scipy.special import expit

from benchmarks.transfer.cells import Cell, Setting, Trial, tuned_by
from benchmarks.transfer.cohorts import GROUPS, Tables, cases
from benchmarks.transfer.fitting import Fit, Said, fit
from benchmarks.transfer.frozen import Frozen, classify
from benchmarks.transfer.methods import BACKBONES, METHODS, NONE, Study, method_of, settings_digest
from benchmarks.transfer.results import Results, Row, cell_of, current, trial_of
from benchmarks.transfer.tuning import Choice, Measured, next_trials
from medtransfer.evaluation.metrics import auroc, log_loss


@dataclass(frozen=True, kw_only=True)
class Workplace:
    """Where everything lies.

    Attributes:
        data: The real cohorts and weights.
        out: Tables, prepared pictures, features and locks; may be thrown away.
        results: The rows.
        study: How much of everything.
    """

    data: Path
    out: Path
    results: Results
    study: Study

    @property
    def tables(self) -> Tables:
        """The cohorts."""
        return Tables(data=self.data, folder=self.out / "tables")

    def cells(self) -> dict[Cell, Row]:
        """What has been reported, under the settings of today."""
        return {cell_of(row): row for row in current(self.results.cells(), self.study)}

    def trials(self) -> dict[Trial, Row]:
        """What has been tried, under the settings of today."""
        return {trial_of(row): row for row in current(self.results.trials(), self.study)}


def waiting(place: Workplace, cells: list[Cell]) -> list[Cell | Trial]:
    """What can be done now, in order: a cell whose rate is known, or else the tuning fits that it waits for."""
    done, measured = place.cells(), _measured(place)
    found: dict[Cell | Trial, None] = {}
    for cell in cells:
        if cell not in done:
            choice, trials = _choice(place, cell.setting, measured)
            found |= dict.fromkeys(trials if choice is None else [cell])
    return list(found)


def is_done(place: Workplace, task: Cell | Trial) -> bool:
    """Has somebody done it since it was listed?"""
    return task in (place.trials() if isinstance(task, Trial) else place.cells())


@contextmanager
def claimed(place: Workplace, task: Cell | Trial) -> Iterator[bool]:
    """Nobody else does it meanwhile; False where somebody does already. The lock ends with its process."""
    folder = place.out / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / task.name).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def do(place: Workplace, task: Cell | Trial) -> str:
    """Do it and keep its row; returns a line that says so.

    Raises:
        MedTransferError: It cannot be done.
    """
    said, row = _trial(place, task) if isinstance(task, Trial) else _cell(place, task)
    return f"{task.name:<72} AUROC {row['auroc']}  {said.seconds:.0f} s"


def _trial(place: Workplace, trial: Trial) -> tuple[Said, dict[str, object]]:
    table = place.tables.tuning(trial.cohort, trial.budget, trial.seed)
    said = _fit(place, trial, table, Choice(trial.rate, trial.times, trial.strength))
    row = _row(place, trial, said) | {
        "learning_rate": f"{trial.rate:g}",
        "times": trial.times,
        "strength": f"{trial.strength:g}",
        "studies": len(said.studies),
    }
    place.results.add_trial(row)
    return said, row


def _cell(place: Workplace, cell: Cell) -> tuple[Said, dict[str, object]]:
    budget = place.study.budgets[0] if cell.budget == NONE else cell.budget  # its labels are not looked at
    table = place.tables.reported(cell.cohort, budget, cell.seed)
    if METHODS[cell.method].kind == "regression":
        frozen = Frozen(weights=place.data / "weights", folder=place.out / "features", cache=place.out / "cache")
        said, rate = classify(place.tables, frozen, cell, table)
        strength = 0.0
    else:
        choice, _ = _choice(place, cell.setting, _measured(place))
        if choice is None:
            msg = f"{cell.name}: its learning rate is not tuned yet"
            raise RuntimeError(msg)
        said, rate, strength = _fit(place, cell, table, choice), f"{choice.rate:g}", choice.strength
    test = cases(place.tables.test(cell.cohort))
    place.results.lock_cases(cell.cohort, test)
    if tuple(test["study"]) != said.studies:
        msg = f"{cell.name}: the studies that were predicted are not the locked ones"
        raise ValueError(msg)
    row = _row(place, cell, said) | {
        "size": BACKBONES[cell.backbone].size,
        "learning_rate": rate,
        "strength": f"{strength:g}",
        "test_studies": len(test),
        "test_patients": test["patient"].nunique(),
        "groups": GROUPS.get(cell.cohort, "patients"),
        "commit": _commit(),
    }
    place.results.add_cell(row, said.log_odds)
    return said, row


def _fit(place: Workplace, task: Cell | Trial, table: Path, choice: Choice) -> Said:
    job = Fit(
        cohort=task.cohort,
        table=table,
        source=place.tables.source(task.source) if task.source else None,
        backbone=task.backbone,
        weights=place.data / "weights",
        method=method_of(task.method, place.study),
        seed=task.seed,
        choice=choice,
    )
    return fit(job, folder=place.out / "fits" / task.name, cache=place.out / "cache")


def _row(place: Workplace, task: Cell | Trial, said: Said) -> dict[str, object]:
    """What rows of cells and of tuning fits have in common."""
    return {
        **{name: getattr(task, name) for name in ("cohort", "source", "budget", "backbone", "method", "seed")},
        "auroc": f"{auroc.measure(said.truth, said.log_odds):.4f}",
        "log_loss": f"{log_loss.measure(said.truth, expit(said.log_odds)):.4f}",
        "steps": said.steps,
        "train_studies": said.train_studies,
        "seconds": f"{said.seconds:.1f}",
        "settings": settings_digest(task.method, task.backbone, place.study),
    }


def _measured(place: Workplace) -> dict[Setting, dict[Choice, dict[int, float]]]:
    """AUROC of the tuning fits, by setting, choice and seed."""
    found: dict[Setting, dict[Choice, dict[int, float]]] = {}
    for trial, row in place.trials().items():
        choice = Choice(trial.rate, trial.times, trial.strength)
        found.setdefault(trial.setting, {}).setdefault(choice, {})[trial.seed] = float(row["auroc"])
    return found


def _choice(
    place: Workplace, setting: Setting, measured: Mapping[Setting, Measured]
) -> tuple[Choice | None, list[Trial]]:
    """The rate of a setting, or the tuning fits that are needed first."""
    if METHODS[setting.method].kind == "regression":
        return Choice(0.0), []
    tuned = tuned_by(setting)
    chosen, missing = next_trials(
        measured.get(tuned, {}),
        study=place.study,
        method=method_of(tuned.method, place.study),
        seeds=BACKBONES[tuned.backbone].tuning_seeds,
    )
    return chosen, [Trial(**asdict(tuned), seed=seed, **choice._asdict()) for choice, seed in missing]


def _commit() -> str:
    """The commit that is checked out; empty where git does not know."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    said = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return said.stdout.strip()
