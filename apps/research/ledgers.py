"""A ledger on the screen: counts that reconcile, what they are made of, and every row, filtered."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import pandas as pd
import streamlit as st

import medtransfer as mt
from apps.research.content import content_key
from apps.text import plain, printable

if TYPE_CHECKING:
    from apps.research.outputs import Outputs

FILE: Final = "ledger.csv"
STATUSES: Final = ("failed", "excluded", "read")
"""In the order in which they are shown."""

COLUMNS: Final = {
    "path": "File",
    "status": "Status",
    "code": "Code",
    "stage": "Stage",
    "reason": "Reason",
    "hint": "What to do",
    "study_id": "Study",
    "notes": "Notes",
}
"""Of the rows, and what they are called; patients and series stand in the file."""

ANY: Final = "any"


def draw_ledger(folder: Path, found: Outputs) -> None:
    """Counts, reasons, rows; one sentence where the ledger cannot be read."""
    try:
        ledger = read_once(content_key(folder / FILE), folder)
    except mt.MedTransferError as error:
        plain(f"The ledger of {found.name(folder)} cannot be read: {error.message}. {error.hint or ''}")
        return
    plain(equation(ledger.counts()))
    rows, reasons = rows_once(content_key(folder / FILE), ledger), reason_rows(ledger)
    if len(reasons):
        st.dataframe(reasons, hide_index=True, height="content", alt="Files by status and code")
    status, code, words = st.columns(3)
    with status:
        wanted = st.selectbox("Status", [ANY, *STATUSES], key=f"status {folder}") or ANY
    with code:
        codes = [ANY, *sorted({one for one in rows["code"] if one})]
        wanted_code = st.selectbox("Code", codes, key=f"code {folder}") or ANY
    with words:
        text = st.text_input("File, reason or note contains", key=f"words {folder}")
    kept = filtered(rows, status=wanted, code=wanted_code, words=text)
    plain(f"{len(kept):,} of {len(rows):,} rows, failed and excluded ones first.")
    st.dataframe(kept, hide_index=True, column_config=COLUMNS, alt="One row a file")


def equation(counts: dict[str, int]) -> str:
    """`1,003 files = 983 read + 14 excluded + 6 failed.`"""
    files = "file" if counts["inputs"] == 1 else "files"
    parts = " + ".join(f"{counts[status]:,} {status}" for status in ("read", "excluded", "failed"))
    return f"{counts['inputs']:,} {files} = {parts}."


def reason_rows(ledger: mt.Ledger) -> pd.DataFrame:
    """Files by status and code, as the JSON of an inspection has them."""
    rows = [(status, printable(code), files) for (status, code), files in ledger.by_reason().items()]
    return pd.DataFrame(rows, columns=["Status", "Code", "Files"])


def filtered(rows: pd.DataFrame, *, status: str, code: str, words: str) -> pd.DataFrame:
    """Rows of this status and code in which all the words occur, whatever their case."""
    kept = pd.Series(data=True, index=rows.index)
    if status != ANY:
        kept &= rows["status"] == status
    if code != ANY:
        kept &= rows["code"] == code
    for word in words.casefold().split():
        kept &= (
            (rows["path"] + " " + rows["reason"] + " " + rows["notes"]).str.casefold().str.contains(word, regex=False)
        )
    return rows[kept]


@st.cache_resource(max_entries=8, show_spinner="Reading the ledger …")
def read_once(key: str, _folder: Path) -> mt.Ledger:
    """The ledger of this content.

    Raises:
        MedTransferError: It cannot be read.
    """
    del key
    return mt.read_ledger(_folder)


@st.cache_resource(max_entries=8, show_spinner=False)
def rows_once(key: str, _ledger: mt.Ledger) -> pd.DataFrame:
    """Its rows as text of one visible line each, failed ones first. Not to be changed."""
    del key
    table = _ledger.table()[list(COLUMNS)].map(printable).astype(object)
    order = {status: place for place, status in enumerate(STATUSES)}
    return table.sort_values("status", key=lambda column: column.map(order), kind="stable").reset_index(drop=True)
