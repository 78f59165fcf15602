"""Holm's adjustment equals statsmodels'."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from medtransfer.evaluation.comparison.multiplicity import holm


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
@settings(deadline=None, max_examples=20)  # statsmodels takes its time.
def test_equals_statsmodels(p: list[float]) -> None:
    assert holm(p) == pytest.approx(list(np.asarray(multipletests(p, method="holm")[1])), abs=1e-15)


@given(st.lists(st.floats(0, 1) | st.none(), max_size=12))
def test_what_could_not_be_tested_costs_nothing(p: list[float | None]) -> None:
    known = [one for one in p if one is not None]
    adjusted = holm(p)
    assert [one is None for one in adjusted] == [one is None for one in p]
    assert tuple(one for one in adjusted if one is not None) == holm(known)
    assert all(a >= b for a, b in zip(holm(known), known, strict=True) if a is not None)


def test_one_comparison_is_left_as_it_is() -> None:
    assert holm([0.03]) == (0.03,)
    assert holm([0.04, 0.01, 0.03]) == pytest.approx((0.06, 0.03, 0.06))
