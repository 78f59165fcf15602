"""What a header says that grouping, labels, summaries and the ledger need: one printable line each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydicom.uid import UID

from medtransfer.data.geometry import orientation_letters, spacing_of
from medtransfer.data.loaders._dicom_tags import age_in_years, iso_date, text
from medtransfer.data.scan import Identifiers

if TYPE_CHECKING:
    from medtransfer.data.loaders._dicom_header import Header
    from medtransfer.data.loaders._dicom_stacks import Stack

IDENTIFIERS: Final = {
    "patient_id": "PatientID",
    "study_uid": "StudyInstanceUID",
    "series_uid": "SeriesInstanceUID",
    "instance_uid": "SOPInstanceUID",
}
"""Name in `Identifiers` → element."""

ATTRIBUTES: Final = {
    "sex": "PatientSex",
    "view": "ViewPosition",
    "manufacturer": "Manufacturer",
    "body_part": "BodyPartExamined",
}
"""Name of a harmless fact → element."""

_DERIVED: Final = ("age", "date")


def header_facts(header: Header) -> dict[str, str]:
    """Identifiers, harmless attributes and the form of the pixels; what is empty is left out."""
    dataset = header.dataset
    facts = {name: text(dataset, keyword) for name, keyword in {**IDENTIFIERS, **ATTRIBUTES}.items()}
    facts["modality"] = text(dataset, "Modality")
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
    return Identifiers(**{name: facts.get(name, "") for name in IDENTIFIERS})


def attributes(facts: dict[str, str]) -> dict[str, str]:
    """The harmless facts."""
    return {name: facts[name] for name in (*ATTRIBUTES, *_DERIVED, "burned_in") if name in facts}
