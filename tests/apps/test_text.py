"""Foreign text on the screen."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.text import LONGEST, printable


@given(st.text(max_size=200))
@settings(deadline=None, max_examples=100)
def test_printable_text_is_one_line_that_can_be_sent(text: str) -> None:
    shown = printable(text)
    shown.encode("utf-8")
    assert shown.isprintable()


def test_undecodable_reversed_and_endless_text() -> None:
    assert printable("a\udcffb\u202ec\x1b[0m") == "a\ufffdb\ufffdc\ufffd[0m"
    assert len(printable("x" * 10**6)) == LONGEST + 2
