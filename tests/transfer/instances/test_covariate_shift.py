"""N(0, 1) → N(0.8, 0.7²): the weighted source risk is the target's risk, and ratios point towards the target.

The loss is half the squared error of the predictor −x/2 where the truth is 3/2·sin 2x, so that both risks are known
in closed form: .8903 at the source, .9319 at the target.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.stats import norm, spearmanr

from medtransfer.transfer.instances import classifier_ratio, kmm, ulsif
from medtransfer.transfer.types import Sample, SampleWeights

if TYPE_CHECKING:
    from collections.abc import Callable

N = 2000
SEEDS = range(30)
MEAN, SPREAD = 0.8, 0.7


def _loss(x: np.ndarray) -> np.ndarray:
    return (1.5 * np.sin(2 * x) + x / 2) ** 2 / 2


def _risk(mean: float, spread: float) -> float:
    """E of x²/4 + 3/2·x·sin 2x + 9/4·sin² 2x, halved, for a normal x: by its characteristic function."""
    damped = math.exp(-2 * spread**2)
    crossed = damped * (mean * math.sin(2 * mean) + 2 * spread**2 * math.cos(2 * mean))
    squared = (1 - math.exp(-8 * spread**2) * math.cos(4 * mean)) / 2
    return ((mean**2 + spread**2) / 4 + 1.5 * crossed + 2.25 * squared) / 2


TARGET_RISK = _risk(MEAN, SPREAD)


def _draw(seed: int, n: int = N) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    return generator.normal(size=n), generator.normal(MEAN, SPREAD, n)


def _true_ratio(x: np.ndarray) -> np.ndarray:
    return norm.pdf(x, MEAN, SPREAD) / norm.pdf(x)


def _sample(*features: np.ndarray) -> Sample:
    return Sample(features=np.stack(features, axis=1), patients=np.arange(len(features[0])))


def _by_classifier(source: np.ndarray, target: np.ndarray) -> SampleWeights:
    """The log ratio of two normal densities is linear in x and x²."""
    return classifier_ratio.weigh(_sample(source, source**2), _sample(target, target**2))


def _by_ulsif(source: np.ndarray, target: np.ndarray) -> SampleWeights:
    return ulsif.weigh(_sample(source), _sample(target))


def _by_kmm(source: np.ndarray, target: np.ndarray) -> SampleWeights:
    return kmm.weigh(_sample(source), _sample(target))


def _bias(weigh: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> float:
    risks = []
    for seed in SEEDS:
        source, target = _draw(seed)
        weights = weigh(source, target)
        risks.append(np.mean(weights / weights.mean() * _loss(source)))
    return float(np.mean(risks)) - TARGET_RISK


def test_the_set_up_has_the_stated_risks() -> None:
    """Closed forms against quadrature; unweighted the risk is .042 too low, and the true ratio corrects it."""
    places, shares = np.polynomial.hermite_e.hermegauss(100)
    for mean, spread, stated in ((0.0, 1.0, 0.8903), (MEAN, SPREAD, 0.9319)):
        by_quadrature = shares @ _loss(mean + spread * places) / shares.sum()
        assert _risk(mean, spread) == pytest.approx(by_quadrature, abs=1e-9)
        assert _risk(mean, spread) == pytest.approx(stated, abs=5e-5)
    assert _bias(lambda source, _: np.ones_like(source)) == pytest.approx(-0.042, abs=0.002)
    assert abs(_bias(lambda source, _: _true_ratio(source))) <= 0.005


@pytest.mark.parametrize("weigh", [_by_classifier, _by_ulsif])
def test_the_weighted_risk_is_the_targets(weigh: Callable[..., SampleWeights]) -> None:
    def weights(source: np.ndarray, target: np.ndarray) -> np.ndarray:
        found.append(weigh(source, target).values)
        return found[-1]

    found: list[np.ndarray] = []
    assert abs(_bias(weights)) <= 0.01
    inverted = iter([1 / np.maximum(values, 1e-12) for values in found])
    assert _bias(lambda *_: next(inverted)) > 0.5, "the inverted ratio fails, by far"


@pytest.mark.slow
def test_the_risk_weighted_by_kernel_means_is_the_targets() -> None:
    assert abs(_bias(lambda source, target: _by_kmm(source, target).values)) <= 0.01


@pytest.mark.parametrize("seed", range(3))
def test_few_cases_weighted_by_kernel_means_have_the_risk_of_the_targets_cases(seed: int) -> None:
    """Means are matched, so that the risk is that of these very cases, nearer than the sampling error of .035."""
    source, target = _draw(seed, 400)
    weighted = np.mean(_by_kmm(source, target).values * _loss(source))
    assert abs(weighted - _loss(target).mean()) <= 0.02


@pytest.mark.parametrize("weigh", [_by_classifier, _by_ulsif])
def test_weights_rank_as_the_true_ratio_does_and_inverted_ones_do_not(weigh: Callable[..., SampleWeights]) -> None:
    source, target = _draw(0)
    values, truth = weigh(source, target).values, _true_ratio(source)
    assert spearmanr(values, truth).statistic > 0.9
    assert np.corrcoef(values, truth)[0, 1] > 0.9
    assert spearmanr(1 / np.maximum(values, 1e-12), truth).statistic < -0.9


def test_weights_of_kernel_means_rise_with_the_true_ratio() -> None:
    """Single weights are not identified; their means over neighbours are."""
    source, target = _draw(0, 600)
    values, truth = _by_kmm(source, target).values, _true_ratio(source)
    near = np.argsort(truth).reshape(20, 30)
    assert spearmanr(values[near].mean(axis=1), truth[near].mean(axis=1)).statistic > 0.9


def test_the_ratio_of_skada_is_upside_down_and_ours_is_not() -> None:
    """Its DiscriminatorReweightAdapter takes (1 − p) / p with p the probability of the target."""
    reweight = pytest.importorskip("skada._reweight")
    source, target = _draw(0)
    features = np.concatenate([np.stack([x, x**2], axis=1) for x in (source, target)])
    domains = np.repeat([1, -2], N)
    adapter = reweight.DiscriminatorReweightAdapter().fit(features, sample_domain=domains)
    theirs = adapter.compute_weights(features, sample_domain=domains)[:N]
    ours, truth = _by_classifier(source, target).values, _true_ratio(source)
    assert spearmanr(theirs, truth).statistic < -0.9
    assert spearmanr(ours, truth).statistic > 0.9
    odds = adapter.domain_classifier_.predict_proba(features[:N])
    formula = odds[:, 1] / odds[:, 0]
    assert np.corrcoef(ours, formula)[0, 1] > 0.99
    assert abs(np.mean(theirs * _loss(source)) - TARGET_RISK) > 0.3
