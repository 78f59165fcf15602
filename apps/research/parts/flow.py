"""Where every input ended: behind a row stand its studies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pandas as pd
import streamlit as st

from apps.research.listed import draw_studies
from apps.text import plain, printable

if TYPE_CHECKING:
    import medtransfer as mt
    from apps.research.parts import Shown

REPLACES: Final = ()
LISTS: Final = True


def show(shown: Shown) -> None:
    """A row a box, from which its studies are listed."""
    flow = shown.evaluation.flow
    excluded, failed = sum(flow.excluded.values()), sum(flow.failed.values())
    plain(
        f"{flow.inputs:,} inputs = {excluded:,} excluded by rule + {failed:,} failed + {flow.unlabelled:,} without a "
        f"label + {flow.evaluated:,} evaluated."
    )
    rows = flow_rows(flow)
    left, right = st.columns(2, gap="medium")
    with left:
        event: Any = st.dataframe(
            rows[["Where", "Reason", "Studies"]],
            hide_index=True,
            key=f"{shown.key} flow",
            on_select="rerun" if shown.studies is not None else "ignore",
            selection_mode="single-row",
            alt="Where every input ended",
        )
    with right:
        chosen = [] if shown.studies is None else event["selection"]["rows"]
        if not chosen or shown.studies is None:
            st.caption("Choose a row to list its studies.")
            return
        row = rows.iloc[chosen[0]]
        behind = _behind(shown.studies, row)
        draw_studies(behind, f"{', '.join(filter(None, [row['Where'], row['Reason']]))}:", key=f"{shown.key} ended")


def flow_rows(flow: mt.Flow) -> pd.DataFrame:
    """The boxes as they stand in the JSON."""
    rows = [("Excluded by rule", code, n, "excluded") for code, n in flow.excluded.items()]
    rows += [("Failed", code, n, "failed") for code, n in flow.failed.items()]
    rows += [("Without a label", "", flow.unlabelled, "read")] if flow.unlabelled else []
    rows += [("Evaluated", name, n, "evaluated") for name, n in flow.per_class.items()]
    if not flow.per_class:
        rows.append(("Evaluated", "", flow.evaluated, "evaluated"))
    table = pd.DataFrame(rows, columns=["Where", "code", "Studies", "status"])
    return table.assign(Reason=[printable(code) for code in table["code"]])


def _behind(studies: mt.JudgedStudies, row: pd.Series) -> pd.DataFrame:
    if row["status"] == "evaluated":
        return studies.with_truth(row["code"])
    return studies.ended(row["status"], row["code"])
