"""θ is the closed form's and densratio's; σ and λ are chosen on patients that the fit has not seen."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, spearmanr

from medtransfer.transfer.instances import ulsif
from medtransfer.transfer.instances._kernels import gaussian
from medtransfer.transfer.instances.ulsif import (
    Fold,
    coefficients,
    cross_validated,
    held_out_errors,
    second_moments,
    spread_out,
    weigh,
)
from medtransfer.transfer.types import Sample


def _normal(seed: int, n: int, mean: float, *, dimension: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, dimension)) + mean


def _theta(source: np.ndarray, target: np.ndarray, centres: np.ndarray, width: float, alpha: float, ridge: float):
    bumps = gaussian(source, centres, width), gaussian(target, centres, width)
    return coefficients(second_moments(*bumps, alpha), ridge)


@pytest.mark.parametrize("alpha", [0.0, 0.1, 0.7])
@pytest.mark.parametrize("ridge", [1e-3, 0.1, 10.0])
def test_theta_is_the_closed_form(alpha: float, ridge: float) -> None:
    """Sums over cases one by one, and the inverse by eigenvectors."""
    source, target = _normal(0, 40, 0.0), _normal(1, 30, 0.5)
    centres = target[:12]
    quadratic, linear = np.zeros((12, 12)), np.zeros(12)
    for rows, share in ((target, alpha / 30), (source, (1 - alpha) / 40)):
        for row in rows:
            bumps = np.exp(-((row - centres) ** 2).sum(axis=1) / (2 * 1.3**2))
            quadratic += share * np.outer(bumps, bumps)
            linear += bumps / 30 if rows is target else 0
    values, vectors = np.linalg.eigh(quadratic)
    expected = (vectors / (values + ridge)) @ vectors.T @ linear
    found = _theta(source, target, centres, 1.3, alpha, ridge)
    np.testing.assert_allclose(found, np.where(expected > 0, expected, 0), rtol=1e-10, atol=1e-10)
    assert ridge > 1e-2 or (found == 0).any(), "the case has something to cut at 0"


@pytest.mark.parametrize("alpha", [0.0, 0.1, 0.5])
def test_the_ratio_is_that_of_densratio(alpha: float) -> None:
    rulsif = pytest.importorskip("densratio.RuLSIF")
    source, target = _normal(0, 90, 0.0), _normal(1, 60, 0.5)
    theirs = rulsif.RuLSIF(target, source, alpha, [0.9], [0.05], kernel_num=25, verbose=False)
    centres = theirs.kernel_info.centers
    theta = _theta(source, target, centres, 0.9, alpha, 0.05)
    np.testing.assert_allclose(theta, theirs.theta, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(
        gaussian(source, centres, 0.9) @ theta, theirs.compute_density_ratio(source), rtol=1e-10, atol=1e-10
    )


def test_relative_and_plain_are_one_at_alpha_zero() -> None:
    """H without the target's part, as uLSIF has it."""
    source, target = _normal(0, 70, 0.0), _normal(1, 50, 0.5)
    bumps, others = gaussian(source, target, 1.0), gaussian(target, target, 1.0)
    plain = np.linalg.solve(bumps.T @ bumps / 70 + 0.1 * np.eye(50), others.mean(axis=0)).clip(min=0)
    np.testing.assert_allclose(coefficients(second_moments(bumps, others, 0.0), 0.1), plain, rtol=1e-9, atol=1e-10)


def test_the_relative_ratio_is_estimated() -> None:
    """r_α of two normal densities, which is below 1 / α."""
    source, target = _normal(0, 1500, 0.0, dimension=1), _normal(1, 1500, 1.0, dimension=1)
    samples = [Sample(features=part, patients=np.arange(1500)) for part in (source, target)]
    at_target, at_source = norm.pdf(source[:, 0], 1), norm.pdf(source[:, 0])
    for alpha in (0.0, 0.5):
        truth = at_target / (alpha * at_target + (1 - alpha) * at_source)
        found = weigh(*samples, alpha=alpha)
        assert spearmanr(found.values, truth).statistic > 0.98
        assert np.corrcoef(found.values, truth)[0, 1] > 0.97
        assert np.abs(found.values - truth / truth.mean()).mean() < 0.12
    assert found.values.max() <= 2 / truth.mean() * 1.1
    assert found.effective_size > weigh(*samples).effective_size


def test_width_and_ridge_have_the_least_held_out_error() -> None:
    """J of every fold by its formula; the centres that a fold holds out are not its."""
    source, target = _normal(0, 60, 0.0, dimension=2), _normal(1, 40, 0.7, dimension=2)
    chosen = np.arange(0, 40, 3)
    splits = [Fold(np.arange(k, 60, 3), np.arange(k, 40, 3)) for k in range(3)]
    widths, ridges = [0.3, 1.0, 3.0], [0.01, 0.3]

    def error(width: float, ridge: float, fold: Fold) -> float:
        rest = [np.setdiff1d(np.arange(len(part)), out) for part, out in zip((source, target), fold, strict=True)]
        centres = target[[c for c in chosen if c not in set(fold.target.tolist())]]
        theta = _theta(source[rest[0]], target[rest[1]], centres, width, 0.2, ridge)
        at_source, at_target = (
            gaussian(part[out], centres, width) @ theta for part, out in zip((source, target), fold, strict=True)
        )
        return float(0.1 * np.mean(at_target**2) + 0.4 * np.mean(at_source**2) - np.mean(at_target))

    means = {}
    for width in widths:
        bumps = [gaussian(part, target[chosen], width) for part in (source, target)]
        expected = np.array([[error(width, ridge, fold) for ridge in ridges] for fold in splits])
        found = [held_out_errors(bumps[0], bumps[1], chosen, fold, 0.2, ridges) for fold in splits]
        np.testing.assert_allclose(found, expected, rtol=1e-8)
        means |= {(width, ridge): mean for ridge, mean in zip(ridges, expected.mean(axis=0), strict=True)}
    best = min(means, key=means.__getitem__)
    assert cross_validated(source, target, chosen, splits, 0.2, widths, ridges) == best


def test_the_folds_of_the_search_keep_patients_together(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Fold] = []

    def searched(_source: object, _target: object, _chosen: object, splits: list[Fold], *_: object) -> tuple:
        seen.extend(splits)
        return 1.0, 0.1

    monkeypatch.setattr(ulsif, "cross_validated", searched)
    patients = np.random.default_rng(0).permutation(np.repeat(np.arange(20), 4))
    weigh(*(Sample(features=_normal(seed, 80, 0.0), patients=patients) for seed in (0, 1)), folds=4)
    assert len(seen) == 4
    for fold in seen:
        for held_out in fold:
            rest = np.setdiff1d(np.arange(80), held_out)
            assert not set(patients[held_out].tolist()) & set(patients[rest].tolist())


def test_given_width_and_ridge_need_no_folds() -> None:
    few = [Sample(features=_normal(seed, 30, 0.0), patients=np.zeros(30, dtype=int)) for seed in (0, 1)]
    assert weigh(*few, width=1.0, ridge=0.1).values.shape == (30,)


def test_centres_are_spread_along_the_first_component_in_any_order() -> None:
    rows = np.random.default_rng(0).permutation(np.arange(11.0))[:, None]
    np.testing.assert_array_equal(np.sort(rows[spread_out(rows, 3)], axis=0), [[0.0], [5.0], [10.0]])
    assert len(spread_out(rows, 100)) == 11
