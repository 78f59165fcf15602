"""Characters on paper: drawn or spelt out, never dropped."""

from __future__ import annotations

import unicodedata
from functools import cache

import pytest
from fontTools.ttLib import TTFont
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.exports.fonts import BOLD, CUT, REGULAR, drawable, font_file, spelt_out


@cache
def glyphs(name: str) -> set[int]:
    """As another library reads the font."""
    with TTFont(font_file(name)) as font:
        return set(font.getBestCmap() or ())


@given(st.text(max_size=60))
@settings(deadline=None, max_examples=200)
def test_no_character_is_dropped(text: str) -> None:
    left = drawable(text)
    for character in " ".join(unicodedata.normalize("NFC", text).split()):
        for form in (character, spelt_out(character)):
            if left.startswith(form):
                left = left[len(form) :]
                break
        else:
            pytest.fail(f"{character!r} is neither drawn nor spelt out")
    assert not left


@given(st.text(max_size=60))
@settings(deadline=None, max_examples=100)
def test_what_is_drawn_has_a_glyph_in_both_fonts_and_runs_to_the_right(text: str) -> None:
    shown = drawable(text)
    shown.encode("utf-8")
    assert all(unicodedata.bidirectional(c) not in {"R", "AL", "AN", "RLO", "RLE", "RLI"} for c in shown)
    for name in (REGULAR, BOLD):
        assert {ord(c) for c in shown} <= glyphs(name)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Müller^Ånna Ελένη Ольга", "Müller^Ånna Ελένη Ольга"),
        ("A\u0308", "Ä"),
        ("山", "[U+5C71]"),
        ("ע", "[U+05E2]"),
        ("ع", "[U+0639]"),
        ("a\u202eb", "a[U+202E]b"),
        ("a\x1b[2J", "a[U+001B][2J"),
        ("\ud800", "[U+D800]"),
        ("a\n\tb", "a b"),
    ],
)
def test_scripts_that_cannot_be_drawn_are_spelt_out(text: str, shown: str) -> None:
    assert drawable(text) == shown


def test_a_long_text_says_that_it_was_cut() -> None:
    assert drawable("x" * 1_000, 50) == "x" * 50 + CUT
    assert drawable("x" * 50, 50) == "x" * 50


def test_the_font_may_be_passed_on() -> None:
    assert (font_file(REGULAR).parent / "LICENSE_DEJAVU").is_file()
