"""The poolings without parameters, by numpy and by hand."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plane_bags import bags, study

from medtransfer.models.pooling import max as largest
from medtransfer.models.pooling import mean
from medtransfer.models.pooling._contract import Place

NOWHERE = Place(torch.full((1, 3), 0.5), torch.zeros(1, 3, dtype=torch.int64))


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=4), st.integers(0, 10**6))
def test_both_are_numpys(lengths: list[int], seed: int) -> None:
    bag = bags(*lengths, seed=seed)
    means, maxima = mean.build(8)(*bag), largest.build(8)(*bag)
    for row, length in enumerate(lengths):
        alone = study(bag, row).features[0].numpy()
        np.testing.assert_allclose(means.features[row], alone.mean(axis=0), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(means.weights[row, :length], np.full(length, 1 / length), rtol=1e-6)
        assert np.array_equal(maxima.features[row], alone.max(axis=0))
        shares = np.bincount(alone.argmax(axis=0), minlength=length) / 8
        np.testing.assert_allclose(maxima.weights[row, :length], shares, rtol=1e-6)


def test_planes_that_tie_divide_feature_and_gradient() -> None:
    features = torch.tensor([[[0.0, 1.0], [0.0, 5.0], [-1.0, 2.0]]], requires_grad=True)
    pooled = largest.build(2)(features, torch.ones(1, 3, dtype=torch.bool), NOWHERE)
    assert pooled.features.tolist() == [[0, 5]]
    assert pooled.weights.tolist() == [[0.25, 0.75, 0]]
    pooled.features.sum().backward()
    assert features.grad is not None
    assert features.grad.tolist() == [[[0.5, 0], [0.5, 1], [0, 0]]]


def test_a_mean_of_a_thousand_planes_in_half_precision_does_not_stick() -> None:
    """Added up in bfloat16, ones stop counting at 256."""
    features = torch.ones(1, 1000, 2, dtype=torch.bfloat16)
    place = Place(torch.zeros(1, 1000), torch.zeros(1, 1000, dtype=torch.int64))
    pooled = mean.build(2)(features, torch.ones(1, 1000, dtype=torch.bool), place)
    torch.testing.assert_close(pooled.features, torch.ones(1, 2))
