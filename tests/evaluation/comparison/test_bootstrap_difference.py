"""The paired bootstrap's interval and p."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtransfer.evaluation.comparison.bootstrap_difference import replicated


@given(st.integers(0, 1000), st.floats(-1, 1))
@settings(deadline=None, max_examples=60)
def test_interval_and_p_agree_and_turn_with_the_sign(seed: int, centre: float) -> None:
    values = np.random.default_rng(seed).normal(centre, 0.4, size=999)
    there = replicated(centre, values, patients=50, level=0.95)
    back = replicated(-centre, -values, patients=50, level=0.95)
    assert there.interval is not None
    assert back.interval is not None
    assert there.interval.low <= centre <= there.interval.high
    assert (-back.interval.high, -back.interval.low) == pytest.approx(there.interval, abs=1e-12)
    assert there.p == back.p
    assert there.p is not None
    if there.p < 0.05:
        assert not there.interval.low <= 0 <= there.interval.high
    assert there.p >= 1 / 1000


def test_p_of_a_margin_is_one_sided() -> None:
    values = np.linspace(-0.06, 0.03, 1000)
    found = replicated(0.0, values, patients=50, level=0.95)
    assert found.p_below(-0.05, sign=1) == pytest.approx(112 / 1001)  # 111 of the values, and one.
    assert found.p_below(-0.05, sign=-1) == pytest.approx(1 / 1001)


def test_figures_that_do_not_vary_are_not_certain() -> None:
    nothing = replicated(0.0, np.zeros(200), patients=50, level=0.95)
    assert (nothing.interval, nothing.p, nothing.p_below(-0.05, sign=1)) == (None, 1.0, None)
    assert "same" in nothing.note
    always = replicated(0.2, np.full(200, 0.2), patients=50, level=0.95)
    assert (always.interval, always.p) == (None, None)


def test_replicates_that_lack_a_class() -> None:
    values = np.random.default_rng(0).normal(size=1000)
    values[:10] = np.nan
    few = replicated(0.0, values, patients=50, level=0.95)
    assert few.interval is not None
    assert few.replicates.size == 990
    assert "10 of 1000" in few.note
    values[10] = np.nan
    assert replicated(0.0, values, patients=50, level=0.95).interval is None


def test_one_patient_has_no_interval() -> None:
    found = replicated(0.1, np.random.default_rng(0).normal(size=200), patients=1, level=0.95)
    assert (found.interval, found.p) == (None, None)
    assert "patients" in found.note
