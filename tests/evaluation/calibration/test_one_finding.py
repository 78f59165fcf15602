"""The whole record: intervals, edge cases, laws."""

from __future__ import annotations

import numpy as np
import pytest
from calibrated import calibration_curves, simulated
from hypothesis import given, settings
from hypothesis import strategies as st

from medtransfer.core.evaluated.calibration import Calibration
from medtransfer.evaluation.calibration.one_finding import calibration
from medtransfer.evaluation.positive import Positive, ascending

DISTANCES = ("ICI", "E50", "E90", "ECE", "RMS", "maximum")


def measured(view: Positive, *, seed: int = 0, replicates: int = 200) -> Calibration:
    return calibration(view, of="pneumonia", seed=seed, replicates=replicates)


def test_calibration_curves_data() -> None:
    found = measured(calibration_curves(), replicates=2000)
    assert found.slope.value == pytest.approx(0.82278, abs=5e-6)
    assert found.brier.score.value == pytest.approx(0.177033, abs=5e-7)
    intercept, slope = found.bootstrapped
    for boot, wald in ((intercept, found.intercept), (slope, found.slope)):
        assert boot.value == wald.value
        assert boot.low == pytest.approx(wald.low, abs=0.04)
        assert boot.high == pytest.approx(wald.high, abs=0.04)
    assert found.smooth.knots == 5


CASES = st.integers(0, 50).flatmap(
    lambda n: st.tuples(
        st.just(n),
        st.integers(0, 9999),
        st.sampled_from([0.0, 0.05, 0.4, 1.0]),
        st.sampled_from([1, 3, 60]),
        st.booleans(),
    )
)


@given(CASES)
@settings(deadline=None, max_examples=60)
def test_every_figure_is_a_number_with_its_interval_or_says_why_not(cases: tuple[int, int, float, int, bool]) -> None:
    n, seed, share, each, round_ = cases
    generator = np.random.default_rng(seed)
    p = generator.random(n)
    view = ascending(generator.random(n) < share, np.round(p, 1) if round_ else p, np.arange(n) // each)
    found = measured(view, replicates=100)
    for one in found.estimates():
        assert one.of == "pneumonia"
        assert one.n == n
        if one.value is None:
            assert one.note
            continue
        assert np.isfinite(one.value)
        if one.low is None or one.high is None:
            assert "no interval" in one.note
        elif not one.name.startswith(DISTANCES):
            assert one.low <= one.value <= one.high
    curve = found.smooth.curve
    assert (curve is None) == (found.smooth.ici.value is None)
    if found.histogram is not None:
        assert sum(map(sum, found.histogram.counts.values())) == n == sum(one.n for one in found.bins)
    assert Calibration.model_validate_json(found.model_dump_json()) == found


def test_equal_seeds_give_equal_bytes_and_neither_patients_names_nor_the_order_of_rows_matter() -> None:
    view = simulated(300, seed=2, each=2)
    order = np.random.default_rng(0).permutation(300)
    again = ascending(view.truth[order], view.probability[order], 1000 - view.groups[order])
    assert measured(again).model_dump_json() == measured(view).model_dump_json()
    assert measured(view, seed=1).model_dump_json() != measured(view).model_dump_json()


def test_distances_of_right_probabilities_lie_too_high_and_say_so() -> None:
    """The mean of the bootstrap is above the figure, which is above the truth, 0."""
    found = measured(simulated(400, seed=11), replicates=500)
    for one in (found.smooth.ici, found.errors[0].expected):
        assert one.low is not None
        assert one.high is not None
        assert one.value is not None
        assert (one.low + one.high) / 2 > one.value > 0
        assert "chance can only raise" in one.note


def test_probabilities_that_are_too_extreme() -> None:
    found = measured(simulated(3000, seed=1, slope=2.0), replicates=500)
    assert found.slope.high is not None
    assert found.slope.value == pytest.approx(0.5, abs=0.08)
    assert found.slope.high < 1
    assert found.smooth.curve is not None
    assert found.smooth.ici.low is not None
    assert found.smooth.ici.low > 0.03


def test_calibration_in_the_large_has_the_sign_of_the_excess() -> None:
    generator = np.random.default_rng(0)
    p = generator.uniform(0.1, 0.7, size=500)
    truth = generator.random(500) < p
    honest = measured(ascending(truth, p, np.arange(500)), replicates=500).in_the_large
    assert honest.low is not None
    assert honest.high is not None
    assert honest.low < 0 < honest.high
    proud = measured(ascending(truth, p + 0.2, np.arange(500)), replicates=500).in_the_large
    assert proud.value == pytest.approx(np.mean(p + 0.2) - truth.mean())
    assert proud.low is not None
    assert proud.low > 0


def test_the_band_holds_the_curve_and_the_ends_are_those_of_the_probabilities() -> None:
    view = simulated(500, seed=1)
    curve = measured(view).smooth.curve
    assert curve is not None
    assert (curve.x[0], curve.x[-1]) == (view.probability[0], view.probability[-1])
    assert all(low <= y <= high for low, y, high in zip(curve.low, curve.y, curve.high, strict=True))
    assert 0 <= min(curve.low) <= max(curve.high) <= 1


def test_the_record_stays_small() -> None:
    assert len(measured(simulated(50_000, seed=0), replicates=100).model_dump_json()) < 30_000
