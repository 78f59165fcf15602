from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial.distance import cdist
from scipy.stats import energy_distance

from medtransfer.evaluation.accounting import energy as module
from medtransfer.evaluation.accounting.energy import coefficients, distances, energy
from medtransfer.evaluation.accounting.permutation import Pooled


def direct(x: np.ndarray, y: np.ndarray) -> float:
    """The definition, all pairs at once."""
    between = cdist(x, y).mean()
    squared = 2 * between - cdist(x, x).mean() - cdist(y, y).mean()
    return squared / (2 * between) if between else 0.0


def observed(x: np.ndarray, y: np.ndarray, of_x: np.ndarray, of_y: np.ndarray) -> float:
    pooled = Pooled.of(of_x, of_y)
    sizes = np.bincount(pooled.block).astype(float)
    return float(coefficients(distances(np.concatenate([x, y]), pooled), sizes, pooled.observed())[0])


@given(
    hnp.arrays(np.float64, (7, 3), elements=st.floats(-5, 5, width=16)),
    hnp.arrays(np.float64, (5, 3), elements=st.floats(-5, 5, width=16)),
    st.integers(0, 1000),
)
@settings(deadline=None, max_examples=80)
def test_equals_its_definition_whoever_the_patients_are(x: np.ndarray, y: np.ndarray, seed: int) -> None:
    generator = np.random.default_rng(seed)
    found = observed(x, y, generator.integers(0, 3, 7), generator.integers(0, 3, 5))
    assert found == pytest.approx(max(direct(x, y), 0.0), abs=1e-7)
    assert 0 <= found <= 1


def test_equals_scipy_in_one_dimension() -> None:
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(60, 1)), generator.normal(0.5, 1.5, size=(40, 1))
    theirs = energy_distance(x[:, 0], y[:, 0]) ** 2 / (2 * cdist(x, y).mean())
    assert observed(x, y, np.arange(60), np.arange(40)) == pytest.approx(theirs, rel=1e-9)


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    points, pooled = (
        generator.normal(size=(50, 4)),
        Pooled.of(generator.integers(0, 9, 30), generator.integers(0, 9, 20)),
    )
    whole = distances(points, pooled)
    monkeypatch.setattr(module, "_CHUNK", 7)
    assert distances(points, pooled) == pytest.approx(whole, abs=1e-9)


def test_digits_survive_far_from_the_origin() -> None:
    generator = np.random.default_rng(0)
    points, pooled = generator.normal(size=(40, 8)), Pooled.of(np.arange(20), np.arange(20))
    assert distances(points + 1e6, pooled) == pytest.approx(distances(points, pooled), abs=1e-5)


def test_equal_points_have_no_distance() -> None:
    found = energy(np.ones((20, 3)), Pooled.of(np.arange(10), np.arange(10)), seed=0, permutations=50)
    assert found == (0.0, 0.0, 0.0)


@pytest.mark.slow
def test_one_null_comparison_in_twenty_is_outside() -> None:
    """Patients with four studies that are alike: 300 pairs of cohorts of one population.

    If the studies were dealt one by one, nearly all of them would lie outside.
    """
    outside = 0
    for seed in range(300):
        generator = np.random.default_rng(seed)
        patients = generator.normal(size=(50, 8))
        points = np.repeat(patients, 4, axis=0) + 0.3 * generator.normal(size=(200, 8))
        groups = np.repeat(np.arange(50), 4)
        pooled = Pooled.of(groups[:80], groups[80:])
        found = energy(points, pooled, seed=seed, permutations=200)
        outside += found.value > found.null_high
    assert 5 <= outside <= 27, outside
