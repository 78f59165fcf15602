"""Words of charts stand out from what is behind them by 4.5 : 1, marks by 3 : 1, as WCAG 2 AA counts."""

from __future__ import annotations

import tomllib
from pathlib import Path

import altair as alt
import pandas as pd
import pytest

from apps import drawing
from tests.apps.contrast import contrast

APPS = Path(__file__).parents[2] / "apps"
THEMES = tomllib.loads((APPS / "themes.toml").read_text(encoding="utf-8"))
MARKS = (*drawing.SEVERAL, drawing.FIRST, drawing.SECOND, drawing.MUTED, drawing.STRONG, drawing.ALARM)


def behind(name: str) -> tuple[str, ...]:
    return THEMES[name]["theme.backgroundColor"], THEMES[name]["theme.secondaryBackgroundColor"]


def test_black_on_white_is_the_most_there_is() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("name", ["dark", "light"])
def test_words_and_marks_stand_out(name: str) -> None:
    for page in behind(name):
        assert contrast(drawing.INKS[name].words, page) >= 4.5
        for mark in MARKS:
            assert contrast(mark, page) >= 3, (mark, page)
    for field in (drawing.STRONG, drawing.ALARM):
        assert contrast(drawing.ON_FIELD, field) >= 4.5


@pytest.mark.parametrize("name", ["dark", "light"])
def test_every_word_of_a_chart_has_the_ink(name: str) -> None:
    ink = drawing.INKS[name].words
    chart = alt.Chart(pd.DataFrame({"a": [1], "b": ["x"]})).mark_text().encode(x="a:Q", text="b:N", color="b:N")
    drawn = drawing.in_ink(chart, drawing.INKS[name]).to_dict()
    said = drawn["config"]
    assert {said[part]["labelColor"] for part in ("axis", "legend", "header")} == {ink}
    assert {said[part]["titleColor"] for part in ("axis", "legend", "header")} == {ink}
    assert said["text"]["color"] == said["title"]["color"] == ink
    assert drawn["usermeta"]["embedOptions"]["renderer"] == "svg"


def test_charts_are_drawn_in_one_place() -> None:
    drawn = [file.name for file in APPS.rglob("*.py") if "altair_chart(" in file.read_text(encoding="utf-8")]
    assert drawn == ["drawing.py"]
