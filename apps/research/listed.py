"""The studies behind what was clicked: a list, and from each of them the way to its screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import streamlit as st

from apps.research.tables import without_same
from apps.studies.choice import ADDRESS, listed
from apps.text import plain, printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

MOST: Final = 2_000
"""Studies of one list."""

_COLUMNS: Final = {
    "study_id": "Study",
    "probability": "Probability",
    "truth": "Truth",
    "decision": "Called",
    "site": "Site",
    "flags": "Flags",
    "status": "Status",
    "error": "Reason",
}

_ALIKE: Final = ("Truth", "Called", "Site", "Status")
"""Of the columns, those that are said once where all studies are alike."""


class Behind(NamedTuple):
    """Studies that stand behind what was clicked, what they are behind, and the key of their list."""

    studies: pd.DataFrame
    what: str
    key: str


def draw_behind(lists: Iterable[Behind | None]) -> None:
    """Those that there are, as wide as the page: their columns have no room beside each other in half of it."""
    for one in lists:
        if one is not None:
            draw_studies(one.studies, one.what, key=one.key)


def draw_studies(studies: pd.DataFrame, what: str, *, key: str) -> None:
    """A list in which one study can be chosen; a single one is chosen already.

    Args:
        studies: `study_id` first, then whatever of `_COLUMNS` is known.
        what: What they are behind, in a sentence.
        key: Of the widgets.
    """
    with st.container(border=True):
        plain(f"{what} {len(studies):,} {'study' if len(studies) == 1 else 'studies'}.")
        if studies.empty:
            return
        if len(studies) > MOST:
            plain(f"The first {MOST:,} are listed.")
        shown = studies.head(MOST)
        chosen = 0
        if len(shown) > 1:
            rows = _printable(shown).rename(columns=_COLUMNS)
            rows, same = without_same(rows[[name for name in rows if (rows[name] != "").any()]], _ALIKE)
            if same:
                plain(f"The same in all: {same}.")
            event: Any = st.dataframe(
                rows,
                hide_index=True,
                placeholder="–",
                key=key,
                on_select="rerun",
                selection_mode="single-row",
                column_config={"Probability": st.column_config.NumberColumn(format="%.4f")},
                height=min(320, 38 + 35 * len(shown)),
                alt="Studies; choose a row to open one",
            )
            picked = event["selection"]["rows"]
            if not picked:
                st.caption("Choose a row to open its study.")
                return
            chosen = picked[0]
        _offer(shown.iloc[chosen], alone=len(shown) == 1)


def offer_study(study_id: str) -> None:
    """The way to a study's screen, where the folder has it."""
    name = listed().place(study_id)
    if name is None:
        st.caption("Not in the folder of studies that the app was started with.")
        return
    st.page_link("views/study.py", label="Open the study", icon=":material/radiology:", query_params={ADDRESS: name})


def _offer(row: pd.Series, *, alone: bool) -> None:
    said = [f"{title} {_cell(row[name])}" for name, title in _COLUMNS.items() if name in row and str(row[name])]
    if alone:
        plain(" · ".join(said))
    else:
        plain(str(row["study_id"]))
    offer_study(str(row["study_id"]))


def _cell(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _printable(studies: pd.DataFrame) -> pd.DataFrame:
    """The same with every word on one visible line; a bidirectional override would act in a cell, too."""
    words = [name for name in studies.columns if name != "probability"]
    return studies.assign(**{name: [printable(str(cell)) for cell in studies[name]] for name in words})
