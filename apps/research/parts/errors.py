"""The most confident errors: each with its picture in little, and the way to its study."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import streamlit as st

from apps.research.listed import offer_study
from apps.text import plain

if TYPE_CHECKING:
    import medtransfer as mt
    from apps.research.parts import Shown

REPLACES: Final = ()
LISTS: Final = True
_SIDE: Final = 8
_LARGER: Final = 16
_COLUMNS: Final = 4


def show(shown: Shown) -> None:
    """Both rows of every finding."""
    for record in shown.evaluation.errors:
        if len(shown.evaluation.errors) > 1:
            plain(record.of)
        _row(
            "false negatives" if record.threshold is not None else "lowest probabilities with the finding",
            record.false_negatives,
            record.n_false_negatives,
        )
        _row(
            "false positives" if record.threshold is not None else "highest probabilities without it",
            record.false_positives,
            record.n_false_positives,
        )


def _row(what: str, cases: tuple[mt.ErrorCase, ...], of: int) -> None:
    plain(f"{len(cases):,} of {of:,} {what}")
    for start in range(0, len(cases), _COLUMNS):
        for column, case in zip(st.columns(_COLUMNS), cases[start : start + _COLUMNS], strict=False):
            with column, st.container(border=True, gap="small", height="stretch"):
                _tile(case)


def _tile(case: mt.ErrorCase) -> None:
    if len(case.thumbnail) == _SIDE * _SIDE:
        greys = np.array(case.thumbnail, dtype=np.uint8).reshape(_SIDE, _SIDE)
        st.image(greys.repeat(_LARGER, 0).repeat(_LARGER, 1), output_format="PNG")
    st.metric("Probability", f"{case.probability:.3f}", label_visibility="collapsed")
    with st.container(gap=None):
        plain(case.study_id)
        plain(f"truth: {case.truth}")
        for name, value in case.attributes.items():
            plain(f"{name}: {value}")
        if case.flags:
            plain(", ".join(case.flags))
    offer_study(case.study_id)
