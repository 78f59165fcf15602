"""What holds for every term on features."""

from __future__ import annotations

import copy
import dataclasses

import pytest
import torch
from torch import nn

from medtransfer.core.config.transfer import FEATURES
from medtransfer.core.errors import ObjectiveError
from medtransfer.transfer.types import POOLED, Domain

pytest.importorskip("ot")

TERMS = FEATURES.names()


def _term(name: str, *, seed: int = 0, dimension: int = 5, **settings: object) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return FEATURES.get(name)(dimension, 3, **settings)


def _domains(ours: int = 7, theirs: int = 4, *, seed: int = 0, dtype: torch.dtype = torch.float32) -> list[Domain]:
    generator = torch.Generator().manual_seed(seed)
    return [
        Domain(
            features={tap: torch.randn(n, 5, generator=generator).to(dtype) + shift for tap in (POOLED, "layer3")},
            logits=torch.randn(n, 3, generator=generator).to(dtype),
            labels=None,
            share=0.5,
        )
        for n, shift in ((ours, 1), (theirs, 0))
    ]


@pytest.mark.parametrize("name", TERMS)
def test_it_takes_any_tap_and_looks_at_no_other(name: str) -> None:
    assert "tap" in FEATURES.hyperparameters(name)
    assert _term(name).tap == POOLED
    term, domains = _term(name, tap="layer3"), _domains()
    assert term.tap == "layer3"
    alone = [dataclasses.replace(d, features={"layer3": d.features["layer3"]}) for d in domains]
    assert torch.equal(term(*domains), term(*alone))
    assert not torch.equal(term(*domains), _term(name)(*domains))


@pytest.mark.parametrize("name", TERMS)
def test_both_domains_get_a_finite_gradient_without_any_label(name: str) -> None:
    term, domains = _term(name), _domains()
    leaves = [domain.features[POOLED].requires_grad_() for domain in domains]
    value = term(*domains)
    assert value.shape == ()
    for gradient in torch.autograd.grad(value, leaves):
        assert gradient.isfinite().all()
        assert gradient.abs().sum() > 0


@pytest.mark.parametrize("name", TERMS)
def test_16_bits_outside_are_32_inside(name: str) -> None:
    term, half = _term(name), _domains(dtype=torch.bfloat16)
    full = [
        dataclasses.replace(d, features={POOLED: d.features[POOLED].float()}, logits=d.logits.float()) for d in half
    ]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = term(*half)
    assert inside.dtype == torch.float32
    assert torch.equal(inside, term(*full))


@pytest.mark.parametrize("name", TERMS)
def test_the_order_of_the_cases_does_not_matter(name: str) -> None:
    term, (source, target) = _term(name), _domains()
    order = torch.tensor([3, 0, 6, 1, 5, 2, 4])
    shuffled = dataclasses.replace(
        source, features={POOLED: source.features[POOLED][order]}, logits=source.logits[order]
    )
    torch.testing.assert_close(term(shuffled, target), term(source, target), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", TERMS)
def test_collapsed_features_give_finite_values_and_gradients(name: str) -> None:
    for value in (0.0, 3.0, 1e4):
        term, domains = _term(name), _domains()
        leaves = [torch.full_like(domain.features[POOLED], value).requires_grad_() for domain in domains]
        collapsed = [dataclasses.replace(d, features={POOLED: x}) for d, x in zip(domains, leaves, strict=True)]
        found = term(*collapsed)
        assert found.isfinite()
        assert all(gradient.isfinite().all() for gradient in torch.autograd.grad(found, leaves))


@pytest.mark.parametrize("name", TERMS)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_feature_that_is_not_finite_is_not_hidden(name: str, value: float) -> None:
    domains = _domains()
    domains[1].features[POOLED][2, 3] = value
    assert not _term(name)(*domains).isfinite()


@pytest.mark.parametrize("name", TERMS)
@pytest.mark.parametrize(("ours", "theirs"), [(1, 1), (1, 6), (6, 1)])
def test_single_cases_work_or_are_refused(name: str, ours: int, theirs: int) -> None:
    term, domains = _term(name), _domains(ours, theirs)
    if name == "coral":
        with pytest.raises(ObjectiveError, match=f"{ours} and {theirs}") as raised:
            term(*domains)
        assert raised.value.code == "BatchTooSmall"
        return
    leaves = [domain.features[POOLED].requires_grad_() for domain in domains]
    value = term(*domains)
    assert value.isfinite()
    assert all(gradient.isfinite().all() for gradient in torch.autograd.grad(value, leaves))


@pytest.mark.parametrize("name", TERMS)
def test_it_follows_the_seed_at_build_and_draws_nothing_later(name: str) -> None:
    one, same = _term(name, dimension=5), _term(name, dimension=5)
    domains, before = _domains(), torch.random.get_rng_state()
    assert torch.equal(one(*domains), same(*domains))
    assert torch.equal(one(*domains), one(*domains))
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("name", TERMS)
@pytest.mark.parametrize("dimension", [5, 2000])
def test_its_state_is_all_that_a_checkpoint_needs(name: str, dimension: int) -> None:
    """2,000 features of three classes go through CDAN's random map."""
    one, other = _term(name, seed=1, dimension=dimension), _term(name, seed=2, dimension=dimension)
    other.load_state_dict(copy.deepcopy(one).state_dict())
    generator = torch.Generator().manual_seed(0)
    domains = [
        Domain(
            features={POOLED: torch.randn(4, dimension, generator=generator)},
            logits=torch.randn(4, 3, generator=generator),
            labels=None,
        )
        for _ in range(2)
    ]
    assert torch.equal(one(*domains), other(*domains))


@pytest.mark.parametrize("name", TERMS)
def test_64_bits_stay_64(name: str) -> None:
    assert _term(name).double()(*_domains(dtype=torch.float64)).dtype == torch.float64
