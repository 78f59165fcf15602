"""Evaluation: how well the predictions of a cohort hold, and behind every figure its studies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import streamlit as st

import medtransfer as mt
from apps.research.evaluated import evaluation_key, judged_beside, part_once, read_once
from apps.research.outputs import outputs
from apps.research.parts import Shown, clickable, words_beside
from apps.research.theme import draw_pictures
from apps.research.words import cards, draw_blocks, draw_table, draw_warnings
from apps.text import plain, printable, trouble

if TYPE_CHECKING:
    from pathlib import Path

    from apps.research.outputs import Outputs

FIRST: Final = "Discrimination"
ALL: Final = "All overall figures"


def show() -> None:
    """The whole screen."""
    st.title("Evaluation")
    found = outputs()
    if found is None:
        return
    folder = _chosen(found)
    if folder is None:
        return
    key = evaluation_key(folder)
    try:
        evaluation = read_once(key, folder)
    except mt.MedTransferError as error:
        trouble("This evaluation cannot be read.", f"{found.name(folder)}: {error.message}.", error.hint or "")
        return
    _draw(evaluation, found, key=key)


def _chosen(found: Outputs) -> Path | None:
    if not found.evaluations:
        trouble(
            "There is no evaluation in the folder of runs.",
            "Write one: `medtransfer evaluate PREDICTIONS --out REPORT`, with REPORT inside the folder.",
        )
        return None
    if len(found.evaluations) == 1:
        return found.evaluations[0]
    place = st.selectbox(
        "Report", range(len(found.evaluations)), format_func=lambda at: found.name(found.evaluations[at])
    )
    return found.evaluations[place]


def _draw(evaluation: mt.Evaluation, found: Outputs, *, key: str) -> None:
    head = mt.report_head(evaluation)
    plain(head.title)
    with st.container(border=True):
        plain(head.verdict)
    draw_warnings(evaluation.warnings)
    cards(
        [
            (one.name, one.value, "\n".join(filter(None, [one.level, one.interval, one.reference])))
            for one in head.headlines
        ]
    )
    judged = judged_beside(evaluation, found, key=key)
    if judged.problem:
        plain(judged.problem)
    _parts(evaluation, head, judged.studies, key)
    with st.expander("Made from"):
        for name, value in head.made_from:
            plain(f"{name}: {value}")


@st.fragment
def _parts(evaluation: mt.Evaluation, head: mt.ReportHead, studies: mt.JudgedStudies | None, key: str) -> None:
    """One part at a time: choosing another, or a point in it, draws that alone."""
    titles = tuple(dict.fromkeys(heading.partition(": ")[0] for heading in head.headings))
    options = [*titles, ALL]
    title = st.selectbox(
        "Part of the report",
        options,
        index=options.index(FIRST) if FIRST in titles else 0,
        key=f"{key} part",
        width=400,
    )
    if title == ALL:
        draw_table(head.overall)
        return
    headings = [heading for heading in head.headings if heading.partition(": ")[0] == title]
    place = 0
    if len(headings) > 1:
        names = [printable(heading.partition(": ")[2]) for heading in headings]
        place = st.selectbox("Finding", range(len(names)), format_func=lambda at: names[at], key=f"{key} {title}")
    part = part_once(key, headings[place], evaluation)
    shown = Shown(evaluation=evaluation, studies=studies, part=part, key=key)
    own = clickable(part.name)
    if own is None:
        draw_pictures(part)
        draw_blocks(part.blocks)
    else:
        own.show(shown)
        draw_pictures(part, but=own.REPLACES)
        draw_blocks(words_beside(own, part.blocks))


show()
