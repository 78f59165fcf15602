"""A DICOM object as another one refers to it: whose it is, of which study and series, and its own name there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medtransfer.core.errors import ReadError
from medtransfer.data.dicom.header import DEFAULTS, read_header
from medtransfer.data.dicom.tags import text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from medtransfer.core.config.data import ReadConfig
    from medtransfer.data.dicom.header import Header


@dataclass(frozen=True, kw_only=True)
class Instance:
    """One DICOM image. Texts are as the file has them, on one visible line, and empty where it does not say.

    A pseudonym is handed on like any other name: nothing here looks behind it.
    """

    sop_class: str
    instance_uid: str
    series_uid: str
    study_uid: str
    frame_of_reference_uid: str = ""
    """Images that name the same one lie in one space."""
    modality: str
    patient_id: str
    patient_name: str
    birth_date: str
    """`19600131`, as everything that is a date below."""
    sex: str
    study_id: str
    study_date: str
    study_time: str
    accession_number: str
    referring_physician: str
    identity_removed: bool
    """True where the file says that it was de-identified."""


def instances_of(files: Iterable[Path], *, settings: ReadConfig = DEFAULTS) -> tuple[Instance, ...]:
    """The DICOM images among these files, in their order; all else, damaged headers included, is passed over.

    Reading a study says why a file of it cannot be read; this only says what can be referred to.
    """
    found = (_instance(file, settings) for file in files)
    return tuple(instance for instance in found if instance is not None)


def _instance(file: Path, settings: ReadConfig) -> Instance | None:
    try:
        header = read_header(file, settings=settings)
        return _from(header) if header.pixel_keyword else None
    except (ReadError, ValueError):  # a ValueError is an element whose bytes are no value of its kind
        return None


def _from(header: Header) -> Instance:
    elements = header.dataset
    return Instance(
        sop_class=header.sop_class,
        instance_uid=text(elements, "SOPInstanceUID"),
        series_uid=text(elements, "SeriesInstanceUID"),
        study_uid=text(elements, "StudyInstanceUID"),
        frame_of_reference_uid=text(elements, "FrameOfReferenceUID"),
        modality=text(elements, "Modality"),
        patient_id=text(elements, "PatientID"),
        patient_name=text(elements, "PatientName"),
        birth_date=text(elements, "PatientBirthDate"),
        sex=text(elements, "PatientSex"),
        study_id=text(elements, "StudyID"),
        study_date=text(elements, "StudyDate"),
        study_time=text(elements, "StudyTime"),
        accession_number=text(elements, "AccessionNumber"),
        referring_physician=text(elements, "ReferringPhysicianName"),
        identity_removed=text(elements, "PatientIdentityRemoved").upper() == "YES",
    )
