"""What the planner needs to know of a cohort, and nothing that names a patient."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medtransfer.core.records import Record
from medtransfer.core.types import StudyTargets
from medtransfer.data.cohort import patients
from medtransfer.data.targets import counts, events, targets_of

if TYPE_CHECKING:
    import pandas as pd

    from medtransfer.data.cohort import Cohort


class Fingerprint(Record):
    """Counts of a cohort."""

    images: int
    studies: int
    patients: int
    per_class: dict[str, int]
    """Studies of each class, or that have each label where there are several at once."""
    per_split: dict[str, dict[str, int]]
    """The same in each split; the unassigned under an empty name."""
    labelled_per_split: dict[str, int]
    """Studies of which anything is known in each split."""
    events_per_split: dict[str, int]
    """Studies of the rarest class in each split; the fewest that have, or have not, any one label."""
    unlabelled: int
    sites: tuple[str, ...]
    repeated_patients: int
    """Patients with more than one study."""


def fingerprint(cohort: Cohort) -> Fingerprint:
    """Count a cohort."""
    studies = cohort.studies()
    per_patient = studies.groupby(patients(studies))["study_id"].count()
    labelled = studies[studies["label"] != ""]
    by_split = {str(split): _targets(cohort, rows) for split, rows in labelled.groupby("split")}
    return Fingerprint(
        images=len(cohort),
        studies=len(studies),
        patients=len(per_patient),
        per_class=_per_class(cohort, _targets(cohort, labelled)),
        per_split={split: _per_class(cohort, targets) for split, targets in by_split.items()},
        labelled_per_split={split: len(targets) for split, targets in by_split.items()},
        events_per_split={split: events(targets, len(cohort.classes)) for split, targets in by_split.items()},
        unlabelled=int((studies["label"] == "").sum()),
        sites=tuple(sorted(set(studies["site"]))),
        repeated_patients=int((per_patient > 1).sum()),
    )


def _targets(cohort: Cohort, studies: pd.DataFrame) -> StudyTargets:
    return targets_of(studies["label"], cohort.classes, cohort.task)


def _per_class(cohort: Cohort, targets: StudyTargets) -> dict[str, int]:
    return dict(zip(cohort.classes, counts(targets, len(cohort.classes)).tolist(), strict=True))
