"""The result as a DICOM Secondary Capture: a picture with result and notice in its pixels, for viewers that show no SR.

BurnedInAnnotation is YES, so that whoever strips identifiers looks at the pixels too, though no identity is drawn
there. PatientOrientation is the picture's, where it is known; there is no pixel spacing, since nothing should be
measured on a rendering.

Reference: DICOM PS3.3 A.8.1, C.8.6.1 (conversion type), C.7.6.1 (derivation).
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Final

from highdicom.sc import SCImage
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from apps.exports.attaching import UNICODE, attached, equipment, evidence, uid
from apps.exports.drawing import burned_in
from apps.exports.values import free_text, orientation

if TYPE_CHECKING:
    from apps.exports.contents import Contents
    from apps.exports.snapshot import Snapshot

_SERIES: Final = "Research use only: AI result, picture"
_NUMBER: Final = 9_702


def as_secondary_capture(contents: Contents, picture: Snapshot) -> bytes:
    """The file; `attaching.refusal` has been asked before."""
    images = evidence(contents)
    first = images[0]
    capture = SCImage(
        pixel_array=burned_in(contents, picture),
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        patient_orientation=("L", "F"),
        study_instance_uid=first.StudyInstanceUID,
        series_instance_uid=uid(contents, "SC series"),
        series_number=_NUMBER,
        series_description=_SERIES,
        sop_instance_uid=uid(contents, "SC"),
        instance_number=1,
        patient_id=first.PatientID,
        patient_birth_date=first.PatientBirthDate,
        patient_sex=first.PatientSex or None,
        accession_number=first.AccessionNumber,
        study_id=first.StudyID,
        study_date=first.StudyDate or None,
        study_time=first.StudyTime or None,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        specific_character_set=UNICODE,
        content_date=f"{contents.drawn_up:%Y%m%d}",
        content_time=f"{contents.drawn_up:%H%M%S}",
        **equipment(contents),
    )
    _described(capture, contents, picture, images)
    attached(capture, contents)
    out = BytesIO()
    capture.save_as(out, enforce_file_format=True)
    return out.getvalue()


def _described(capture: Dataset, contents: Contents, picture: Snapshot, images: list[Dataset]) -> None:
    _, right, _, bottom = picture.letters
    capture.PatientOrientation = orientation(right, bottom)
    capture.Laterality = ""  # of a paired body part, which nobody told us
    capture.ConversionType = "WSD"
    capture.BurnedInAnnotation = "YES"
    capture.DateOfSecondaryCapture = f"{contents.drawn_up:%Y%m%d}"
    capture.TimeOfSecondaryCapture = f"{contents.drawn_up:%H%M%S}"
    capture.DerivationDescription = free_text(
        f"{contents.notice} Result and notice are drawn into the pixels of a rendering of {picture.where}."
    )
    capture.ImageComments = free_text(
        f"{contents.notice} Study protocol {contents.protocol}. "
        + " ".join(f"Probability of {finding.name}: {finding.said}." for finding in contents.findings)
    )
    capture.SourceImageSequence = [_reference(image) for image in images]


def _reference(image: Dataset) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = image.SOPClassUID
    item.ReferencedSOPInstanceUID = image.SOPInstanceUID
    return item
