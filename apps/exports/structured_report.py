"""The result as a DICOM Structured Report, after template TID 1500: unverified, and of the model alone.

| part | holds |
|---|---|
| observation context | the device: name, maker, bundle |
| a group of measurements for each finding | the finding's code, its probability, the call, the images |
| of the probability | algorithm name and version; bundle, operating point and recalibration as its parameters |
| comments | natural frequency, flags, scope, protocol, and the notice |

A Comprehensive 3D SR, though nothing in it is three-dimensional: it is the class that IHE's AI Results profile names
and that viewers look for. What the reader said stays out: a person's opinion in a document whose observer is a device
would be read as the device's.

Reference: DICOM PS3.16 TID 1500, 1501, 300, 4019; PS3.3 A.35.13.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Final

from highdicom.coding_schemes import CodingSchemeIdentificationItem
from highdicom.sr import (
    AlgorithmIdentification,
    Comprehensive3DSR,
    DeviceObserverIdentifyingAttributes,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    QualitativeEvaluation,
    RelationshipTypeValues,
    SourceImageForMeasurementGroup,
    TextContentItem,
    TrackingIdentifier,
)
from pydicom.sr.codedict import codes

from apps.exports.attaching import MAKER, UNICODE, attached, equipment, evidence, named, uid
from apps.exports.codes import DECISION, OURS, finding_code
from apps.exports.values import free_text, long_string

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom.dataset import Dataset

    from apps.exports.contents import Contents, Finding

_DECIMALS: Final = 4

_SERIES: Final = "Research use only: AI result, unverified"
_NUMBER: Final = 9_701
"""Of the series: far above those of scanners, as is the custom for derived series."""


def as_structured_report(contents: Contents) -> bytes:
    """The file; `attaching.refusal` has been asked before."""
    images = evidence(contents)
    document = Comprehensive3DSR(
        evidence=images,
        content=_report(contents, images)[0],
        series_instance_uid=uid(contents, "SR series"),
        series_number=_NUMBER,
        series_description=_SERIES,
        sop_instance_uid=uid(contents, "SR"),
        instance_number=1,
        is_complete=True,
        is_final=False,
        is_verified=False,
        specific_character_set=UNICODE,
        content_date=f"{contents.drawn_up:%Y%m%d}",
        content_time=f"{contents.drawn_up:%H%M%S}",
        coding_schemes=[CodingSchemeIdentificationItem(OURS, name="local terms of a medtransfer bundle")],
        **equipment(contents),
    )
    attached(document, contents)
    out = BytesIO()
    document.save_as(out, enforce_file_format=True)
    return out.getvalue()


def _report(contents: Contents, images: Sequence[Dataset]) -> MeasurementReport:
    device = DeviceObserverIdentifyingAttributes(
        uid=named("device", contents.model.sha256),
        name=MAKER,
        manufacturer_name=MAKER,
        model_name=long_string(contents.model.name),
        serial_number=contents.model.sha256,
    )
    report = MeasurementReport(
        observation_context=ObservationContext(
            observer_device_context=ObserverContext(
                observer_type=codes.DCM.Device, observer_identifying_attributes=device
            )
        ),
        procedure_reported=codes.SCT.ImagingProcedure,
        imaging_measurements=[_group(contents, finding, images) for finding in contents.findings],
        title=codes.DCM.ImagingMeasurementReport,
    )
    report[0].ContentSequence.extend(_comment(text) for text in _comments(contents))
    return report


def _group(contents: Contents, finding: Finding, images: Sequence[Dataset]) -> MeasurementsAndQualitativeEvaluations:
    algorithm = AlgorithmIdentification(
        name=free_text(contents.model.name),
        version=free_text(f"medtransfer {contents.model.version}, bundle {contents.model.sha256}"),
        parameters=[free_text(text) for text in _parameters(finding)],
    )
    probability = Measurement(
        name=codes.DCM.Probability,
        value=round(finding.probability, _DECIMALS),
        unit=codes.UCUM.NoUnits,
        algorithm_id=algorithm,
    )
    call = codes.SCT.Positive if finding.called else codes.SCT.Negative
    group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(
            uid=named(contents.study_sha256, contents.model.sha256, finding.name), identifier=free_text(finding.name)
        ),
        finding_type=finding_code(finding.name),
        measurements=[probability],
        qualitative_evaluations=None if finding.called is None else [QualitativeEvaluation(DECISION, call)],
        source_images=[SourceImageForMeasurementGroup(one.SOPClassUID, one.SOPInstanceUID) for one in images],
    )
    group[0].ContentSequence.extend(
        _comment(text) for text in (finding.caution, finding.decision, finding.frequency, *finding.performance) if text
    )
    return group


def _parameters(finding: Finding) -> list[str]:
    """Name and value of everything that made the probability, or the call, what it is."""
    parameters = [f"class: {finding.name}"]
    if finding.uncalibrated is not None:
        parameters.append(f"probability before recalibration: {finding.uncalibrated:.{_DECIMALS}f}")
    if finding.threshold is not None:
        parameters.append(f"operating point: {finding.threshold:.{_DECIMALS}f}")
    return parameters


def _comments(contents: Contents) -> list[str]:
    return [
        contents.notice,
        f"Study protocol: {contents.protocol}",
        *contents.flags,
        *(f"{label}: {text}" for label, text in contents.model.scope),
    ]


def _comment(text: str) -> TextContentItem:
    """A comment, by which templates 1500 and 1501, which are extensible, are extended."""
    return TextContentItem(
        name=codes.DCM.Comment, value=free_text(text), relationship_type=RelationshipTypeValues.CONTAINS
    )
