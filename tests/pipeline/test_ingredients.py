"""What may be averaged, and that the average is one."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest
from evaluations import label_points

from medtransfer.core.config.data import PreprocessConfig, ReadConfig
from medtransfer.core.config.decision import DecisionConfig
from medtransfer.core.config.models import ModelConfig, PoolingConfig
from medtransfer.core.config.training import TrainingConfig
from medtransfer.core.errors import BundleError
from medtransfer.models.weights.sidecar import InputSpec
from medtransfer.pipeline.ingredients import average, changes, check_alike

if TYPE_CHECKING:
    from collections.abc import Sequence

    from medtransfer.models.bundle import Bundle


def refused(bundles: Sequence[Bundle], *, decide: bool = False) -> BundleError:
    with pytest.raises(BundleError) as raised:
        check_alike(bundles, decide=decide)
    assert raised.value.path == str(bundles[-1].folder)
    assert raised.value.hint
    return raised.value


def noisy(tensors: dict[str, np.ndarray], seed: int) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    return {
        name: (value + generator.normal(size=value.shape)).astype(value.dtype) if value.dtype.kind == "f" else value
        for name, value in tensors.items()
    }


def test_the_average_is_the_mean_in_whatever_order(fitted, network) -> None:
    tensors = [noisy(network, seed) for seed in range(3)]
    bundles = [fitted(f"{i}", tensors=x, shift=i) for i, x in enumerate(tensors)]
    found = average(bundles)
    for name in network:
        if name != "heads.head.bias":
            expected = np.mean([x[name].astype(np.float64) for x in tensors], axis=0)
            np.testing.assert_allclose(found[name], expected, rtol=1e-6, atol=1e-7)
            assert found[name].dtype == np.float32
    assert found["heads.head.bias"].tolist() == [0, 1]
    for order in itertools.permutations(bundles):
        again = average(order)
        assert all(again[name].tobytes() == value.tobytes() for name, value in found.items())


def test_equal_numbers_keep_every_byte_and_whole_numbers_stay_whole(fitted, network) -> None:
    tensors = {**noisy(network, 0), "count": np.array(2**53 + 1), "zero": np.array([-0.0, 0.1], dtype=np.float32)}
    bundles = [fitted(f"{i}", tensors=tensors, shift=i) for i in range(3)]
    found = average(bundles)
    for name, value in tensors.items():
        if name != "heads.head.bias":
            assert found[name].tobytes() == value.tobytes()
            assert found[name].dtype == value.dtype


def test_how_they_learnt_may_differ(fitted) -> None:
    one = fitted("one", training=TrainingConfig(learning_rate=1e-3), decision=DecisionConfig(goal=0.8))
    other = fitted("other", shift=1, training=TrainingConfig(learning_rate=1e-4))
    check_alike([one, other], decide=False)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"manifest": {"task": "multilabel", "positive": None}}, "task is 'multilabel', not 'multiclass'"),
        ({"manifest": {"classes": ("pneumonia", "normal")}}, "classes is ['pneumonia', 'normal']"),
        ({"manifest": {"positive": "normal"}}, "positive is 'normal'"),
        ({"manifest": {"preprocess": PreprocessConfig(size=64)}}, "preprocess.size is 64, not 32"),
        ({"manifest": {"read": ReadConfig(force=True)}}, "read.force is True"),
        ({"member": {"backbone": "resnet18"}}, "backbone is 'resnet18', not 'squeezenet1_1'"),
        ({"member": {"input": InputSpec(mean=(0.5, 0.5, 0.5))}}, "input.mean is [0.5, 0.5, 0.5]"),
        ({"member": {"grey": "neighbours"}}, "grey is 'neighbours'"),
        ({"member": {"pooling": PoolingConfig(name="max")}}, "pooling.name is 'max'"),
        ({"model": ModelConfig(weights="imagenet")}, "model.weights is 'imagenet', not 'none'"),
        ({"seed": 1}, "seed is 1, not 0"),
    ],
)
def test_what_differs_is_named(fitted, settings, named: str) -> None:
    error = refused([fitted("one"), fitted("other", shift=1, **settings)])
    assert error.code == "NotAlike"
    assert named in error.message


def test_pretrained_weights_make_one_start_whatever_the_seed(fitted) -> None:
    pretrained = ModelConfig(backbone="squeezenet1_1", weights="imagenet")
    bundles = [fitted(f"{seed}", shift=seed, seed=seed, model=pretrained) for seed in range(2)]
    check_alike(bundles, decide=True)


def test_tensors_that_do_not_fit_are_named(fitted, network) -> None:
    wider = {**network, "heads.head.weight": np.zeros((2, 7), dtype=np.float32)}
    assert "heads.head.weight is 'float32 (2, 7)'" in refused([fitted("one"), fitted("b", tensors=wider)]).message
    more = {**network, "extra": np.zeros(1, dtype=np.float32)}
    assert "extra is 'float32 (1,)', not None" in refused([fitted("one"), fitted("c", tensors=more)]).message


def test_the_decision_counts_where_one_is_made(fitted) -> None:
    bundles = [fitted("one"), fitted("other", shift=1, decision=DecisionConfig(goal=0.8))]
    check_alike(bundles, decide=False)
    assert "decision.goal is 0.8, not 0.9" in refused(bundles, decide=True).message


def test_points_are_chosen_anew_and_need_not_be_alike(fitted) -> None:
    points = {"operating_points": label_points(effusion=0.3)}
    check_alike([fitted("one", manifest=points), fitted("other", shift=1)], decide=True)


def test_neither_twice_nor_an_ensemble(fitted) -> None:
    one = fitted("one")
    assert refused([one, fitted("again")]).code == "RepeatedBundle"
    pair = one.manifest.members * 2
    ensemble = type(one)(folder=one.folder, manifest=one.manifest.model_copy(update={"members": pair}), sha256="")
    assert refused([ensemble]).code == "Ensemble"


def test_changes_are_by_dotted_key() -> None:
    found = changes({"a": {"b": 1, "c": [2]}, "d": 3}, {"a": {"b": 1, "c": [4]}, "e": None, "f": 5})
    assert found == {"a.c": ([2], [4]), "d": (3, None), "f": (None, 5)}
