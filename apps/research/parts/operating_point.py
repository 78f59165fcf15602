"""Decisions at the operating point: behind a field stand its studies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd
import streamlit as st

from apps.research.charts import confusion_chart
from apps.research.listed import draw_studies
from apps.research.picking import pick

if TYPE_CHECKING:
    import medtransfer as mt
    from apps.research.parts import Shown

REPLACES: Final = ()
_FIELDS: Final = (
    ("true_positive", "true positive", True, True),
    ("false_negative", "false negative", False, True),
    ("false_positive", "false positive", True, False),
    ("true_negative", "true negative", False, False),
)
"""Name in the JSON, in words, whether called, whether it was there."""


def show(shown: Shown) -> None:
    """The four fields."""
    if shown.evaluation.operating is None:
        return
    cells = confusion_cells(shown.evaluation.operating)
    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True):
        at = pick(
            confusion_chart(cells),
            cells,
            names={"truth": "Truth", "call": "Decision", "what": "That is a", "studies": "Studies"},
            key=f"{shown.key} confusion",
            clickable=shown.studies is not None,
            alt="Decisions on these studies",
        )
    with right:
        if at is None or shown.studies is None:
            st.caption("Choose a field to list its studies.")
            return
        _, what, positive, truth = _FIELDS[at]
        studies = shown.studies.called(shown.evaluation.operating.point.positive, positive=positive, truth=truth)
        draw_studies(studies, f"{what.capitalize()}:", key=f"{shown.key} confused")


def confusion_cells(record: mt.OperatingFigures) -> pd.DataFrame:
    """The counts as they stand in the JSON."""
    positive = record.point.positive
    return pd.DataFrame(
        [
            {
                "at": at,
                "truth": positive if there else f"not {positive}",
                "call": "Called positive" if called else "Called negative",
                "studies": getattr(record.confusion, name),
                "what": what,
                "is_right": called == there,
            }
            for at, (name, what, called, there) in enumerate(_FIELDS)
        ]
    )
