"""Batch spectral shrinkage is the smallest singular values' energy, and has a gradient wherever they lie."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import torch
from functional_terms import FEATURES, labels, pictures, step_of, studies, toy

from medtransfer.core.errors import ObjectiveError
from medtransfer.transfer.parameters.bss import build, smallest_energy
from medtransfer.transfer.types import POOLED, Domain, Step


def _features(cases: int, length: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(cases, length, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _domain(features: torch.Tensor) -> Domain:
    return Domain(features={POOLED: features}, logits=torch.zeros(len(features), 2), labels=None)


@pytest.mark.parametrize("shape", [(8, 5), (5, 8), (6, 6)])
@pytest.mark.parametrize("k", [1, 3])
def test_it_is_numpys_smallest_singular_values(shape: tuple[int, int], k: int) -> None:
    features = _features(*shape)
    expected = (np.linalg.svd(features.numpy(), compute_uv=False)[-k:] ** 2).sum()
    assert smallest_energy(features, k).item() == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("shape", [(8, 5), (5, 8)])
@pytest.mark.parametrize("k", [1, 2])
def test_its_gradient_is_right(shape: tuple[int, int], k: int) -> None:
    features = _features(*shape).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: smallest_energy(x, k), features)


@pytest.mark.parametrize(
    "features",
    [
        torch.zeros(6, 4),
        torch.ones(6, 4),
        torch.eye(6)[:, :4],
        _features(6, 1).repeat(1, 4).float(),
        torch.cat([_features(3, 4), _features(3, 4)]).float(),
    ],
    ids=["nothing", "one direction", "equal values", "collapsed", "cases twice"],
)
def test_its_gradient_is_finite_where_singular_values_are_0_or_equal(features: torch.Tensor) -> None:
    features = features.clone().requires_grad_()
    value = smallest_energy(features, 2)
    value.backward()
    assert features.grad is not None
    assert torch.isfinite(features.grad).all()
    assert value.item() >= 0


def test_directions_that_are_small_beside_others_are_told_in_32_bits() -> None:
    """σ from 1,000 to 0.01: eigenvalues of FFᵀ in 32 bits would be off by 1,000²·6e-8 ≫ 0.01²."""
    left, _ = torch.linalg.qr(_features(8, 8))
    right, _ = torch.linalg.qr(_features(5, 5, seed=1))
    sizes = torch.tensor([1e3, 1e2, 10, 1, 0.01], dtype=torch.float64)
    features = left[:, :5] @ torch.diag(sizes) @ right
    assert smallest_energy(features.float(), 1).item() == pytest.approx(1e-4, rel=0.05)
    by_eigenvalues = torch.linalg.eigvalsh(features.float().T @ features.float())[0].item()
    assert by_eigenvalues != pytest.approx(1e-4, rel=0.05)


def test_a_step_along_its_gradient_shrinks_the_smallest_direction_and_no_other() -> None:
    features = _features(8, 5).requires_grad_()
    smallest_energy(features, 1).backward()
    assert features.grad is not None
    before = torch.linalg.svdvals(features.detach())
    after = torch.linalg.svdvals(features.detach() - 0.25 * features.grad)
    torch.testing.assert_close(after[:-1], before[:-1])
    torch.testing.assert_close(after[-1], before[-1] / 2)


def test_every_domain_counts_alike() -> None:
    term = build(toy(), None, studies(8))
    target, north, south = (_features(*shape, seed=s) for s, shape in enumerate([(6, 4), (5, 4), (9, 4)]))
    step = Step(target=_domain(target), sources={"north": _domain(north), "south": _domain(south)})
    expected = torch.stack([smallest_energy(each, 1) for each in (target, north, south)]).mean()
    assert torch.equal(term.loss(step), expected)
    assert torch.equal(term.loss(Step(target=_domain(target))), smallest_energy(target, 1))
    assert torch.equal(term.loss(Step(sources={"north": _domain(north)})), smallest_energy(north, 1))


def test_a_batch_without_a_small_singular_value_adds_nothing() -> None:
    term = build(toy(), None, studies(8), k=2)
    assert term.loss(Step(target=_domain(_features(2, 4)))).item() == 0
    assert term.loss(Step(target=_domain(_features(3, 4)))).item() > 0


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_features_that_are_not_finite_give_nan_and_no_error_of_the_solver(bad: float) -> None:
    """The loop's own check of the loss then names the batch."""
    features = torch.randn(6, 4)
    features[2, 1] = bad
    assert smallest_energy(features, 1).isnan()


def test_its_gradient_reaches_the_encoder() -> None:
    model = toy()
    term = build(model, None, studies(8))
    term.loss(step_of(model, term, pictures(8, seed=1), labels(8))).backward()
    gradients = [parameter.grad for parameter in model.backbone.parameters()]
    assert all(gradient is not None and gradient.abs().max() > 0 for gradient in gradients)


@pytest.mark.parametrize("k", [0, -1, FEATURES, 1.5, True])
def test_a_k_that_is_no_number_of_singular_values_is_refused(k: int) -> None:
    with pytest.raises(ObjectiveError) as caught:
        inspect.unwrap(build)(toy(), None, studies(8), k=k)  # as a plan's number comes: its type is not checked before
    assert caught.value.code == "BadHyperparameter"
    assert caught.value.path == "objective.parameters.bss.k"


def test_fewer_cases_than_it_takes_are_refused() -> None:
    with pytest.raises(ObjectiveError) as caught:
        build(toy(), None, studies(3), k=3)
    assert caught.value.code == "TooFewCases"
    assert caught.value.hint
