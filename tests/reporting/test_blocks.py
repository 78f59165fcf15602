"""Pieces of a page say what the page says, and nothing of them is markup."""

from __future__ import annotations

import re

import pytest

from medtransfer.core.evaluated.evaluation import Evaluation
from medtransfer.reporting.blocks import (
    ReportBlock,
    ReportFacts,
    ReportItems,
    ReportMore,
    ReportTable,
    ReportWords,
    blocks,
)
from medtransfer.reporting.evaluation_parts import parts, undrawn_parts
from medtransfer.reporting.screen import report_head, report_part

HOSTILE = '<script>alert(1)</script>"&amp;'


def said(pieces: tuple[ReportBlock, ...]) -> str:
    """Every word of them."""
    return " ".join(word for piece in pieces for word in _said(piece))


def _said(piece: ReportBlock) -> list[str]:
    match piece:
        case ReportWords():
            return [piece.text]
        case ReportItems():
            return list(piece.items)
        case ReportFacts():
            return [word for row in piece.rows for word in row]
        case ReportTable():
            return [piece.caption, *piece.head, *(cell for row in piece.rows for cell in row)]
        case ReportMore():
            return [piece.summary, said(piece.blocks)]


def words_of(html: str) -> list[str]:
    """The words of a page, told from its markup by another way."""
    import html as escapes

    return sorted(escapes.unescape(re.sub(r"<[^>]+>", " ", html)).split())


@pytest.mark.parametrize("kind", ["evaluation", "multi_class", "multi_label", "ordinal", "read_by_three"])
def test_no_word_and_no_number_is_lost(kind: str, request: pytest.FixtureRequest) -> None:
    evaluation: Evaluation = request.getfixturevalue(kind)
    for section in parts(evaluation):
        found = said(blocks(section.body)).split()
        missing = set(words_of(section.body)) - set(found)
        joined = "".join(found)
        assert not {word for word in missing if word not in joined}, section.heading


def test_every_kind_of_piece() -> None:
    html = (
        "<h3>Head</h3><p class='small muted'>a <strong>b</strong>\n c</p><ul><li>one</li><li>two<br>three</li></ul>"
        "<dl><dt>k</dt><dd>v</dd></dl><details><summary>s</summary><p>inside</p></details><svg><text>no</text></svg>"
        "<table><caption>c</caption><thead><tr><th></th><th colspan='2' class='num'>Both</th></tr>"
        "<tr><th>A</th><th class='num'>B</th><th class='num'>C</th></tr></thead>"
        "<tbody><tr><th>x</th><td class='num'>1<br><span>2</span></td><td>3</td></tr>"
        "<tr><th>y</th><td colspan='2'>none</td></tr></tbody></table>"
    )
    assert blocks(html) == (
        ReportWords(text="Head", heading=True),
        ReportWords(text="a b c", small=True),
        ReportItems(items=("one", "two\nthree")),
        ReportFacts(rows=(("k", "v"),)),
        ReportMore(summary="s", blocks=(ReportWords(text="inside"),)),
        ReportTable(
            caption="c",
            head=("A", "Both: B", "Both: C"),
            numeric=(False, True, True),
            rows=(("x", "1\n2", "3"), ("y", "none", "")),
        ),
    )


def test_a_heading_of_rows_stands_once() -> None:
    (table,) = blocks(
        "<table><thead><tr><th>Attribute</th><th>Evaluated</th><th>Training</th><th>SMD</th></tr></thead>"
        "<tbody><tr><th colspan='3'>Site</th><td>0.00</td></tr></tbody></table>"
    )
    assert isinstance(table, ReportTable)
    assert table.rows == (("Site", "", "", "0.00"),)


def test_a_name_that_looks_like_markup_comes_out_as_it_was(evaluation: Evaluation) -> None:
    text = evaluation.model_dump_json().replace('"pneumonia"', '"' + HOSTILE.replace('"', '\\"') + '"')
    hostile = Evaluation.model_validate_json(text)
    part = report_part(hostile, "Operating point")
    facts = next(piece for piece in part.blocks if isinstance(piece, ReportFacts))
    assert dict(facts.rows)["Positive class"] == HOSTILE
    for one in report_head(hostile).headings:
        for drawing in report_part(hostile, one).drawings:
            assert "<script" not in drawing.light + drawing.dark


@pytest.mark.parametrize("kind", ["evaluation", "multi_class", "multi_label", "ordinal", "read_by_three"])
def test_headings_of_what_is_not_drawn_yet_are_those_of_the_page(kind: str, request: pytest.FixtureRequest) -> None:
    evaluation: Evaluation = request.getfixturevalue(kind)
    for part in undrawn_parts(evaluation):
        assert part.draw().heading == part.heading


def test_the_head_says_what_the_page_says(evaluation: Evaluation, page: str) -> None:
    head, words = report_head(evaluation), " ".join(words_of(page))
    for word in " ".join([head.title, head.verdict, *(f"{one.name} {one.value}" for one in head.headlines)]).split():
        assert word in words
    assert [row[0] for row in head.overall.rows][:1] == [head.headlines[0].name]
    with pytest.raises(KeyError):
        report_part(evaluation, "No such part")


def test_dark_drawings_have_the_colours_of_dark_mode(evaluation: Evaluation) -> None:
    (drawing, *_) = report_part(evaluation, "Discrimination").drawings
    assert "var(--" not in drawing.light + drawing.dark
    assert "#79bdea" in drawing.dark
    assert "#0a5c91" in drawing.light
    assert drawing.dark.startswith("<svg width=")
