"""What the planner needs to know of a cohort, and nothing that names a patient."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medtransfer.core.records import Record
from medtransfer.data.cohort import patients

if TYPE_CHECKING:
    from medtransfer.data.cohort import Cohort


class Fingerprint(Record):
    """Counts of a cohort."""

    images: int
    studies: int
    patients: int
    per_class: dict[str, int]
    """Studies of each class."""
    per_split: dict[str, dict[str, int]]
    """Studies of each class in each split; the unassigned under an empty name."""
    unlabelled: int
    sites: tuple[str, ...]
    repeated_patients: int
    """Patients with more than one study."""


def fingerprint(cohort: Cohort) -> Fingerprint:
    """Count a cohort."""
    studies = cohort.studies()
    per_patient = studies.groupby(patients(studies))["study_id"].count()
    labelled = studies[studies["label"] != ""]
    return Fingerprint(
        images=len(cohort),
        studies=len(studies),
        patients=len(per_patient),
        per_class={name: int((labelled["label"] == name).sum()) for name in cohort.classes},
        per_split={
            str(split): {name: int((rows["label"] == name).sum()) for name in cohort.classes}
            for split, rows in labelled.groupby("split")
        },
        unlabelled=int((studies["label"] == "").sum()),
        sites=tuple(sorted(set(studies["site"]))),
        repeated_patients=int((per_patient > 1).sum()),
    )
