"""The cohorts with their locked test parts, and the tables that fits are made of.

A test part never changes: its studies stand in `results/cases.csv`, and a split that differs from it is refused.

    kermany_cxr    its own test part
    nih_cxr        40 % of its patients
    brain_mri      40 % of its groups of pictures that are the same or nearly: there are no patient ids

A table for a reported fit holds the drawn training studies and the test part; a table for a tuning fit holds
training studies only, 30 % of the patients as what it is measured on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

import medtransfer as mt
from benchmarks.transfer.methods import ALL
from medtransfer.core.config.data import SplitConfig
from medtransfer.core.files import written_whole
from medtransfer.data.cohort import patients
from medtransfer.data.splits import assign_splits, hold_out, within_budget

POSITIVE = {"kermany_cxr": "pneumonia", "nih_cxr": "pneumonia", "brain_mri": "tumor"}
LOCKED = SplitConfig(validation=0, test=0.4)
HELD_OUT = 0.3
GROUPS = {"brain_mri": "near_duplicates"}
"""What stands in for patients where they are not known."""


@dataclass(frozen=True, kw_only=True)
class Tables:
    """Cohorts, and a folder for the tables made of them.

    Attributes:
        data: Folder that holds `cohorts/`.
        folder: Of the tables; processes may share it.
    """

    data: Path
    folder: Path

    def locked(self, name: str) -> mt.Cohort:
        """The whole cohort, each study in `train` or `test`; equal on every machine."""
        place = self.folder / f"{name}.csv"
        if not place.exists():
            unknown = name in GROUPS
            origin = self.data / "cohorts" / name / "cohort.csv"
            cohort = mt.read_cohort(origin, positive=POSITIVE[name], patients_unknown=unknown)
            table = cohort.table.assign(path=[str(cohort.file(path).resolve()) for path in cohort.table["path"]])
            if unknown:
                groups = near_duplicates(origin)
                table["patient_id"] = [groups[path] for path in cohort.table["path"]]
            whole = assign_splits(replace(cohort, table=table, patients_unknown=False), LOCKED, seed=0)
            _write(whole.table, place)
        return mt.read_cohort(place, positive=POSITIVE[name])

    def test(self, name: str) -> mt.Cohort:
        """The locked part."""
        return self.locked(name).split("test")

    def reported(self, name: str, budget: str, seed: int) -> Path:
        """Drawn training studies and the locked test part."""
        cohort = self.locked(name)
        rows = cohort.table
        drawn = _drawn(rows[rows["split"] == "train"], budget, seed)
        return self._kept(f"{name}-{budget}-{seed}", pd.concat([drawn, rows[rows["split"] == "test"]]))

    def tuning(self, name: str, budget: str, seed: int) -> Path:
        """Drawn training studies, and as `test` 30 % of the training part's patients."""
        rows = self.locked(name).split("train").table
        held = patients(rows).isin(hold_out(rows, HELD_OUT, seed=seed, salt="tuning"))
        drawn = _drawn(rows[~held], budget, seed)
        return self._kept(f"{name}-{budget}-{seed}-tuning", pd.concat([drawn, rows[held].assign(split="test")]))

    def source(self, name: str) -> Path:
        """The training part of a cohort that is a source."""
        return self._kept(f"{name}-source", self.locked(name).split("train").table)

    def _kept(self, name: str, table: pd.DataFrame) -> Path:
        place = self.folder / f"{name}.csv"
        if not place.exists():
            _write(table, place)
        return place


def cases(cohort: mt.Cohort) -> pd.DataFrame:
    """One row a test study: `study`, `patient` (a number) and `truth`, in the cohort's order."""
    studies = cohort.studies()
    return pd.DataFrame(
        {
            "study": studies["study_id"],
            "patient": pd.factorize(patients(studies), sort=True)[0],
            "truth": (studies["label"] == cohort.positive).astype(int),
        }
    )


def near_duplicates(table: Path) -> dict[str, str]:
    """The group of each picture: those linked by being the same, or the same scaled, compressed again or mirrored."""
    inspection = mt.inspect(table)
    paths = mt.read_cohort(table, patients_unknown=True).table["path"].tolist()
    found = [[member.path for member in group.members] for group in inspection.duplicates.groups]
    return {path: f"group{number:03d}" for path, number in linked(paths, found).items()}


def linked(names: Sequence[str], groups: Sequence[Sequence[str]]) -> dict[str, int]:
    """The number of each name's connected component, where groups that share a name are one; names alone included."""
    root = {name: name for name in names}

    def find(name: str) -> str:
        while root[name] != name:
            name = root[name]
        return name

    for first, *others in groups:
        for other in others:
            low, high = sorted((find(first), find(other)))
            root[high] = low
    roots = [find(name) for name in names]
    return dict(zip(names, np.unique(roots, return_inverse=True)[1].tolist(), strict=True))


def _drawn(rows: pd.DataFrame, budget: str, seed: int) -> pd.DataFrame:
    """The training rows within the budget, drawn by patient."""
    if budget == ALL:
        return rows
    rarest = int(rows.drop_duplicates("study_id")["label"].value_counts().min())
    return rows[patients(rows).isin(within_budget(rows, min(int(budget), rarest), seed=seed))]


def _write(table: pd.DataFrame, place: Path) -> None:
    with written_whole(place) as temporary:
        table.to_csv(temporary, index=False)
