"""Laws of inert text: nothing acts on a terminal or a spreadsheet, and ordinary text stays as it is."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtransfer.core.inert import FORMULA_STARTS, LONGEST, csv_cell, one_line, shortened, visible

ACTIVE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Controls, formats, lone surrogates, separators of lines and paragraphs."""


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


@settings(deadline=None, max_examples=200)
@given(st.text(st.characters(), max_size=400))
def test_one_line_acts_on_no_terminal_and_stays_as_it_is(text: str) -> None:
    shown = one_line(text)
    assert not ACTIVE & {unicodedata.category(c) for c in shown}
    assert len(shown) <= LONGEST
    assert one_line(shown) == shown.strip(" ")
    assert one_line(one_line(shown)) == one_line(shown)


def test_one_line_takes_padding_away_and_keeps_other_spaces() -> None:
    assert one_line("  CHEST\0\0 ") == "CHEST"
    assert one_line("10\u00a0mm") == "10\u00a0mm"
    assert one_line("a\nb\u2028c") == r"a\nb\u2028c"
    assert one_line("abcdef", limit=4) == "abc…"
    assert one_line("x" * 1000, limit=None) == "x" * 1000


@settings(deadline=None, max_examples=200)
@given(
    st.one_of(st.text(st.characters(), max_size=20), st.tuples(st.sampled_from(FORMULA_STARTS), st.text()).map("".join))
)
def test_no_cell_begins_like_a_formula(text: str) -> None:
    cell = csv_cell(text)
    assert isinstance(cell, str)
    assert not cell.startswith(FORMULA_STARTS)
    assert not ACTIVE & {unicodedata.category(c) for c in cell}


@settings(deadline=None, max_examples=200)
@given(st.text(st.characters(categories=["L", "N", "P", "S", "M", "Zs"]), max_size=20))
def test_a_plain_cell_without_such_a_start_is_unchanged(text: str) -> None:
    assert csv_cell(text) == (f"'{text}" if text.startswith(FORMULA_STARTS) else text)


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
