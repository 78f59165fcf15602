"""The programme is solved as exactly as cvxopt solves it, whatever the number of cases."""

from __future__ import annotations

import math

import numpy as np
import pytest

from medtransfer.core.errors import ObjectiveError
from medtransfer.transfer.instances import _box_qp, kmm
from medtransfer.transfer.instances._kernels import gaussian, median_distance
from medtransfer.transfer.instances.kmm import match_means, weigh
from medtransfer.transfer.types import Sample


def _sample(features: np.ndarray) -> Sample:
    return Sample(features=features.astype(np.float32), patients=np.arange(len(features)))


def _objective(w: np.ndarray, source: np.ndarray, target: np.ndarray, width: float) -> float:
    pull = len(source) / len(target) * gaussian(source, target, width).sum(axis=1)
    return float(w @ gaussian(source, source, width) @ w / 2 - pull @ w)


def _by_cvxopt(source: np.ndarray, target: np.ndarray, width: float, bound: float, epsilon: float) -> np.ndarray:
    cvxopt = pytest.importorskip("cvxopt")
    n = len(source)
    pull = n / len(target) * gaussian(source, target, width).sum(axis=1)
    sides = np.concatenate([-np.eye(n), np.eye(n), np.ones((1, n)), -np.ones((1, n))])
    limits = np.concatenate([np.zeros(n), np.full(n, bound), [n * (1 + epsilon), -n * (1 - epsilon)]])
    options = {"show_progress": False, "abstol": 1e-11, "reltol": 1e-11, "feastol": 1e-11}
    kernel = gaussian(source, source, width)
    solution = cvxopt.solvers.qp(*map(cvxopt.matrix, (kernel, -pull, sides, limits)), options=options)
    return np.array(solution["x"]).ravel()


@pytest.mark.parametrize(
    ("n", "dimension", "shift", "factor", "bound", "epsilon"),
    [
        (301, 1, 0.8, 1.0, 1000.0, None),
        (301, 3, 0.6, 1.0, 1000.0, None),
        (250, 32, 0.3, 1.0, 1000.0, None),
        (200, 5, 4.0, 1.0, 1000.0, None),
        (200, 3, 0.6, 1.0, 2.0, None),
        (200, 3, 0.6, 0.05, 1000.0, 0.01),
        (200, 1, 0.8, 5.0, 1000.0, 1e-4),
    ],
)
def test_the_objective_is_that_of_cvxopt(
    n: int, dimension: int, shift: float, factor: float, bound: float, epsilon: float | None
) -> None:
    generator = np.random.default_rng(0)
    source, target = generator.normal(size=(n, dimension)), 0.8 * generator.normal(size=(100, dimension)) + shift
    width = factor * median_distance(np.concatenate([source, target]), target)
    within = (math.sqrt(n) - 1) / math.sqrt(n) if epsilon is None else epsilon
    w = match_means(source, target, width, bound=bound, epsilon=epsilon)
    reference = _by_cvxopt(source, target, width, bound, within)
    ours, theirs = (_objective(values, source, target, width) for values in (w, reference))
    assert abs(ours - theirs) <= 1e-6 * abs(theirs)
    assert w.min() >= 0
    assert w.max() <= bound
    assert abs(w.sum() - n) <= n * within
    assert (w[reference > 1e-4] > 0).all()


@pytest.mark.parametrize("n", [250, 301, 1001, 1003])
def test_no_remainder_of_the_cases_is_left_at_zero(n: int) -> None:
    """Equal domains in four places: every case of a place has the same weight, the last ones too."""
    places = np.arange(4.0)[:, None]
    source = np.tile(places, (n // 4 + 1, 1))[:n]
    w = match_means(source, np.tile(places, (25, 1)), 1.0, bound=1000.0, epsilon=None)
    np.testing.assert_allclose([w[k::4].sum() for k in range(4)], n / 4, rtol=1e-5)
    assert w.min() > 0.9


def test_the_weighted_source_has_the_targets_moments() -> None:
    generator = np.random.default_rng(1)
    source, target = generator.normal(size=(600, 2)), 0.8 * generator.normal(size=(400, 2)) + 0.5
    w = weigh(_sample(source), _sample(target)).values
    np.testing.assert_allclose(w @ source / 600, target.mean(axis=0), atol=0.03)
    np.testing.assert_allclose(w @ source**2 / 600, (target**2).mean(axis=0), atol=0.06)


def test_a_ridge_makes_weights_evener() -> None:
    source, target = (_sample(np.random.default_rng(seed).normal(size=(200, 5)) + 0.2 * seed) for seed in (0, 1))
    sizes = [weigh(source, target, ridge=ridge).effective_size for ridge in (0.0, 0.1, 1.0, 100.0)]
    assert sizes == sorted(sizes)
    assert sizes[0] < 100
    assert sizes[-1] > 190


def test_domains_too_large_for_a_kernel_matrix_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kmm, "MOST_CASES", 99)
    samples = [_sample(np.random.default_rng(n).normal(size=(n, 2))) for n in (60, 40)]
    with pytest.raises(ObjectiveError, match="100 cases of both domains are more than 99") as caught:
        weigh(*samples)
    assert caught.value.code == "TooManyCases"
    assert "ulsif" in str(caught.value.hint)


def test_a_solver_that_does_not_arrive_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_box_qp, "_STEPS", 2)
    sample = _sample(np.random.default_rng(0).normal(size=(50, 2)))
    with pytest.raises(ObjectiveError, match="after 2 steps") as caught:
        weigh(sample, sample)
    assert caught.value.code == "NotSolved"
