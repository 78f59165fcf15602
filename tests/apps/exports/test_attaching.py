"""What a DICOM export is attached to, and when it is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from apps.exports.attaching import attached, evidence, refusal, uid
from tests.apps.exports.sample import instance, report


def test_images_of_one_study_can_be_attached_to() -> None:
    assert not refusal(report(instances=(instance(), instance(instance_uid="1.2.3.5"))))


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"instances": ()}, "not DICOM"),
        ({"instances": (instance(), instance(patient_id="P2"))}, "more than one patient"),
        ({"instances": (instance(), instance(study_uid="1.2.9"))}, "more than one patient or study"),
        ({"instances": (instance(instance_uid="../../x"),)}, "lack a valid UID"),
        ({"instances": (instance(study_uid=""),)}, "lack a valid UID"),
        ({"instances": (instance(sop_class=""),)}, "lack a valid UID"),
        ({"findings": ()}, "no result"),
    ],
)
def test_what_cannot_be_attached_is_refused_in_a_sentence(changes: dict[str, object], word: str) -> None:
    said = refusal(report(**changes))
    assert word in said
    assert said.endswith(".")


def test_a_uid_follows_from_what_is_said() -> None:
    assert uid(report(), "SR") == uid(report(), "SR")
    assert uid(report(), "SR") != uid(report(), "SC")
    assert uid(report(), "SR") != uid(report(protocol="another"), "SR")
    assert uid(report(), "SR") != uid(replace(report(), picture=None), "SR")


def test_identifiers_are_the_images_own() -> None:
    contents = report(instances=(instance(patient_id="SITE-1a2b", patient_name="SITE-1a2b"),))
    (header,) = evidence(contents)
    assert (header.PatientID, header.StudyInstanceUID, header.SOPInstanceUID) == ("SITE-1a2b", "1.2.3.1", "1.2.3.4")
    attached(header, contents)
    assert header.PatientName == "SITE-1a2b"
