"""Cohort: what became of every file, what there is, and how it looks; as `inspect`, `fit` and `predict` wrote it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import streamlit as st

import medtransfer as mt
from apps.research.content import content_key
from apps.research.ledgers import draw_ledger
from apps.research.outputs import Outputs, outputs
from apps.research.tables import ROOM
from apps.research.words import BETWEEN_COLUMNS, draw_blocks, draw_warnings, under
from apps.text import plain, trouble

SHEET: Final = "contact_sheet.png"
HALF: Final = ROOM // 2 - BETWEEN_COLUMNS
_FILES: Final = ("inspection.json", "ledger.csv", "duplicates.csv")


def show() -> None:
    """The whole screen."""
    st.title("Cohort")
    found = outputs()
    if found is None:
        return
    folder = _chosen(found)
    if folder is None:
        return
    if folder in found.inspections:
        _inspection(folder, found)
    st.subheader("Ledger")
    if (folder / "ledger.csv").is_file():
        draw_ledger(folder, found)
    else:
        st.text("There is no ledger beside it: inspect again.")


def _chosen(found: Outputs) -> Path | None:
    """An inspection, or the ledger of a run or of predictions; inspections first."""
    folders = tuple(dict.fromkeys([*found.inspections, *found.ledgers]))
    if not folders:
        trouble(
            "There is no inspection and no ledger in the folder of runs.",
            "Write one: `medtransfer inspect PLACE --out FOLDER`, with FOLDER inside the folder of runs.",
        )
        return None
    if len(folders) == 1:
        return folders[0]
    place = st.selectbox("Inspection or ledger", range(len(folders)), format_func=lambda at: found.name(folders[at]))
    return folders[place]


def _inspection(folder: Path, found: Outputs) -> None:
    try:
        inspection, words = _read_once(content_key(*(folder / name for name in _FILES)), folder)
    except mt.MedTransferError as error:
        trouble("This inspection cannot be read.", f"{found.name(folder)}: {error.message}.", error.hint or "")
        _sheet(folder)
        return
    counts = inspection.ledger.counts()
    with st.container(border=True):
        plain(
            f"{counts['inputs']:,} {'file' if counts['inputs'] == 1 else 'files'}: {counts['read']:,} read, "
            f"{counts['excluded']:,} excluded by rule, {counts['failed']:,} failed."
        )
    draw_warnings(inspection.warnings)
    draw_blocks(words[:1])
    failed, excluded = st.columns(2, gap="large")
    with failed:
        st.subheader("Failed")
        draw_blocks(under(words, "Failed"), room=HALF)
    with excluded:
        st.subheader("Excluded by rule")
        draw_blocks(under(words, "Excluded by rule"), room=HALF)
    _sheet(folder)
    st.subheader("The same picture more than once")
    draw_blocks(under(words, "The same picture more than once"))
    st.subheader("Identifiers")
    draw_blocks(under(words, "Identifiers"))
    if table := under(words, "Cohort table"):
        st.subheader("Cohort table")
        draw_blocks(table)
    if facts := under(words, "What the scans are"):
        st.subheader("What the scans are")
        draw_blocks(facts)


def _sheet(folder: Path) -> None:
    """The contact sheet, as `inspect` drew it."""
    path = folder / SHEET
    if not path.is_file():
        return
    st.subheader("At a glance")
    try:
        st.image(path.read_bytes(), width="stretch", output_format="PNG")
    except Exception:  # noqa: BLE001 - whatever a decoder says of a damaged picture, the rest is drawn
        st.text("The contact sheet cannot be shown: inspect again.")
        return
    st.caption(
        "As they are shown: window and polarity applied, volumes by their middle slice. Letters say towards which side "
        "of the patient an edge lies; there are none where the file does not say."
    )


@st.cache_resource(max_entries=4, show_spinner="Reading the inspection …")
def _read_once(key: str, _folder: Path) -> tuple[mt.Inspection, tuple[mt.ReportBlock, ...]]:
    del key
    inspection = mt.read_inspection(_folder)
    return inspection, mt.inspection_words(inspection)


show()
