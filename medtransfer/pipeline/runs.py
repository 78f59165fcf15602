"""A run's folder: the plan it follows, the cohort with its splits, and whether it may go on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from medtransfer.core.config.plan import Plan
from medtransfer.core.config.toml import read_toml, write_toml
from medtransfer.core.errors import CohortError, OutputError
from medtransfer.core.files import writable_folder, written_whole
from medtransfer.data.cohort import Cohort, read_cohort
from medtransfer.data.splits import assign_splits

if TYPE_CHECKING:
    from medtransfer.core.config.data import CohortConfig

PLAN, COHORT, BUNDLE = "plan.toml", "cohort.csv", "bundle"
"""What `fit` leaves in its folder, beside ledger.csv, terms.csv and tensorboard/."""


def run_folder(folder: Path, plan: Plan, *, resume: bool) -> Path:
    """The folder of a run: a new one, or that of the same plan where it goes on.

    Raises:
        OutputError: `RunExists`, `OtherPlan`, or it cannot be written to.
    """
    writable_folder(folder)
    if (folder / PLAN).exists():
        if not resume:
            raise OutputError(
                "there is a run in it already",
                code="RunExists",
                path=folder,
                hint="Go on with it: --resume. Or choose another folder with --out.",
            )
        if read_toml(Plan, folder / PLAN).digest() != plan.digest():
            raise OutputError(
                "the run in it follows another plan",
                code="OtherPlan",
                path=folder,
                hint=f"Resume with {folder / PLAN}, or choose another folder with --out.",
            )
    return folder


def keep_plan(plan: Plan, target: Cohort, folder: Path) -> None:
    """From here on the folder holds a run; what was refused before leaves it free for the next try."""
    write_cohort(target, folder / COHORT)
    if not (folder / PLAN).exists():
        write_toml(plan, folder / PLAN, comments=plan.reasons)


def planned_cohort(config: CohortConfig, *, allow_missing: bool) -> Cohort:
    """The cohort a plan names, if it is still the one the plan was made from."""
    cohort = read_cohort(
        config.cohort,
        label=config.label,
        task=config.task,
        classes=config.classes,
        positive=config.positive,
        patients_unknown=config.patients_unknown,
        allow_missing=allow_missing,
    )
    if config.sha256 and cohort.sha256 != config.sha256:
        raise CohortError(
            "the table has changed since the plan was made",
            code="CohortChanged",
            path=config.cohort,
            hint="Make the plan again: `medtransfer plan`.",
        )
    return cohort


def planned_cohorts(plan: Plan, *, allow_missing: bool) -> tuple[Cohort, dict[str, Cohort]]:
    """The target that a plan names, splits assigned, and its sources by name."""
    target = planned_cohort(plan.target, allow_missing=allow_missing)
    target = assign_splits(target, plan.split, seed=plan.seed, labels_per_class=plan.target.labels_per_class)
    return target, {name: planned_cohort(asked, allow_missing=allow_missing) for name, asked in plan.sources.items()}


def write_cohort(cohort: Cohort, path: Path) -> None:
    """Write a cohort's table so that its paths are right from where it lies."""
    folder = path.resolve().parent
    paths = [os.path.relpath(cohort.file(p).resolve(), folder) for p in cohort.table["path"]]
    with written_whole(path, private=True) as temporary:
        cohort.table.assign(path=paths).to_csv(temporary, index=False)
