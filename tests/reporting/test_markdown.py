from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from medtransfer.core.inert import visible
from medtransfer.reporting.markdown import inert, table

HOSTILE = (
    "<script>alert(1)</script>",
    "![x](http://evil.example/x.png)",
    "[a](b)",
    "www.evil.example",
    "http://evil.example",
    "# heading",
    "- item",
    "1. item",
    "a | b",
    "*a* _b_ `c` ~~d~~",
    "&lt;",
    "$x$",
    "a\nb",
    "---",
    "===",
    "\\*",
)
PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def shown(text: str) -> str:
    """What a reader sees of a paragraph, all of it plain text."""
    tokens = PARSER.parse(text)
    kinds = {token.type for token in tokens} | {child.type for token in tokens for child in token.children or ()}
    assert kinds <= {"paragraph_open", "paragraph_close", "inline", "text", "text_special"}, kinds
    return "".join(child.content for token in tokens for child in token.children or ())


@pytest.mark.parametrize("text", HOSTILE)
def test_text_stays_text(text: str) -> None:
    assert shown(f"Said: {inert(text)}") == f"Said: {' '.join(text.split())}"
    assert shown(inert(text)) == " ".join(text.split())


@given(st.text(st.characters(codec="ascii"), max_size=12))
def test_every_text_is_shown_letter_for_letter(text: str) -> None:
    assert shown(inert(text)) == visible(" ".join(text.split()))


@pytest.mark.parametrize("text", ["http://evil.example", "https://evil.example", "www.evil.example", "ftp://a.b"])
def test_no_address_is_left_whole(text: str) -> None:
    assert not re.search(r"(?<!\\)://|www\.", inert(text))


def test_cells_stay_in_their_columns() -> None:
    lines = table(["a", "b"], [["x|y", "z\n| w |"], ["", "-"]]).splitlines()
    assert lines[:2] == ["| a | b |", "| --- | --- |"]
    tokens = PARSER.parse("\n".join(lines))
    assert [token.type for token in tokens].count("td_open") == 4
