"""Weights point towards the target, are as many as the source's cases, and come from models that saw none of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression

from medtransfer.core.errors import ObjectiveError
from medtransfer.transfer.instances import classifier_ratio
from medtransfer.transfer.instances.classifier_ratio import weigh
from medtransfer.transfer.types import Sample, SampleWeights

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


def test_no_case_is_judged_by_a_model_that_saw_its_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every case is marked by its patient in a feature of its own, which a model that saw it would have fitted to."""
    seen: list[tuple[set[float], set[float]]] = []
    fit, decide = LogisticRegression.fit, LogisticRegression.decision_function

    class Marks:
        """Stands in for the components: it lets the patients' marks through."""

        def of(self, features: np.ndarray) -> np.ndarray:
            return features

    def fitted(model: LogisticRegression, features: np.ndarray, *rest: np.ndarray) -> LogisticRegression:
        seen.append((set(features[:, 0].tolist()), set()))
        return fit(model, features, *rest)

    def decided(model: LogisticRegression, features: np.ndarray) -> np.ndarray:
        seen[-1][1].update(features[:, 0].tolist())
        return decide(model, features)

    monkeypatch.setattr(classifier_ratio, "fit_components", lambda *_: Marks())
    monkeypatch.setattr(LogisticRegression, "fit", fitted)
    monkeypatch.setattr(LogisticRegression, "decision_function", decided)
    source, target = _sample(np.arange(120.0)[:, None] // 4, per_patient=4), _sample(_normal(1, 90, 99.5, dimension=1))
    weigh(source, target)
    assert len(seen) == 5
    assert all(train.isdisjoint(held_out) for train, held_out in seen)
    assert set.union(*(held_out for _, held_out in seen)) == set(range(30)), "each patient is judged"


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
