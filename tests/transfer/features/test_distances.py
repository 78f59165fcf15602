"""Squared distances are exact where cases are equal, and their unit is the median."""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial.distance import cdist, pdist

from medtransfer.transfer.features._distances import pairs, squared_distances, typical


def _batches(offset: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(40, 33, generator=generator) + offset, torch.randn(35, 33, generator=generator) + offset


def test_they_keep_their_digits_far_from_the_origin() -> None:
    """There |x|² + |y|² − 2·x·y has none left."""
    source, target = _batches(offset=1000)
    expected = cdist(source.double(), target.double(), "sqeuclidean")
    np.testing.assert_allclose(squared_distances(source, target).numpy(), expected, rtol=1e-5)


def test_equal_cases_are_at_distance_zero_wherever_they_stand() -> None:
    source, _ = _batches(offset=10)
    order = torch.randperm(len(source), generator=torch.Generator().manual_seed(1))
    found = squared_distances(source, source[order])
    assert (found[order, torch.arange(len(order))] == 0).all()
    assert torch.equal(found, squared_distances(source, source)[:, order])


def test_their_gradient_is_right_and_zero_between_equal_cases() -> None:
    source, target = (x[:4, :3].double().requires_grad_() for x in _batches())
    assert torch.autograd.gradcheck(squared_distances, (source, target))
    (gradient,) = torch.autograd.grad(squared_distances(source[:1], source[:1].detach()).sum(), source)
    assert (gradient == 0).all()


def test_the_unit_is_the_median_over_the_pairs_of_both_batches_and_a_constant() -> None:
    """75 cases are 2,775 pairs; of an even number it would be the lower of the two in the middle."""
    source, target = _batches()
    found = typical(pairs(source.requires_grad_(), target))
    everyone = torch.cat([source, target]).detach().double().numpy()
    np.testing.assert_allclose(float(found), np.median(pdist(everyone, "sqeuclidean")), rtol=1e-5)
    assert not found.requires_grad
