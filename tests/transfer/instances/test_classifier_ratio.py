"""Weights point towards the target, are as many as the source's cases, and correct a covariate shift."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import spearmanr
from sklearn.model_selection import StratifiedGroupKFold

from medtransfer.core.errors import ObjectiveError
from medtransfer.transfer.instances.classifier_ratio import clipped_to_mean_one, weigh
from medtransfer.transfer.types import Sample, SampleWeights

if TYPE_CHECKING:
    from collections.abc import Iterator

N = 2000


def _sample(features: np.ndarray, *, per_patient: int = 1) -> Sample:
    return Sample(features=features.astype(np.float32), patients=np.arange(len(features)) // per_patient)


def _normal(seed: int, n: int, mean: float, *, dimension: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, dimension)) + mean


def _hold(weights: SampleWeights, n: int, clip: float) -> None:
    values = weights.values
    assert values.shape == (n,)
    assert abs(values.mean() - 1) <= 1e-9
    assert values.min() >= 0
    assert values.max() <= clip * (1 + 1e-9)
    assert weights.effective_size == pytest.approx(values.sum() ** 2 / np.square(values).sum())
    assert 1 - 1e-9 <= weights.effective_size <= n * (1 + 1e-9)


@pytest.mark.parametrize("sizes", [(600, 600), (600, 200), (300, 900)])
def test_weights_rank_as_the_true_ratio_does(sizes: tuple[int, int]) -> None:
    """N(0, I) → N(0.6, I): log p_T / p_S is linear, 0.6·Σx + constant."""
    source, target = _normal(0, sizes[0], 0.0), _normal(1, sizes[1], 0.6)
    weights = weigh(_sample(source), _sample(target), clip=1e6)
    truth = np.exp(0.6 * source.sum(axis=1) - 3 * 0.6**2 / 2)
    assert spearmanr(weights.values, truth).statistic > 0.9
    assert np.corrcoef(weights.values, truth)[0, 1] > 0.8, "and are in proportion to it: not inverted"
    _hold(weights, sizes[0], 1e6)
    assert weights.clipped == 0


def test_cases_like_the_targets_weigh_more_wherever_the_target_lies() -> None:
    source = _normal(0, 400, 0.0)
    above, below = (weigh(_sample(source), _sample(_normal(1, 400, mean))).values for mean in (0.8, -0.8))
    assert spearmanr(above, source.sum(axis=1)).statistic > 0.9
    assert spearmanr(below, source.sum(axis=1)).statistic < -0.9


def test_without_a_shift_weights_are_nearly_uniform() -> None:
    weights = weigh(_sample(_normal(0, N, 0.0)), _sample(_normal(1, N, 0.0)))
    _hold(weights, N, 10.0)
    assert weights.effective_size > 0.98 * N
    assert weights.values.std() < 0.15


@pytest.mark.parametrize("clip", [1.0, 1.2, 10.0])
def test_separate_domains_stay_within_the_clip(clip: float) -> None:
    weights = weigh(_sample(_normal(0, 100, 0.0)), _sample(_normal(1, 100, 6.0)), clip=clip)
    _hold(weights, 100, clip)
    assert weights.effective_size >= 100 / clip * (1 - 1e-9), "n / clip at least: w ≤ clip and mean 1"
    assert weights.clipped == np.isclose(weights.values, clip).sum()
    assert (weights.clipped > 0) == (clip < 10)


def _at_both_hospitals(seed: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    return generator.normal(0, 1, N), generator.normal(0.8, 0.7, N)


def _loss(x: np.ndarray) -> np.ndarray:
    """Of some fixed predictor: its risk is 0.8² + 0.7² = 1.13 at the target and 1 at the source."""
    return x**2


def _features(x: np.ndarray) -> Sample:
    """The log ratio of two normal densities is linear in x and x²."""
    return _sample(np.stack([x, x**2], axis=1))


@pytest.mark.parametrize("seed", range(4))
def test_a_covariate_shift_is_corrected(seed: int) -> None:
    """N(0, 1) → N(0.8, 0.7²), n = 2000: the weighted source risk is nearer to the exact target risk."""
    source, target = _at_both_hospitals(seed)
    weights = weigh(_features(source), _features(target), clip=50.0)
    truth = 0.8**2 + 0.7**2
    weighted, unweighted = np.mean(weights.values * _loss(source)), np.mean(_loss(source))
    inverted = 1 / weights.values
    opposite = np.mean(inverted / inverted.mean() * _loss(source))
    assert abs(weighted - truth) < abs(unweighted - truth)
    assert abs(weighted - truth) < 0.1
    assert abs(opposite - truth) > 3 * abs(unweighted - truth), "the inverted ratio makes it worse"


def test_the_correction_has_no_bias() -> None:
    errors, naive = [], []
    for seed in range(6):
        source, target = _at_both_hospitals(seed)
        weights = weigh(_features(source), _features(target), clip=50.0)
        errors.append(np.mean(weights.values * _loss(source)) - (0.8**2 + 0.7**2))
        naive.append(np.mean(_loss(source)) - (0.8**2 + 0.7**2))
    assert abs(np.mean(naive)) > 0.1
    assert abs(np.mean(errors)) <= 0.02


def test_no_case_is_judged_by_a_model_that_saw_its_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[set[int], set[int]]] = []
    split = StratifiedGroupKFold.split

    def watched(folds: StratifiedGroupKFold, *data: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        owners = data[2]
        for train, held_out in split(folds, *data):
            seen.append((set(owners[train].tolist()), set(owners[held_out].tolist())))
            yield train, held_out

    monkeypatch.setattr(StratifiedGroupKFold, "split", watched)
    source, target = _normal(0, 120, 0.0), _normal(1, 90, 0.5)
    weigh(_sample(source, per_patient=4), _sample(target, per_patient=3))
    assert len(seen) == 5
    assert all(train.isdisjoint(held_out) for train, held_out in seen)
    assert set.union(*(held_out for _, held_out in seen)) == set(range(30 + 30)), (
        "equal codes at both hospitals are different patients"
    )


def test_many_features_do_not_separate_equal_domains() -> None:
    """In sample, 200 features tell any 2 × 60 cases apart; cross-fitted, equal domains stay alike."""
    source, target = (_sample(_normal(seed, 60, 0.0, dimension=200)) for seed in (0, 1))
    assert weigh(source, target).effective_size > 30


def test_repeated_cases_of_a_patient_are_weighed_alike() -> None:
    source = np.repeat(_normal(0, 50, 0.0), 3, axis=0)
    weights = weigh(_sample(source, per_patient=3), _sample(_normal(1, 100, 0.5)))
    np.testing.assert_allclose(weights.values[0::3], weights.values[2::3], rtol=1e-12)


@pytest.mark.parametrize(("n_source", "n_target", "named"), [(12, 60, "source"), (60, 12, "target")])
def test_too_few_patients_are_refused(n_source: int, n_target: int, named: str) -> None:
    source = _sample(_normal(0, n_source, 0.0), per_patient=3)
    target = _sample(_normal(1, n_target, 0.0), per_patient=3)
    with pytest.raises(ObjectiveError, match=f"4 {named} patients are fewer than 5 folds") as caught:
        weigh(source, target)
    assert caught.value.code == "TooFewPatients"
    assert weigh(source, target, folds=4).values.shape == (n_source,)


@settings(deadline=None, max_examples=80)
@given(
    arrays(np.float64, st.integers(1, 40), elements=st.floats(1e-12, 1e12)),
    st.floats(1.0, 100.0),
)
def test_clipping_keeps_mean_bound_and_order(ratio: np.ndarray, clip: float) -> None:
    values = clipped_to_mean_one(ratio, clip)
    assert abs(values.mean() - 1) <= 1e-9
    assert values.max() <= clip * (1 + 1e-9)
    order = np.argsort(ratio)
    assert (np.diff(values[order]) >= 0).all()
    below = values < clip * (1 - 1e-9)
    if below.any():
        scale = values[below] / ratio[below]
        np.testing.assert_allclose(scale, scale[0], rtol=1e-9)


def test_without_a_need_clipping_only_scales() -> None:
    ratio = np.array([0.5, 1.0, 1.5, 5.0])
    np.testing.assert_allclose(clipped_to_mean_one(ratio, 10.0), ratio / 2, rtol=1e-12)


def test_every_cut_weight_is_counted() -> None:
    """Two far cases among a hundred: the farther one hides the other from a cut at `clip` times the raw mean."""
    values = clipped_to_mean_one(np.array([1e6, 50.0, *np.ones(98)]), 10.0)
    np.testing.assert_allclose(values[:2], 10.0)
    np.testing.assert_allclose(values[2:], 80 / 98)


@pytest.mark.parametrize(("key", "value"), [("folds", 1), ("components", 0), ("clip", 0.5), ("penalty", 0.0)])
def test_hyperparameters_out_of_range_are_refused(key: str, value: float) -> None:
    features = np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32)
    sample = Sample(features=features, patients=np.arange(30))
    with pytest.raises(ObjectiveError, match=key) as raised:
        weigh(sample, sample, **{key: value})  # pyright: ignore[reportArgumentType]
    assert raised.value.code == "BadHyperparameter"
