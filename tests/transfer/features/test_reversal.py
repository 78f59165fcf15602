"""What the discriminator learns from, the network unlearns, and by exactly as much as the ramp says."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from medtransfer.transfer.features._reversal import reversal, reverse


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.floats(0, 3, width=32))
def test_the_gradient_is_minus_lambda_times_the_plain_one_to_the_last_bit(seed: int, coefficient: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(6, 4, generator=generator, requires_grad=True)
    weights = torch.randn(4, 3, generator=generator)
    (plain,) = torch.autograd.grad((features @ weights).tanh().square().sum(), features)
    same = reverse(features, coefficient)
    assert torch.equal(same, features)
    (turned,) = torch.autograd.grad((same @ weights).tanh().square().sum(), features)
    assert torch.equal(turned, -coefficient * plain)


def test_features_without_a_gradient_pass() -> None:
    features = torch.ones(2, 3)
    assert torch.equal(reverse(features, 1.0), features)
    with torch.no_grad():
        assert torch.equal(reverse(features.requires_grad_(), 1.0), features)


@pytest.mark.parametrize("gamma", [1.0, 10.0, 50.0])
def test_the_ramp_is_the_papers(gamma: float) -> None:
    shares = [k / 20 for k in range(21)]
    found = [reversal(share, gamma=gamma) for share in shares]
    assert found == pytest.approx([2 / (1 + math.exp(-gamma * p)) - 1 for p in shares], abs=1e-12)
    assert found[0] == 0
    assert found == sorted(found)


def test_values_of_the_ramp() -> None:
    """With γ = 10: half of the way up at 11 % of the run, .9866 at half of it."""
    assert reversal(math.log(3) / 10, gamma=10.0) == pytest.approx(0.5)
    assert reversal(0.5, gamma=10.0) == pytest.approx(0.98661430)
    assert reversal(1.0, gamma=10.0) == pytest.approx(0.99990920)
