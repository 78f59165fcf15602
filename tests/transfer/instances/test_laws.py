"""What every weighting of the catalogue obeys, whatever the data."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from medtransfer.core.config.transfer import INSTANCES
from medtransfer.core.errors import ObjectiveError
from medtransfer.transfer.types import Sample, SampleWeights

if TYPE_CHECKING:
    from collections.abc import Callable

ENTRIES = INSTANCES.names()
every_entry = pytest.mark.parametrize("name", ENTRIES)


def _hospital(seed: int, n: int, *, dimension: int = 8, shift: float = 0.0, sick: float = 0.5) -> Sample:
    generator = np.random.default_rng(seed)
    labels = (np.arange(n) < sick * n).astype(int)
    features = generator.normal(size=(n, dimension)) + 2 * labels[:, None] + shift
    return Sample(features=features.astype(np.float32), patients=np.arange(n) // 2, labels=labels)


def _weigh(name: str, source: Sample, target: Sample, **hyperparameters: Any) -> SampleWeights:
    weigh: Callable[..., SampleWeights] = INSTANCES.get(name)
    return weigh(source, target, **hyperparameters)


def _hold(weights: SampleWeights, n: int, clip: float) -> None:
    values = weights.values
    assert values.shape == (n,)
    assert np.isfinite(values).all()
    assert values.min() >= 0
    assert abs(values.mean() - 1) <= 1e-9
    assert values.max() <= clip * (1 + 1e-9)
    assert weights.effective_size == pytest.approx(values.sum() ** 2 / np.square(values).sum())
    assert 1 - 1e-9 <= weights.effective_size <= n * (1 + 1e-9)
    assert weights.clipped == np.isclose(values, clip, rtol=1e-9, atol=0).sum()


def test_the_catalogue_is_tested_whole() -> None:
    assert ENTRIES == ("classifier_ratio", "kmm", "label_shift", "ulsif")


@every_entry
@settings(deadline=None, max_examples=12)
@example(seed=0, sizes=(40, 40), dimension=1, shift=2.0, sick=0.5, clip=1.5)
@given(
    seed=st.integers(0, 1000),
    sizes=st.tuples(st.integers(40, 90), st.integers(40, 90)),
    dimension=st.integers(1, 60),
    shift=st.floats(0, 2),
    sick=st.floats(0.3, 0.7),
    clip=st.floats(1.5, 50),
)
def test_weights_are_weights(
    name: str, seed: int, sizes: tuple[int, int], dimension: int, shift: float, sick: float, clip: float
) -> None:
    source = _hospital(seed, sizes[0], dimension=dimension)
    target = _hospital(seed + 1, sizes[1], dimension=dimension, shift=shift, sick=sick)
    try:
        weights = _weigh(name, source, target, clip=clip)
    except ObjectiveError as refusal:  # too few cases have a weight at all for a mean of 1 below this clip
        if refusal.code != "NoOverlap":
            raise
        assert clip * np.count_nonzero(_weigh(name, source, target, clip=1e6).values) < sizes[0]
        return
    _hold(weights, sizes[0], clip)


@every_entry
def test_other_orders_of_the_cases_give_the_same_weights(name: str) -> None:
    source, target = _hospital(0, 120), _hospital(1, 90, shift=0.3, sick=0.3)
    first, second = (np.random.default_rng(seed).permutation(n) for seed, n in ((2, 120), (3, 90)))
    assert source.labels is not None
    moved = Sample(features=source.features[first], patients=source.patients[first], labels=source.labels[first])
    other = Sample(features=target.features[second], patients=target.patients[second])
    expected = _weigh(name, source, target).values[first]
    np.testing.assert_allclose(_weigh(name, moved, other).values, expected, rtol=1e-4, atol=1e-4)


@every_entry
def test_equal_inputs_give_equal_bits(name: str) -> None:
    source, target = _hospital(0, 80), _hospital(1, 60, shift=0.3)
    np.testing.assert_array_equal(_weigh(name, source, target).values, _weigh(name, source, target).values)


@every_entry
def test_equal_domains_keep_most_of_their_effective_size(name: str) -> None:
    evenly = {"ridge": 1.0} if name == "kmm" else {}
    weights = _weigh(name, _hospital(0, 400), _hospital(1, 400), **evenly)
    assert weights.effective_size > 0.5 * 400


@pytest.mark.parametrize("name", [name for name in ENTRIES if name != "label_shift"])
def test_features_that_say_nothing_weigh_all_cases_alike(name: str) -> None:
    source, target = (replace(_hospital(0, n), features=np.full((n, 5), 0.3, dtype=np.float32)) for n in (60, 40))
    np.testing.assert_allclose(_weigh(name, source, target).values, 1, atol=1e-6)


def test_features_that_say_nothing_cannot_tell_classes() -> None:
    source, target = (replace(_hospital(0, n), features=np.full((n, 5), 0.3, dtype=np.float32)) for n in (60, 40))
    with pytest.raises(ObjectiveError, match="near singular"):
        _weigh("label_shift", source, target)


@every_entry
def test_repeated_features_and_cases_are_borne(name: str) -> None:
    source, target = _hospital(0, 60), _hospital(1, 40, shift=0.5)
    thrice = [replace(domain, features=np.tile(domain.features, (1, 3))) for domain in (source, target)]
    once = _weigh(name, source, target).values
    np.testing.assert_allclose(_weigh(name, *thrice).values, once, rtol=1e-3, atol=1e-3)
    one_case = replace(target, features=np.repeat(target.features[:1], 40, axis=0))
    _hold(_weigh(name, source, one_case), 60, 10.0)


@every_entry
def test_more_features_than_cases_are_borne(name: str) -> None:
    _hold(_weigh(name, _hospital(0, 60, dimension=600), _hospital(1, 50, dimension=600, shift=0.2)), 60, 10.0)


@every_entry
@pytest.mark.parametrize("clip", [0.5, float("nan"), float("inf")])
def test_a_clip_that_is_none_is_refused(name: str, clip: float) -> None:
    with pytest.raises(ObjectiveError, match="clip = ") as caught:
        _weigh(name, _hospital(0, 60), _hospital(1, 40), clip=clip)
    assert caught.value.code == "BadHyperparameter"
    assert caught.value.path == f"objective.instances.{name}.clip"


BAD = {
    "classifier_ratio": [("folds", 1), ("components", 0), ("penalty", 0.0)],
    "kmm": [("components", 0), ("width", 0.0), ("bound", 1.0), ("epsilon", 0.0), ("epsilon", 1.0), ("ridge", -1.0)],
    "label_shift": [("folds", 1), ("components", 0), ("penalty", -1.0), ("shrinkage", -0.1)],
    "ulsif": [("alpha", 1.0), ("alpha", -0.1), ("folds", 1), ("components", 0), ("width", 0.0), ("ridge", -1.0)],
}


@pytest.mark.parametrize(("name", "key", "value"), [(name, *pair) for name, pairs in BAD.items() for pair in pairs])
def test_hyperparameters_out_of_range_are_refused(name: str, key: str, value: float) -> None:
    with pytest.raises(ObjectiveError, match=f"{key} = ") as caught:
        _weigh(name, _hospital(0, 60), _hospital(1, 40), **{key: value})
    assert caught.value.code == "BadHyperparameter"
    assert caught.value.path == f"objective.instances.{name}.{key}"
    assert key in INSTANCES.hyperparameters(name)


@every_entry
@pytest.mark.parametrize("place", ["source", "target"])
def test_features_that_are_no_numbers_are_refused(name: str, place: str) -> None:
    domains = {"source": _hospital(0, 60), "target": _hospital(1, 40)}
    features = domains[place].features.copy()
    features[7, 2] = np.nan
    domains[place] = replace(domains[place], features=features)
    with pytest.raises(ObjectiveError, match=f"1 of .* {place} cases .* case 7") as caught:
        _weigh(name, domains["source"], domains["target"])
    assert caught.value.code == "NotFinite"


@every_entry
def test_a_lone_case_is_refused(name: str) -> None:
    with pytest.raises(ObjectiveError, match="1 target cases are fewer than 2") as caught:
        _weigh(name, _hospital(0, 60), _hospital(1, 1))
    assert caught.value.code == "TooFewCases"


@pytest.mark.parametrize("name", [name for name in ENTRIES if "folds" in INSTANCES.hyperparameters(name)])
def test_fewer_patients_than_folds_are_refused(name: str) -> None:
    source = replace(_hospital(0, 60), patients=np.arange(60) % 4)
    with pytest.raises(ObjectiveError, match=r"4 .*source patients are fewer than 5 folds") as caught:
        _weigh(name, source, _hospital(1, 40))
    assert caught.value.code == "TooFewPatients"
