"""Foreign text on the screen: what comes from files, headers, names or bundles is never markup.

Labels of our own are literals, which the type checker sees to. Everything else goes through `plain`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from typing import LiteralString

LONGEST = 2_000
"""Characters that are shown of one piece of text."""


def printable(text: str) -> str:
    """One line without control, direction-changing or undecodable characters; cut after `LONGEST`."""
    line = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in " ".join(text.split()))
    return line if len(line) <= LONGEST else f"{line[:LONGEST]} …"


def plain(text: str) -> None:
    """Show text as it is: no Markdown, no HTML."""
    st.text(printable(text))


def fact(label: LiteralString, value: str) -> None:
    """A small label of our own, and what stands behind it."""
    with st.container(gap=None):
        st.caption(label)
        plain(value or "not stated")


def why(formula: LiteralString, *sentences: str) -> None:
    """A button that says where a number comes from: its formula, and in plain text what went into it."""
    with st.popover("Why this number?", type="tertiary", icon=":material/help:"):
        st.latex(formula)
        for sentence in sentences:
            if sentence:
                plain(sentence)


def trouble(what: LiteralString, *sentences: str) -> None:
    """Something that stops the user: what, and in plain text why and what to do."""
    st.warning(what)
    for sentence in sentences:
        if sentence:
            plain(sentence)
