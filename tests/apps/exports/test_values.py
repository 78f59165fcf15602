"""Foreign text in DICOM elements: within their lengths, one value, nothing hidden."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.valuerep import VR, validate_value

from apps.exports import values
from apps.exports.fonts import CUT
from tests.apps.exports.sample import HOSTILE

FOREIGN = st.one_of(st.text(max_size=200), st.sampled_from(HOSTILE))


@given(FOREIGN)
@settings(deadline=None, max_examples=200)
def test_values_are_what_the_standard_allows(text: str) -> None:
    import pydicom.config

    for vr, value in (
        (VR.LO, values.long_string(text)),
        (VR.SH, values.short_string(text)),
        (VR.PN, values.person_name(text)),
        (VR.DA, values.day(text)),
        (VR.TM, values.time_of_day(text)),
        (VR.CS, values.sex(text)),
    ):
        validate_value(vr.value, value, pydicom.config.RAISE)
        value.encode("utf-8")
        assert "\\" not in value
        assert not any(c < " " or c == "\x7f" for c in value)
    assert len(values.free_text(text)) <= 1_024


def test_a_cut_is_marked() -> None:
    assert values.long_string("x" * 65) == "x" * (64 - len(CUT)) + CUT
    assert values.long_string("x" * 64) == "x" * 64
    assert values.short_string("0123456789ABCDEFG") == "0123456789" + CUT
    assert values.person_name("山^田=" + "y" * 80).endswith(CUT)


@pytest.mark.parametrize("name", ["Doe^Jane", "Yamada^Tarou=山田^太郎=やまだ^たろう", "Doe", ""])
def test_good_names_stay_as_they_are(name: str) -> None:
    assert values.person_name(name) == name


def test_what_is_no_date_time_or_sex_becomes_empty() -> None:
    assert [values.day(day) for day in ("19600131", "1960.01.31", "19601301", "1960", "x")] == [
        "19600131",
        "19600131",
        "",
        "",
        "",
    ]
    assert [values.time_of_day(time) for time in ("0730", "073015.25", "2500", "noon")] == ["0730", "073015.25", "", ""]
    assert [values.sex(sex) for sex in ("F", "f", "male")] == ["F", "", ""]


def test_uids() -> None:
    assert values.is_uid("1.2.840.0")
    assert not any(map(values.is_uid, ("1.02.3", "", "1." + "2" * 64, "../1", "1.2.", "1.2.3\n")))
