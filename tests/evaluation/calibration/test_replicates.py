"""What a replicate says equals what the replicated cases themselves would say."""

from __future__ import annotations

import numpy as np
import pytest
from calibrated import simulated
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from medtransfer.evaluation.calibration.bins import bin_of, calibration_errors, cuts
from medtransfer.evaluation.calibration.cells import MOST_DISTINCT, Cells, cells_of
from medtransfer.evaluation.calibration.decomposition import brier_parts
from medtransfer.evaluation.calibration.log_odds import log_odds
from medtransfer.evaluation.calibration.logistic import fit_logistic
from medtransfer.evaluation.calibration.replicates import (
    brier_replicates,
    error_replicates,
    regression_replicates,
    smooth_replicates,
)
from medtransfer.evaluation.calibration.smooth import SmoothCurve, smooth_curve, spline_design
from medtransfer.evaluation.positive import Positive, ascending
from medtransfer.evaluation.resampling import resampled

EDGES = ("equal width", "equal count")


def drawn(view: Positive, replicates: int = 200) -> tuple[Cells, np.ndarray, np.ndarray]:
    """Cells, their counts, and the weights themselves."""
    cells = cells_of(view, [cuts(view.probability, scheme) for scheme in EDGES])
    found = resampled(
        {"counts": cells.counts, "weights": np.copy}, view.groups, seed=1, replicates=replicates, workers=1
    )
    return cells, found["counts"], found["weights"]


def repeated(view: Positive, weights: np.ndarray) -> Positive:
    times = weights.astype(int)
    return Positive(
        truth=np.repeat(view.truth, times),
        probability=np.repeat(view.probability, times),
        groups=np.repeat(view.groups, times),
    )


@given(st.integers(1, 60), st.integers(0, 10_000), st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]))
@settings(deadline=None, max_examples=60)
def test_cells_count_every_study_once(n: int, seed: int, share: float) -> None:
    generator = np.random.default_rng(seed)
    view = ascending(generator.random(n) < share, generator.integers(0, 8, n) / 7, np.arange(n))
    cells, counts, weights = drawn(view, 100)
    assert counts.sum(axis=1) == pytest.approx(weights.sum(axis=1))
    positives = counts[:, : cells.first.size]
    for place, (start, end) in enumerate(zip(cells.first, [*cells.first[1:], n], strict=True)):
        inside = weights[:, start:end]
        np.testing.assert_array_equal(positives[:, place], inside[:, view.truth[start:end]].sum(axis=1))
        assert np.ptp(view.probability[start:end]) == 0


def test_many_studies_share_few_narrow_cells() -> None:
    view = simulated(30_000, seed=0)
    cells = cells_of(view, [cuts(view.probability, scheme) for scheme in EDGES])
    assert MOST_DISTINCT / 4 < cells.first.size < 1100
    x = log_odds(view.probability).values
    ends = np.append(cells.first[1:], x.size)
    assert max(np.ptp(x[a:b]) for a, b in zip(cells.first, ends, strict=True)) <= 0.05 + 1e-9
    for scheme in EDGES:
        position = bin_of(view.probability, cuts(view.probability, scheme))
        assert all(position[a] == position[b - 1] for a, b in zip(cells.first, ends, strict=True))


@pytest.mark.parametrize("n", [300, 20_000])
def test_brier_and_its_parts_are_those_of_the_replicated_studies(n: int) -> None:
    view = simulated(n, seed=7, each=2, slope=1.4)
    cells, counts, weights = drawn(view, 100)
    found = brier_replicates(view, cells, counts)
    near = 1e-12 if n < MOST_DISTINCT else 5e-4  # isotonic regression of cells is a little less free than that of cases
    for b in range(0, 100, 20):
        again = repeated(view, weights[b])
        expected = brier_parts(again.truth, again.probability)
        assert found.brier[b] == pytest.approx(expected.brier, abs=1e-12 if n < MOST_DISTINCT else 2e-5)
        assert found.miscalibration[b] == pytest.approx(expected.miscalibration, abs=near)
        assert found.discrimination[b] == pytest.approx(expected.discrimination, abs=near)
        assert found.scaled[b] == pytest.approx(expected.scaled, abs=near)
        excess = float((again.probability - again.truth).mean())
        assert found.in_the_large[b] == pytest.approx(excess, abs=1e-12 if n < MOST_DISTINCT else 1e-5)


