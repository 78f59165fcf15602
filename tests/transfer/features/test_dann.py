"""DANN's discriminator learns, and the features forget what it has learnt."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from medtransfer.core.config.transfer import FEATURES
from medtransfer.core.errors import ObjectiveError
from medtransfer.transfer.features._discriminator import domain_loss
from medtransfer.transfer.features._reversal import reversal
from medtransfer.transfer.features.dann import Dann, build
from medtransfer.transfer.types import POOLED, Domain


def _term() -> Dann:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build(4, 2, hidden=32)


def _domain(features: Tensor, *, share: float = 0.0) -> Domain:
    return Domain(features={POOLED: features}, logits=features[:, :2], labels=None, share=share)


def _batches(seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(6, 4, generator=generator) + 1, torch.randn(9, 4, generator=generator)


def test_it_is_cross_entropy_in_which_each_domain_counts_half() -> None:
    term, (source, target) = _term(), _batches()
    unit = torch.cat([source, target]).square().mean().sqrt()
    logits = [term.discriminator(batch / unit) for batch in (source, target)]
    expected = sum(
        binary_cross_entropy_with_logits(each, torch.full_like(each, truth)) / 2
        for each, truth in zip(logits, (0.0, 1.0), strict=True)
    )
    torch.testing.assert_close(term(_domain(source), _domain(target)), expected)


@pytest.mark.parametrize("share", [0.0, 0.03, 0.5, 1.0])
def test_the_features_gradient_is_reversed_and_the_discriminators_is_not(share: float) -> None:
    term, (source, target) = _term(), _batches()
    leaves = [source.requires_grad_(), target.requires_grad_()]
    learnt = list(term.parameters())
    unit = torch.cat([leaf.detach().flatten() for leaf in leaves]).square().mean().sqrt()
    plain_value = domain_loss(term.discriminator(source / unit), term.discriminator(target / unit))
    plain = torch.autograd.grad(plain_value, leaves + learnt)
    value = term(_domain(source, share=share), _domain(target, share=share))
    found = torch.autograd.grad(value, leaves + learnt)
    coefficient = reversal(share, gamma=10.0)
    for turned, original in zip(found[:2], plain[:2], strict=True):
        assert torch.equal(turned, -coefficient * original)
    for same, original in zip(found[2:], plain[2:], strict=True):
        assert torch.equal(same, original)
        assert same.abs().sum() > 0


def test_the_unit_of_the_features_does_not_matter() -> None:
    term, (source, target) = _term(), _batches()
    expected = term(_domain(source), _domain(target))
    assert torch.equal(term(_domain(source * 1024), _domain(target * 1024)), expected)
    assert not torch.equal(term(_domain(source * 2), _domain(target)), expected), "that of one domain alone does"


def test_a_domain_counts_half_however_many_cases_it_brings() -> None:
    term, (source, target) = _term(), _batches()
    logits = term.discriminator(source), term.discriminator(target)
    torch.testing.assert_close(domain_loss(logits[0], logits[1].repeat(5)), domain_loss(*logits))


def test_the_discriminator_alone_learns_to_tell_the_domains() -> None:
    term, (source, target) = _term(), _batches()
    optimiser = torch.optim.Adam(term.parameters(), lr=1e-2)
    for _ in range(200):
        optimiser.zero_grad()
        term(_domain(source, share=1.0), _domain(target + 5, share=1.0)).backward()
        optimiser.step()
    assert term(_domain(source), _domain(target + 5)) < 0.05 < math.log(2)


@pytest.mark.parametrize(("key", "value"), [("hidden", 0), ("gamma", 0.0), ("gamma", -1.0), ("gamma", math.inf)])
def test_hyperparameters_out_of_range_are_refused(key: str, value: Any) -> None:
    with pytest.raises(ObjectiveError, match=key) as raised:
        build(4, 2, **{key: value})
    assert raised.value.path == f"objective.features.dann.{key}"


def test_it_stands_in_the_catalogue_with_its_hyperparameters() -> None:
    assert FEATURES.hyperparameters("dann") == ("tap", "hidden", "gamma")
