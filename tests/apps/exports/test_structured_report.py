"""The Structured Report: opens in dcmtk, conforms, is unverified, and says what the report says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydicom.uid import Comprehensive3DSRStorage

from apps.exports.contents import NOTICE
from apps.exports.structured_report import as_structured_report
from tests.apps.exports.checks import dumped, dumps, errors, read, verifies
from tests.apps.exports.sample import HOSTILE, finding, hostile, instance, report
from tests.apps.hostile import HOSTILE as EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydicom.dataset import Dataset

CT = "1.2.840.10008.5.1.4.1.1.2"
SEVERAL = report(
    findings=(
        finding(),
        finding(name="no standard term", probability=0.1, threshold=None, called=None, decision="", uncalibrated=None),
    ),
    instances=(
        instance(),
        instance(instance_uid="1.2.3.5", series_uid="1.2.3.6", sop_class=CT),
    ),
)


def items(dataset: Dataset) -> Iterator[tuple[str, Any]]:
    """Name and value of every content item."""
    for item in dataset.get("ContentSequence", ()):
        name = item.ConceptNameCodeSequence[0].CodeMeaning if "ConceptNameCodeSequence" in item else ""
        match item.ValueType:
            case "TEXT":
                yield name, item.TextValue
            case "UIDREF":
                yield name, item.UID
            case "CODE":
                yield name, item.ConceptCodeSequence[0]
            case "NUM":
                yield name, item.MeasuredValueSequence[0]
            case "IMAGE":
                yield name, item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
        yield from items(item)


def said(dataset: Dataset, name: str) -> list[Any]:
    return [value for found, value in items(dataset) if found == name]


def test_it_is_an_unverified_report_of_a_device() -> None:
    document = read(as_structured_report(report()))
    assert document.SOPClassUID == Comprehensive3DSRStorage
    assert (document.VerificationFlag, document.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")
    assert "VerifyingObserverSequence" not in document
    assert [code.CodeMeaning for code in said(document, "Observer Type")] == ["Device"]
    assert "a.reader@hospital.example" not in str(document)
    assert document.ContentTemplateSequence[0].TemplateIdentifier == "1500"


def test_it_says_what_the_model_said_and_which_model() -> None:
    document = read(as_structured_report(SEVERAL))
    values = said(document, "Probability")
    assert [float(value.NumericValue) for value in values] == [0.7312, 0.1]
    assert {value.MeasurementUnitsCodeSequence[0].CodeValue for value in values} == {"1"}
    first, second = said(document, "Finding")
    assert (first.CodeValue, first.CodingSchemeDesignator) == ("233604007", "SCT")
    assert (second.CodingSchemeDesignator, second.CodeMeaning) == ("99MEDTRANSFER", "local: no standard term")
    assert [code.CodeMeaning for code in said(document, "Call at the operating point")] == ["Positive"]
    assert said(document, "Algorithm Name") == ["pneumonia · squeezenet1_1"] * 2
    assert said(document, "Algorithm Version") == [f"medtransfer 0.1.0, bundle {'b4' * 32}"] * 2
    assert said(document, "Algorithm Parameters") == [
        "class: pneumonia",
        "probability before recalibration: 0.8100",
        "operating point: 0.4100",
        "class: no standard term",
    ]
    comments = said(document, "Comment")
    for sentence in (NOTICE, "Study protocol: EK-2026/114", finding().frequency, *SEVERAL.flags):
        assert sentence in comments


def test_a_study_below_its_operating_point_is_called_negative() -> None:
    document = read(as_structured_report(report(findings=(finding(called=False),))))
    assert [code.CodeMeaning for code in said(document, "Call at the operating point")] == ["Negative"]


def test_evidence_is_every_image_and_no_other() -> None:
    document = read(as_structured_report(SEVERAL))
    (study,) = document.CurrentRequestedProcedureEvidenceSequence
    named = {
        (series.SeriesInstanceUID, one.ReferencedSOPInstanceUID)
        for series in study.ReferencedSeriesSequence
        for one in series.ReferencedSOPSequence
    }
    assert study.StudyInstanceUID == document.StudyInstanceUID == "1.2.3.1"
    assert named == {("1.2.3.2", "1.2.3.4"), ("1.2.3.6", "1.2.3.5")}
    assert set(said(document, "Source of Measurement")) == {"1.2.3.4", "1.2.3.5"}


def test_a_finding_is_tracked_from_report_to_report() -> None:
    first, second = (read(as_structured_report(report(protocol=name))) for name in ("one", "two"))
    assert said(first, "Tracking Unique Identifier") == said(second, "Tracking Unique Identifier")
    assert first.SOPInstanceUID != second.SOPInstanceUID
    two = said(read(as_structured_report(SEVERAL)), "Tracking Unique Identifier")
    assert len(set(two)) == 2


def test_pseudonyms_stay_and_are_said_to_be_such() -> None:
    hidden = instance(patient_id="SITE-1a2b", patient_name="SITE-1a2b", identity_removed=True)
    document = read(as_structured_report(report(instances=(hidden,))))
    assert (document.PatientID, str(document.PatientName), document.PatientIdentityRemoved) == (
        "SITE-1a2b",
        "SITE-1a2b",
        "YES",
    )
    assert "PatientIdentityRemoved" not in read(as_structured_report(report()))


def test_equal_reports_are_equal_files() -> None:
    assert as_structured_report(SEVERAL) == as_structured_report(SEVERAL)


@pytest.mark.parametrize("text", HOSTILE)
def test_foreign_text_stays_within_its_elements(text: str) -> None:
    document = read(as_structured_report(hostile(text)))
    for element in document.iterall():
        limit = {"LO": 64, "SH": 16}.get(element.VR)
        values = element.value if element.VM > 1 else [element.value]
        assert limit is None or all(len(str(value)) <= limit for value in values)
        if element.VR in {"LO", "SH", "UT", "PN"}:
            assert not any(c < " " or c in "\u202e\u2066" for c in str(element.value))


@dumps
def test_sixty_hostile_values_at_once(tmp_path: Path) -> None:
    content = as_structured_report(report(flags=EVERYTHING, findings=tuple(finding(name=text) for text in EVERYTHING)))
    shown = dumped(content, tmp_path)
    assert not any(c in shown for c in "\x1b\x07\x08\u202e\u2066\u2067")
    assert len(said(read(content), "Probability")) == len(EVERYTHING)


@dumps
@pytest.mark.parametrize("contents", [report(), SEVERAL, *(hostile(text) for text in HOSTILE)])
def test_dcmtk_opens_it(contents: Any, tmp_path: Path) -> None:
    shown = dumped(as_structured_report(contents), tmp_path)
    assert "Comprehensive 3D SR Document" in shown
    assert "UNVERIFIED" in shown
    assert "Research use only. Not a medical device." in shown
    assert "Algorithm Version" in shown


@verifies
@pytest.mark.parametrize("contents", [report(), SEVERAL, *(hostile(text) for text in HOSTILE)])
def test_it_conforms(contents: Any, tmp_path: Path) -> None:
    assert errors(as_structured_report(contents), tmp_path) == []
