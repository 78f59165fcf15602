"""What a header says that grouping, labels, summaries and the ledger need: one printable line each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydicom.uid import UID

from medtransfer.data.dicom.rules import class_name
from medtransfer.data.dicom.tags import age_in_years, iso_date, text
from medtransfer.data.geometry import orientation_letters, spacing_of
from medtransfer.data.scan import Identifiers

if TYPE_CHECKING:
    from medtransfer.data.dicom.header import Description, Header
    from medtransfer.data.dicom.stacks import Stack

IDENTIFIERS: Final = {
    "patient_id": "PatientID",
    "study_uid": "StudyInstanceUID",
    "series_uid": "SeriesInstanceUID",
}
"""Name in `Identifiers` of what the files of a series share → element."""

INSTANCE: Final = ("instance_uid", "SOPInstanceUID")
"""Name in `Identifiers` of the file itself, and its element."""

ATTRIBUTES: Final = {
    "sex": "PatientSex",
    "view": "ViewPosition",
    "manufacturer": "Manufacturer",
    "body_part": "BodyPartExamined",
}
"""Name of a harmless fact → element."""

_DERIVED: Final = ("age", "date")

_MODALITIES: Final = {
    "CT Image Storage": "CT",
    "MR Image Storage": "MR",
    "Computed Radiography Image Storage": "CR",
    "Digital X-Ray Image Storage": "DX",
    "Digital Mammography X-Ray Image Storage": "MG",
    "Ultrasound Image Storage": "US",
    "Positron Emission Tomography Image Storage": "PT",
    "Enhanced PET Image Storage": "PT",
    "Nuclear Medicine Image Storage": "NM",
}


def modality_of_class(sop_class: str) -> str:
    """The modality whose images a SOP class holds (enhanced ones, too); empty where it may be of several."""
    name = class_name(sop_class)
    return next((code for words, code in _MODALITIES.items() if words in name), "")


def header_facts(header: Header) -> dict[str, str]:
    """Identifiers, harmless attributes and the form of the pixels; what is empty is left out."""
    return series_facts(header) | instance_facts(header.dataset)


def instance_facts(dataset: Any) -> dict[str, str]:
    """The facts that differ from file to file."""
    name, keyword = INSTANCE
    uid = text(dataset, keyword)
    return {name: uid} if uid else {}


def series_facts(header: Header | Description) -> dict[str, str]:
    """All facts but those of the one file."""
    dataset = header.dataset
    facts = {name: text(dataset, keyword) for name, keyword in {**IDENTIFIERS, **ATTRIBUTES}.items()}
    facts["modality"] = text(dataset, "Modality").upper() or modality_of_class(header.sop_class)
    facts["age"] = age_in_years(text(dataset, "PatientAge"))
    facts["date"] = iso_date(text(dataset, "StudyDate"))
    declared = text(dataset, "BurnedInAnnotation").upper()
    facts["burned_in"] = declared if declared in {"YES", "NO"} else ""
    facts["bit_depth"] = text(dataset, "BitsStored")
    facts["syntax"] = UID(header.syntax).name
    return {name: value for name, value in facts.items() if value}


def stack_facts(stack: Stack) -> dict[str, str]:
    """Matrix, spacing and orientation of what will be one scan."""
    first = stack.planes[0]
    several = [len(stack.planes)] if len(stack.planes) > 1 else []
    facts = {"matrix": " × ".join(str(count) for count in (*first.shape, *several))}
    if stack.affine is not None:
        depth, *in_plane = spacing_of(stack.affine)
        facts["spacing"] = " × ".join(f"{length:.4g}" for length in (*in_plane, *([depth] if several else [])))
        facts["orientation"] = orientation_letters(stack.affine)
    elif first.spacing is not None and min(first.spacing) > 0:
        facts["spacing"] = " × ".join(f"{length:.4g}" for length in first.spacing)
    return facts


def identifiers(facts: dict[str, str]) -> Identifiers:
    """Whose scan it is."""
    return Identifiers(**{name: facts.get(name, "") for name in (*IDENTIFIERS, INSTANCE[0])})


def attributes(facts: dict[str, str]) -> dict[str, str]:
    """The harmless facts."""
    return {name: facts[name] for name in (*ATTRIBUTES, *_DERIVED, "burned_in") if name in facts}
