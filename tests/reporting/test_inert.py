from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtransfer.reporting.inert import csv_cell, shortened, visible


@settings(deadline=None, max_examples=200)
@given(st.text(st.characters()))
def test_what_is_shown_is_printable_and_encodable(text: str) -> None:
    shown = visible(text)
    assert all(c.isprintable() or c.isspace() for c in shown)
    assert "\n" not in shown
    shown.encode("utf-8")


@settings(deadline=None, max_examples=200)
@given(st.text(st.characters(categories=["L", "N", "P", "S", "M"])))
def test_ordinary_text_is_untouched(text: str) -> None:
    assert visible(text) == text


def test_escapes_are_spelt_out() -> None:
    assert visible("a\x1b[2Jb\u202ec\udc80") == r"a\x1b[2Jb\u202ec\udc80"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1"])
def test_a_formula_becomes_text(text: str) -> None:
    cell = csv_cell(text)
    assert isinstance(cell, str)
    assert cell.startswith("'")


def test_numbers_stay_numbers() -> None:
    assert csv_cell(-0.3) == -0.3
    assert csv_cell(None) is None
    assert csv_cell("pneumonia") == "pneumonia"


def test_shortened() -> None:
    assert shortened("abcdef", 6) == "abcdef"
    assert shortened("abcdef", 4) == "abc…"
