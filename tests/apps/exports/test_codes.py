"""Codes of findings: standard where the whole name is a known term, else ours, and marked."""

from __future__ import annotations

import pytest
from pydicom.sr.codedict import codes

from apps.exports.codes import OURS, finding_code
from tests.apps.exports.sample import HOSTILE


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Pleural_Effusion", codes.SCT.PleuralEffusion),
        ("pneumothorax", codes.SCT.Pneumothorax),
        ("pulmonary oedema", codes.SCT.PulmonaryEdema),
        ("intracranial haemorrhage", codes.SCT.IntracranialHemorrhage),
        ("pulmonary embolism", codes.SCT.PulmonaryEmbolism),
        ("normal", codes.SCT.Normal),
    ],
)
def test_terms_of_the_standard(name: str, code: object) -> None:
    assert (finding_code(name).value, finding_code(name).scheme_designator) == (code.value, "SCT")  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["no pneumonia", "pneumonia or normal", "effusion", "", *HOSTILE])
def test_anything_else_is_marked_as_local(name: str) -> None:
    code = finding_code(name)
    assert code.scheme_designator == OURS
    assert OURS.startswith("99")  # what the standard leaves to private schemes
    assert code.meaning.startswith("local:")
    assert len(code.value) <= 16
    assert len(code.meaning) <= 64


def test_names_that_are_cut_alike_have_different_codes() -> None:
    assert finding_code("x" * 100).value != finding_code("x" * 101).value
