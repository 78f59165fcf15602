"""Worklist: every study of the folder in order of arrival, who has it, what is wrong with it, and what was said of it.

Ordering by score is triage, a regulated function: there is none unless the clinic's file asks for it
(`apps/worklist/rows.py`).
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import streamlit as st

from apps import words
from apps.readers.records import current_reviews
from apps.server.bundle import opened_bundle
from apps.settings import current_settings
from apps.studies.choice import listed, open_study, open_upload, say_what_is_missing, upload
from apps.text import plain
from apps.worklist import rows as worklist
from apps.worklist.reading_list import current_predictions, current_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamlit.delta_generator import DeltaGenerator

    import medtransfer as mt
    from apps.settings import Settings
    from apps.worklist.rows import Row

SEARCH, ONLY, ORDER, OPEN, NAMED = (
    "worklist search",
    "worklist only",
    "worklist order",
    "worklist open",
    "worklist name",
)
HELD, DRAWN = "worklist held", "worklist drawn"
PERIOD = 2.0
"""Seconds between two looks at whether more is known."""

SHORT = 20
"""Letters of a note that a cell has room for where the window is narrow."""

LETTER, MARGIN, NARROW = 6.5, 18, 892
"""Pixels of a letter, beside a cell's words, and of the table in a window of 1,280."""

WIDEST = {"With": 120, "To note": 140}
"""Pixels that a column has at most, and the last one at least; 170 where nothing else is said."""

MOST_IN_FULL, FEW = 50, 8
"""Studies of which is said in full what is to note; of a few, without being asked."""

FILTERS = (worklist.UNREAD, worklist.UNCLAIMED, worklist.MINE, worklist.FLAGGED, worklist.FAILED)


def show() -> None:
    """The whole screen."""
    bundle = opened_bundle()
    if bundle is None:
        return
    st.title("Worklist")
    settings = current_settings()
    with st.container():  # one place, however much it says: an open uploader below stays open
        if settings.studies is not None:
            _folder(settings, bundle)
    with st.expander("Upload a study", expanded=settings.studies is None):
        if upload() is not None and st.button("Open the uploaded study"):
            open_upload()


def _folder(settings: Settings, bundle: mt.Bundle) -> None:
    if settings.studies is None or not settings.studies.is_dir():
        st.warning("The folder of studies is not there. Start the app with another `--studies`, or upload files.")
        return
    listing = listed()
    matched = current_predictions(bundle)
    if not listing.studies and not matched.lost:
        st.warning("The folder of studies holds no images. Start the app with another `--studies`, or upload files.")
        return
    reviews = current_reviews()
    found = None if reviews is None else current_rows(bundle, reviews, matched)
    if found is None:
        return
    chosen, beside = _controls(found, triage=settings.clinic.triage)
    with beside:
        _by_name(chosen)
    _say_how_many(len(chosen), len(found))
    if chosen:
        _table(chosen)
    st.caption("A study arrived when the newest of its files was written to the folder.")
    say_what_is_missing(listing)
    if listing.waiting:
        _until_known(listing.waiting)
    if matched.elsewhere:
        plain(f"{matched.elsewhere:,} rows of the predictions are of studies that this folder does not have.")


@st.fragment(run_every=PERIOD)
def _until_known(waiting: int) -> None:
    """Draw the list anew as more is known of it."""
    if listed().waiting != waiting:
        st.rerun()


def _controls(found: Sequence[Row], *, triage: bool) -> tuple[list[Row], DeltaGenerator]:
    """Search, filters and order, which outlive a visit to another screen: what they leave, and a place beside them."""
    orders = [worklist.OLDEST, worklist.NEWEST, worklist.BY_NAME, *([worklist.BY_SCORE] if triage else [])]
    held: dict[str, Any] = st.session_state.setdefault(HELD, {SEARCH: "", ONLY: [], ORDER: worklist.OLDEST})
    for key, value in held.items():
        st.session_state.setdefault(key, value)
    if st.session_state[ORDER] not in orders:
        st.session_state[ORDER] = worklist.OLDEST
    left, middle, right = st.columns(3)
    with left:
        search = st.text_input("Search by name", key=SEARCH)
    with middle:
        order = st.selectbox("Order", orders, key=ORDER)
    only = st.pills("Show only", FILTERS, selection_mode="multi", key=ONLY)
    st.session_state[HELD] = {SEARCH: search, ONLY: only, ORDER: order}
    return worklist.shown(worklist.ordered(found, order), search=search, only=only), right


