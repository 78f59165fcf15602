"""Runs: what was trained, how it went, in what two plans differ, and how far seeds lie apart."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import streamlit as st

import medtransfer as mt
from apps.drawing import draw_chart
from apps.research.courses import epoch_rows, epochs_chart, term_chart
from apps.research.outputs import outputs
from apps.research.picking import NOT_KNOWN, in_words
from apps.research.plans import changed_keys, plan_keys, same_but_for_seed
from apps.research.run_table import choose_runs, draw_measured
from apps.research.tables import draw_rows
from apps.research.trained import AUROC, LOSS, headlines, kept_epoch, run_of, run_rows, seed_rows
from apps.research.words import draw_blocks, under
from apps.text import plain, printable, trouble

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import LiteralString

    from apps.research.outputs import Outputs
    from apps.research.trained import Headline

DIGITS: Final = 12
"""Of a digest."""
_DIGEST: Final = re.compile(r"[0-9a-f]{40,}")
_SPREAD: Final = {
    name: st.column_config.NumberColumn(format="%.3g") for name in ("Mean", "Standard deviation", "Lowest", "Highest")
}


def show() -> None:
    """The whole screen."""
    st.title("Runs")
    found = outputs()
    if found is None:
        return
    if not found.runs:
        trouble(
            "There is no run in the folder of runs.",
            "Make one: `medtransfer fit plan.toml --out RUN`, with RUN inside the folder.",
        )
        return
    runs = {found.name(folder): run_of(folder) for folder in found.runs}
    measured = headlines(found)
    st.caption("Choose runs in the first column: one to see it whole, two to see in what their plans differ.")
    chosen = choose_runs(run_rows(runs))
    for name, run in runs.items():
        for problem in run.problems:
            plain(f"{name}: {problem}")
    draw_measured(runs, measured)
    for group in same_but_for_seed(tuple(runs.values())):
        _seeds(group, found, measured)
    if chosen:
        _look(chosen, runs)


def _seeds(group: Sequence[mt.Run], found: Outputs, measured: Mapping[str, Sequence[Headline]]) -> None:
    with st.container(border=True):
        seeds = ", ".join(str(run.plan.seed) for run in group if run.plan)
        plain(f"The same plan with the seeds {seeds}: {', '.join(found.name(run.folder) for run in group)}")
        rows = seed_rows(group, measured)
        if rows.empty:
            st.text("None of their figures can be compared yet.")
            return
        st.dataframe(rows, hide_index=True, column_config=_SPREAD, height="content", alt="Spread over seeds")
        st.caption("How far equal plans lie apart by chance of the seed alone: not an interval over patients.")


def _look(chosen: Sequence[str], runs: Mapping[str, mt.Run]) -> None:
    some = {name: runs[name] for name in chosen}
    _validation(some)
    if len(chosen) == 1:
        _alone(chosen[0], some[chosen[0]])
    elif len(chosen) == 2:
        _difference(*chosen, runs=runs)


def _validation(runs: Mapping[str, mt.Run]) -> None:
    rows = epoch_rows(runs)
    if rows.empty:
        st.text("No epoch of them was validated: their validation studies are too few to choose an epoch by.")
        return
    kept = {name: row.epoch + 1 for name, run in runs.items() if (row := kept_epoch(run)) is not None}
    drawn = [figure for figure in (LOSS, AUROC) if rows[figure].notna().any()]
    for column, figure in zip(st.columns(2, gap="medium"), drawn, strict=False):
        with column, st.container(border=True):
            draw_chart(
                epochs_chart(rows.dropna(subset=[figure]), figure, kept=kept),
                alt="A figure of validation after each epoch",
            )
    st.caption("After each epoch; the larger point is the one that was kept. Epochs are chosen by the log-loss alone.")
    with st.expander("The same as a table"):
        names: dict[str, LiteralString] = {
            "run": "Run",
            "epoch": "Epoch",
            "steps": "Steps",
            "low": "AUROC from",
            "high": "AUROC to",
        }
        table, looks = in_words(rows, {**names, LOSS: LOSS, AUROC: AUROC})
        st.dataframe(table, hide_index=True, column_config=looks, placeholder=NOT_KNOWN)


def _difference(one: str, other: str, *, runs: Mapping[str, mt.Run]) -> None:
    st.subheader("In what the plans differ")
    first, second = runs[one].plan, runs[other].plan
    if first is None or second is None:
        st.text("One of the plans cannot be read.")
        return
    rows = changed_keys(first, second)
    equal = len(plan_keys(first).keys() | plan_keys(second).keys()) - len(rows)
    if rows.empty:
        plain(f"In nothing: all {equal} keys are the same.")
        return
    names = {"first": printable(one), "second": printable(other)}
    draw_rows(rows.map(_short).rename(columns=names), alt="Keys in which the plans differ")
    plain(f"{len(rows)} {'key differs' if len(rows) == 1 else 'keys differ'}, {equal} are the same.")


def _short(value: str) -> str:
    """On one line; of a digest its beginning, which is enough to tell it from another."""
    return f"{value[:DIGITS]}…" if _DIGEST.fullmatch(value) else printable(value)


def _alone(name: str, listed: mt.Run) -> None:
    """One run, whole."""
    run = run_of(listed.folder, terms=True)
    for problem in run.problems[len(listed.problems) :]:
        plain(f"{name}: {problem}")
    if run.plan is None:
        return
    if run.record is None:
        st.text("This run has no bundle yet: it is still going, or was cut short, and `fit --resume` goes on with it.")
    else:
        with st.container(border=True):
            plain(mt.training_verdict(run.plan, run.record))
        if run.record.notes:
            with st.container(border=True):
                st.caption("To be wary of")
                for note in run.record.notes:
                    plain(note)
    _terms(run)


def _terms(run: mt.Run) -> None:
    words = ()
    if run.plan is not None and run.record is not None:
        words = mt.training_words(run.plan, run.record, courses=run.courses)
    if objective := under(words, "The objective"):
        st.subheader("The objective")
        draw_blocks(objective)
    if run.courses:
        st.subheader("What the terms did")
        draw_blocks(under(words, "What the terms did"))
    beside = 2 if len(run.courses) % 3 else 3
    for start in range(0, len(run.courses), beside):
        some = run.courses[start : start + beside]
        for column, course in zip(st.columns(beside, gap="medium"), some, strict=False):
            with column, st.container(border=True):
                plain(course.name)
                draw_chart(term_chart(course), alt="A term of the objective along the run")
    if took_part := under(words, "Who took part"):
        st.subheader("Who took part")
        draw_blocks(took_part)
    if weighed := under(words, "How the sources were weighed"):
        st.subheader("How the sources were weighed")
        draw_blocks(weighed)


show()
