"""Which head CTs there are: whose, with or without a bleed, in which format, for the test or not.

Riverside sends DICOM, Hillcrest NIfTI. Half of each, in the test set and outside it, have a bleed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .exact import Stream

if TYPE_CHECKING:
    from collections.abc import Sequence

PAIRED_EVERY = 20  # one patient in so many volumes has two studies
AGE_MISSING_EVERY = 20


@dataclass(frozen=True, kw_only=True)
class Volume:
    """One study that is to be made.

    Attributes:
        patient: From 1.
        number: Of the patient's study, from 1.
        bleed: Whether there is one.
        split: "test" or "".
        format: "dicom" or "nifti".
        tilted: Whether the gantry was.
        scout: Whether one lies beside the slices.
        age_known: Whether table and header say it.
    """

    patient: int
    number: int
    bleed: bool
    split: str
    format: str
    tilted: bool = False
    scout: bool = False
    age_known: bool = True

    @property
    def study_id(self) -> str:
        """Patient and study."""
        return f"{self.patient_id}-{self.number}"

    @property
    def patient_id(self) -> str:
        """Of the head CTs."""
        return f"CT-{self.patient:04d}"

    @property
    def path(self) -> str:
        """File or folder, below the table's."""
        return f"volumes/{self.study_id}{'.nii' if self.format == 'nifti' else ''}"


def plan_volumes(count: int, *, seed: int, test: int) -> list[Volume]:
    """Labels and formats in equal parts within and without the test set, in random order."""
    places = [int(place) for place in Stream(seed, "volumes", "order").permutation(count)]
    slots = [
        _Slot(split="test" if place < test else "", bleed=place % 2 == 0, dicom=place // 2 % 2 == 0) for place in places
    ]
    volumes: list[Volume] = []
    series = 0
    for patient, studies in enumerate(_patients(slots, twice=count // PAIRED_EVERY), start=1):
        for number, slot in enumerate(studies, start=1):
            volumes.append(
                Volume(
                    patient=patient,
                    number=number,
                    bleed=slot.bleed,
                    split=slot.split,
                    format="dicom" if slot.dicom else "nifti",
                    tilted=slot.dicom and series == 1,
                    scout=slot.dicom and series % 3 == 0,
                    age_known=patient % AGE_MISSING_EVERY != 0,
                )
            )
            series += slot.dicom
    return volumes


@dataclass(frozen=True, kw_only=True)
class _Slot:
    """A study before it is somebody's."""

    split: str
    bleed: bool
    dicom: bool


def _patients(slots: Sequence[_Slot], *, twice: int) -> list[list[_Slot]]:
    """One patient a slot; the first outside the test set, `twice` of them, get the next of the same hospital too."""
    patients: list[list[_Slot]] = []
    waiting = list(slots)
    while waiting:
        studies = [waiting.pop(0)]
        later = next((slot for slot in waiting if not slot.split and slot.dicom == studies[0].dicom), None)
        if twice and later is not None and not studies[0].split:
            waiting.remove(later)
            studies.append(later)
            twice -= 1
        patients.append(studies)
    return patients