def _by_name(chosen: Sequence[Row]) -> None:
    """The way to open a study by keyboard: type a few letters of its name, then Enter."""
    openable = [row.name for row in chosen if row.arrived is not None]
    named = st.selectbox("Open a study", openable, index=None, placeholder="Type its name", key=NAMED)
    if named is not None:
        open_study(named)


def _say_how_many(shown: int, there: int) -> None:
    """Nothing is hidden silently, and one click brings it back."""
    if shown == there:
        plain(f"All {there:,} studies are shown." if there != 1 else "The one study is shown.")
        return
    said, back = st.columns([4, 1], vertical_alignment="center")
    with said:
        plain(f"{shown:,} of {there:,} studies are shown: {there - shown:,} are left out by search and filters.")
    with back:
        st.button("Show all", on_click=_show_all, width="stretch")


def _show_all() -> None:
    st.session_state[SEARCH], st.session_state[ONLY] = "", []


def _table(chosen: Sequence[Row]) -> None:
    """A row a study, with a button that opens it. A column that says nothing of any study is not there."""
    number = _open_clicked([row.name if row.arrived is not None else "" for row in chosen])
    now = time.time()
    columns: dict[str, list[Any]] = {
        "Open": ["" if row.arrived is None else "Open" for row in chosen],
        "Study": [row.name for row in chosen],
        "Arrived": [_moment(row.arrived) for row in chosen],
        "Waiting": ["" if row.arrived is None else worklist.waiting(row.arrived, now) for row in chosen],
        "Study date": [row.date for row in chosen],
        "Score": ["" if row.score is None else f"{row.score:.2f} {row.of}" for row in chosen],
        "Read": [_reading(row) for row in chosen],
        "With": [", ".join(row.claimed) for row in chosen],
        "To note": [_noted(row) for row in chosen],
    }
    shown = {name: cells for name, cells in columns.items() if any(cells)}
    st.dataframe(
        shown,
        hide_index=True,
        height="content" if len(chosen) < 14 else 520,
        key="worklist table",
        alt="The studies, a row each",
        column_config=_columns(shown, number),
    )
    _in_full(chosen)


def _open_clicked(names: Sequence[str]) -> int:
    """Open the study on which somebody clicked; else the number of the list that is drawn now.

    A click tells a row and no name, and the list may have changed since it was drawn: a study has arrived, or was
    claimed. So it is looked up in the list that it was made in; one that was made in an older one opens nothing.
    """
    number, drawn = st.session_state.get(DRAWN, (0, []))
    click = st.session_state.get(f"{OPEN} {number}")
    if click is not None and (name := drawn[click["row"]]):
        open_study(name)
    number += list(names) != drawn
    st.session_state[DRAWN] = number, list(names)
    return number


def _columns(shown: Mapping[str, Sequence[str]], number: int) -> dict[str, Any]:
    """Each as wide as its longest cell, so that no score is cut; what is to note takes the rest."""
    wide = {
        name: min(WIDEST.get(name, 170), round(LETTER * max(len(name), *map(len, cells))) + MARGIN)
        for name, cells in shown.items()
        if name != "To note"
    } | {"Open": 60}
    if "To note" in shown:
        wide["To note"] = max(WIDEST["To note"], NARROW - sum(wide.values()))
    columns: dict[str, Any] = {name: st.column_config.TextColumn(name, width=width) for name, width in wide.items()}
    columns["Open"] = st.column_config.ButtonColumn("", type="tertiary", key=f"{OPEN} {number}", width=wide["Open"])
    return columns


def _in_full(chosen: Sequence[Row]) -> None:
    """What is to note of each study, as long as it is: a cell has one line."""
    long = [row for row in chosen if len(_noted(row)) > SHORT]
    if not long:
        return
    with st.expander("What is to note, in full", expanded=len(long) <= FEW):
        for row in long[:MOST_IN_FULL]:
            plain(f"{row.name}: {_noted(row)}")
        if len(long) > MOST_IN_FULL:
            plain(f"And {words.studies(len(long) - MOST_IN_FULL)} more: search or show fewer to see them here.")


def _moment(arrived: float | None) -> str:
    """In the server's own time, as the clocks around it show."""
    return "not in the folder" if arrived is None else f"{datetime.fromtimestamp(arrived).astimezone():%Y-%m-%d %H:%M}"


def _reading(row: Row) -> str:
    others = f"by {row.read_by_others} other{'s' * (row.read_by_others > 1)}" if row.read_by_others else ""
    return ", ".join(word for word in ("by me" if row.read else "", others) if word)


def _noted(row: Row) -> str:
    return "; ".join([*([f"failed: {row.failed}"] if row.failed else []), *row.flags])


show()
