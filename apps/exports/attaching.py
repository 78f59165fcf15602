"""How a DICOM export comes to lie in the patient's study: evidence, identifiers, dates, and when it is refused.

Patient and study are copied from the images as they stand. De-identified images have pseudonyms there, and nothing in
the app that exports knows what is behind them.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from apps.exports import values

if TYPE_CHECKING:
    import medtransfer as mt
    from apps.exports.contents import Contents

UNICODE: Final = "ISO_IR 192"
MAKER: Final = "medtransfer"


def refusal(contents: Contents) -> str:
    """Why nothing can be attached, in one sentence; empty where it can."""
    if not contents.instances:
        return "The study is not DICOM: there is no patient and no study that a DICOM file could be attached to."
    patients = {(one.patient_id, one.patient_name) for one in contents.instances}
    studies = {one.study_uid for one in contents.instances}
    if len(patients) > 1 or len(studies) > 1:
        return "The images name more than one patient or study: it is not clear to which a file would belong."
    names = (name for one in contents.instances for name in (one.study_uid, one.series_uid, one.instance_uid))
    if not all(values.is_uid(name) for name in (*names, *(one.sop_class for one in contents.instances))):
        return "The images lack a valid UID of study, series or instance: a DICOM file could not refer to them."
    if not contents.findings:
        return "No image of this study could be read: there is no result to attach."
    return ""


def evidence(contents: Contents) -> list[Dataset]:
    """The images as highdicom asks for them: headers without pixels, within the lengths of their elements."""
    return [_header(one) for one in contents.instances]


def uid(contents: Contents, part: str) -> str:
    """A UID that follows from what the report says: the same report has the same name wherever it is made."""
    return named(contents.identity, part)


def named(*of: str) -> str:
    """A UID that follows from these words."""
    words = "\0".join(of).encode("utf-8", "backslashreplace")
    return generate_uid(entropy_srcs=[hashlib.sha256(words).hexdigest()])


def attached(dataset: Any, contents: Contents) -> None:
    """Give a new object the names of its study, the time of its report, and say where its patient is a pseudonym."""
    first = contents.instances[0]
    dataset.PatientName = values.person_name(first.patient_name)
    dataset.ReferringPhysicianName = values.person_name(first.referring_physician)
    dataset.PatientSex = values.sex(first.sex)
    dataset.StudyDate, dataset.StudyTime = values.day(first.study_date), values.time_of_day(first.study_time)
    dataset.InstanceCreationDate = f"{contents.drawn_up:%Y%m%d}"
    dataset.InstanceCreationTime = f"{contents.drawn_up:%H%M%S}"
    dataset.TimezoneOffsetFromUTC = "+0000"
    for item in dataset.get("ContributingEquipmentSequence", ()):
        item.ContributionDateTime = f"{contents.drawn_up:%Y%m%d%H%M%S}+0000"
    if any(one.identity_removed for one in contents.instances):
        dataset.PatientIdentityRemoved = "YES"
        dataset.DeidentificationMethod = "As of the images referred to"


def equipment(contents: Contents) -> dict[str, Any]:
    """What made the object, as highdicom's keyword arguments."""
    return {
        "manufacturer": MAKER,
        "manufacturer_model_name": values.long_string(contents.model.name),
        "software_versions": values.long_string(contents.model.version),
        "device_serial_number": values.long_string(contents.model.sha256),
    }


def _header(one: mt.Instance) -> Dataset:
    header = Dataset()
    header.SpecificCharacterSet = UNICODE
    header.PatientID = values.long_string(one.patient_id)
    header.PatientName = ""  # highdicom doubts names without a caret; `attached` writes them as they are
    header.PatientBirthDate = values.day(one.birth_date)
    header.PatientSex = values.sex(one.sex)
    header.StudyID = values.short_string(one.study_id)
    header.StudyDate = values.day(one.study_date)
    header.StudyTime = values.time_of_day(one.study_time)
    header.AccessionNumber = values.short_string(one.accession_number)
    header.ReferringPhysicianName = ""
    header.StudyInstanceUID = one.study_uid
    header.SeriesInstanceUID = one.series_uid
    header.SOPClassUID = one.sop_class
    header.SOPInstanceUID = one.instance_uid
    header.Modality = values.modality(one.modality)
    return header
