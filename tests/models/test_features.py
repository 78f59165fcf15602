"""Frozen features are what the network gives in evaluation mode, whatever the batch size, and leave no trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from tiny import classifier

from medtransfer.data.dataset import StudySet
from medtransfer.models.features import frozen_features
from medtransfer.models.weights.sidecar import InputSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from medtransfer.models.backbone import Backbone


@pytest.fixture
def pictures() -> StudySet:
    generator = np.random.default_rng(0)
    return StudySet.of_pictures(
        generator.integers(0, 65536, size=(7, 1, 12, 12)).astype(np.uint16),
        labels=np.zeros(7, dtype=np.int64),
        patients=np.arange(7),
        names=tuple("abcdefg"),
    )


@pytest.mark.parametrize("batch_size", [1, 3, 7, 64])
def test_rows_are_the_features_of_each_case_in_order(
    toy: Callable[[], Backbone], pictures: StudySet, batch_size: int
) -> None:
    model = classifier(toy(), classes=2, spec=InputSpec()).train()
    rows = frozen_features(model, pictures, batch_size=batch_size)
    assert rows.dtype == np.float32
    model.eval()
    with torch.inference_mode():
        expected = model(pictures.batch(np.arange(7))[0]).features.numpy()
    np.testing.assert_allclose(rows, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("training", [True, False])
def test_statistics_and_mode_stay(toy: Callable[[], Backbone], pictures: StudySet, training: bool) -> None:
    model = classifier(toy(), classes=2, spec=InputSpec()).train(training)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    frozen_features(model, pictures)
    assert model.training is training
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_every_module_is_afterwards_in_the_mode_it_was_in(toy: Callable[[], Backbone], pictures: StudySet) -> None:
    """Frozen stages are in evaluation mode in the midst of training: their batch statistics must not wake up."""
    model = classifier(toy()).train()
    model.backbone.eval()
    before = [module.training for module in model.modules()]
    frozen_features(model, pictures)
    assert [module.training for module in model.modules()] == before
