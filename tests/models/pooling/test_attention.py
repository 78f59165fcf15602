"""Gated attention is the paper's, with places, and begins as the mean."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plane_bags import bags, study, trained

from medtransfer.models.pooling import attention, mean
from medtransfer.models.pooling._place import encoded


def test_it_is_the_papers_formula_in_numpy() -> None:
    module, bag = trained("attention", hidden=6), bags(5, 3)
    pooled = module(*bag)
    state = {key: value.double().numpy() for key, value in module.state_dict().items()}
    (v, u), (p, q) = np.split(state["content.weight"], 2), np.split(state["place.weight"], 2)
    v_bias, u_bias = np.split(state["content.bias"], 2)
    for row, length in enumerate((5, 3)):
        alone = study(bag, row)
        h, e = alone.features[0].double().numpy(), encoded(alone.place)[0].double().numpy()
        gate = 1 / (1 + np.exp(-(h @ u.T + u_bias + e @ q.T)))
        scores = (np.tanh(h @ v.T + v_bias + e @ p.T) * gate) @ state["score.weight"][0]
        weights = np.exp(scores) / np.exp(scores).sum()
        np.testing.assert_allclose(pooled.weights[row, :length].detach(), weights, rtol=1e-5)
        np.testing.assert_allclose(pooled.features[row].detach(), weights @ h, rtol=1e-4, atol=1e-6)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6), st.sampled_from([1.0, 100.0]))
def test_it_begins_as_the_mean(seed: int, scale: float) -> None:
    """By its bound for any features, and in practice far closer."""
    torch.manual_seed(seed)
    module = attention.build(64)
    bag = bags(40, 7, seed=seed, dim=64)
    features = bag.features * scale
    pooled, averaged = module(features, *bag[1:]), mean.build(64)(features, *bag[1:])
    relative = pooled.weights[bag.present] / averaged.weights[bag.present]
    assert relative.log().abs().max() <= 0.2
    assert relative.log().abs().max() < 0.05
    assert (pooled.features - averaged.features).abs().max() < 0.02 * scale


def test_it_learns_by_place_alone_which_planes_tell() -> None:
    """Upper planes carry the answer and lower ones a coin's; they look the same."""
    assert _share_of_telling_planes(position=True) > 0.9
    assert _share_of_telling_planes(position=False) < 0.6


def _share_of_telling_planes(*, position: bool) -> float:
    """The weight of the upper half after training, on average over studies."""
    torch.manual_seed(0)
    module, head = attention.build(1, hidden=16, position=position), torch.nn.Linear(1, 1)
    bag = bags(*[12] * 128, dim=1)
    upper = bag.place.position > 0.5
    answers = torch.arange(128) % 2
    told = 2.0 * answers[:, None] - 1
    features = torch.where(upper, told, bag.features[..., 0].sign())[..., None]
    optimiser = torch.optim.Adam([*module.parameters(), *head.parameters()], lr=0.02)
    for _ in range(100):
        optimiser.zero_grad()
        logits = head(module(features, *bag[1:]).features)[:, 0]
        torch.nn.functional.binary_cross_entropy_with_logits(logits, answers.float()).backward()
        optimiser.step()
    weights = module(features, *bag[1:]).weights
    return (weights * upper).sum(dim=1).mean().item()


def test_dropout_acts_in_training_only_and_keeps_weights_shares() -> None:
    module, bag = trained("attention", dropout=0.5), bags(6, 4)
    assert torch.equal(module(*bag).weights, module(*bag).weights)
    module.train()
    torch.manual_seed(0)
    first, second = module(*bag).weights, module(*bag).weights
    assert not torch.equal(first, second)
    torch.testing.assert_close(first.sum(dim=1), torch.ones(2))


@pytest.mark.parametrize("hidden", [1, 7, 512])
def test_the_bound_of_its_beginning_holds_for_any_width(hidden: int) -> None:
    score = attention.build(8, hidden=hidden).score.weight
    assert score.shape == (1, hidden)
    assert 0 < score.abs().sum() <= 0.1