@pytest.mark.parametrize("n", [300, 20_000])
def test_errors_over_bins_are_those_of_the_replicated_studies(n: int) -> None:
    view = simulated(n, seed=7, each=2, slope=1.4)
    cells, counts, weights = drawn(view, 100)
    for scheme in EDGES:
        at = cuts(view.probability, scheme)
        found = error_replicates(view, at, cells, counts)
        inside = (bin_of(view.probability, at)[:, None] == np.arange(at.size + 1)).astype(float)
        excess = (weights * (view.truth - view.probability)) @ inside
        np.testing.assert_allclose(
            found, calibration_errors(excess, weights @ inside), atol=1e-12 if n == 300 else 5e-4
        )


@pytest.mark.parametrize(("n", "near"), [(300, 0.1), (2000, 0.02), (20_000, 0.002)])
def test_one_newton_step_is_near_the_refit(n: int, near: float) -> None:
    """The difference falls as 1/n, beside a standard error that falls as 1/√n."""
    view = simulated(n, seed=3, slope=1.3)
    x = log_odds(view.probability).values
    design = np.column_stack([np.ones(n), x])
    fit = fit_logistic(design, view.truth.astype(float))
    assert fit is not None
    cells, counts, weights = drawn(view, 100)
    ours = regression_replicates(design, view.truth - fit.fitted, fit, cells, counts)
    theirs = []
    for row in weights:
        kept = np.repeat(np.arange(n), row.astype(int))
        refit = fit_logistic(design[kept], view.truth[kept].astype(float))
        assert refit is not None
        theirs.append(refit.coefficients)
    spread = np.std(theirs, axis=0)
    assert np.abs(ours - np.array(theirs)).mean(axis=0).max() < near * spread.max() + near * 0.1
    np.testing.assert_allclose(ours.std(axis=0), spread, rtol=2 * near)


def test_the_band_and_ici_are_near_those_of_refits() -> None:
    view = simulated(3000, seed=5, slope=1.5)
    smooth = smooth_curve(view.truth, view.probability)
    assert isinstance(smooth, SmoothCurve)
    at = np.array([0.1, 0.3, 0.5, 0.7])
    design = spline_design(log_odds(at).values, smooth.knots)
    cells, counts, weights = drawn(view, 100)
    found = smooth_replicates(view, smooth, design, cells, counts)
    curves, means, medians = [], [], []
    for row in weights:
        kept = np.repeat(np.arange(view.truth.size), row.astype(int))
        refit = fit_logistic(smooth.design[kept], view.truth[kept].astype(float))
        assert refit is not None
        distance = np.abs(refit.fitted - view.probability[kept])
        curves.append(expit(design @ refit.coefficients))
        means.append(distance.mean())
        medians.append(np.median(distance))
    np.testing.assert_allclose(found.curve, curves, atol=0.02)
    np.testing.assert_allclose(found.mean, means, atol=0.006)
    np.testing.assert_allclose(found.median, medians, atol=0.01)


def test_separated_replicates_still_have_a_step() -> None:
    p = np.array([0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9])
    view = ascending(np.array([0, 0, 0, 1, 0, 1, 1, 1], dtype=bool), p, np.arange(8))
    design = np.column_stack([np.ones(8), log_odds(p).values])
    fit = fit_logistic(design, view.truth.astype(float))
    assert fit is not None
    cells, counts, _ = drawn(view, 500)
    slopes = regression_replicates(design, view.truth - fit.fitted, fit, cells, counts)[:, 1]
    assert np.isfinite(slopes).mean() > 0.99
