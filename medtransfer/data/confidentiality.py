"""What becomes of each fact that is stored, as data: the Basic Profile's word for its element, and ours.

| action of the profile | means |
|---|---|
| X | remove |
| Z | a zero-length value, or a dummy |
| D | replace by a dummy |
| U | replace by another UID, the same one everywhere |
| K | keep; so are elements that the profile does not list |

Only what has a row here is ever written. All other elements of a header, private ones among them, are not read into
facts in the first place, and a fact without a row is dropped.

Reference: DICOM PS3.15, Table E.1-1 (Basic Profile), with the options Retain Longitudinal Temporal Information with
Modified Dates (E.3.6; action C for dates) and Retain Patient Characteristics (E.3.7; action K for sex and age).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from medtransfer.core.pseudonyms import Kind
from medtransfer.core.records import Record

Action = Literal["measure", "term", "vendor", "text", "age", "patient", "study", "series", "instance", "shift"]
"""What is done: kept where it is a measure, a term of the standard, a known vendor or a short text of this package;
banded; pseudonymised as a kind; moved in time."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One fact.

    Attributes:
        keyword: The DICOM element it comes from; empty where it is derived from several.
        tag: Its number, `gggg,eeee`.
        profile: The Basic Profile's action, `K` where the table does not list the element.
        option: The action under an option that is in use; empty where none concerns it.
        action: What is done here.
    """

    keyword: str
    tag: str
    profile: str
    option: str = ""
    action: Action


RULES: Final[dict[str, Rule]] = {
    "patient_id": Rule(keyword="PatientID", tag="0010,0020", profile="Z/D", action="patient"),
    "study_uid": Rule(keyword="StudyInstanceUID", tag="0020,000D", profile="U", action="study"),
    "series_uid": Rule(keyword="SeriesInstanceUID", tag="0020,000E", profile="U", action="series"),
    "instance_uid": Rule(keyword="SOPInstanceUID", tag="0008,0018", profile="U", action="instance"),
    "date": Rule(keyword="StudyDate", tag="0008,0020", profile="Z", option="C", action="shift"),
    "sex": Rule(keyword="PatientSex", tag="0010,0040", profile="Z", option="K", action="term"),
    "age": Rule(keyword="PatientAge", tag="0010,1010", profile="X", option="K", action="age"),
    "modality": Rule(keyword="Modality", tag="0008,0060", profile="K", action="term"),
    "body_part": Rule(keyword="BodyPartExamined", tag="0018,0015", profile="K", action="term"),
    "view": Rule(keyword="ViewPosition", tag="0018,5101", profile="K", action="term"),
    "manufacturer": Rule(keyword="Manufacturer", tag="0008,0070", profile="K", action="vendor"),
    "burned_in": Rule(keyword="BurnedInAnnotation", tag="0028,0301", profile="K", action="term"),
    "bit_depth": Rule(keyword="BitsStored", tag="0028,0101", profile="K", action="measure"),
    "syntax": Rule(keyword="TransferSyntaxUID", tag="0002,0010", profile="K", action="text"),
    "matrix": Rule(keyword="Rows", tag="0028,0010", profile="K", action="measure"),
    "spacing": Rule(keyword="PixelSpacing", tag="0028,0030", profile="K", action="measure"),
    "orientation": Rule(keyword="ImageOrientationPatient", tag="0020,0037", profile="K", action="measure"),
}
"""Name of a fact (`Item.facts`, `Scan.attributes`, `Identifiers`) → what becomes of it."""

COLUMNS_KEPT: Final = ("label", "split", "part", "sex", "age", "view", "modality", "body_part", "manufacturer")
"""Columns of a cohort that survive as they are, save ages from 90 on; others only where they are asked for by name."""

COLUMNS_RENAMED: Final[dict[str, Kind]] = {
    "path": "path",
    "patient_id": "patient",
    "study_id": "study",
    "series_uid": "series",
    "instance_uid": "instance",
    "site": "site",
}
"""Columns of a cohort whose cells become pseudonyms, and of which kind."""

METHODS: Final = {
    "113100": "Basic Application Confidentiality Profile",
    "113107": "Retain Longitudinal Temporal Information Modified Dates Option",
    "113108": "Retain Patient Characteristics Option",
}
"""What was done, in the codes of DICOM PS3.16, CID 7050 (scheme DCM)."""

LIMITS: Final = (
    "No complete de-identification is claimed.",
    "Pixels are as they were: text burned into an image, and a face in a head scan, may show who the patient is.",
    "Dates are finer than the years that 45 CFR 164.514(b)(2) allows: a quarter is true, a date is moved.",
    "A quarter and a moved date together bracket the true one, the closer the more studies a patient has.",
    "Labels and columns kept by name are as they were; so are sex, view, modality, body part and vendor in a table.",
)
"""What this does not do; stands in every output. Reference: DICOM PS3.15, E (note on burned-in text and faces)."""


class Statement(Record):
    """What was done to an output so that it names nobody; written beside it as `deidentification.json`."""

    schema_version: Literal[1] = 1
    methods: dict[str, str] = METHODS
    """Code → meaning, of DeidentificationMethodCodeSequence (0012,0064)."""
    dates: Literal["MODIFIED", "UNMODIFIED"] = "MODIFIED"
    """LongitudinalTemporalInformationModified (0028,0303)."""
    key_id: str
    """Which key the pseudonyms need; see `core.keys.Key.id`."""
    kept_columns: tuple[str, ...] = ()
    """Asked for by name, with `--keep-column`."""
    dropped_columns: tuple[str, ...] = ()
    burned_in_allowed: bool = False
    """True where images that declare burned-in text, or cannot rule it out, were let through on request."""
    limits: tuple[str, ...] = LIMITS
