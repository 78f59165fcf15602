"""CORAL is the paper's formula, whoever computes it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from medtransfer.core.config.transfer import FEATURES
from medtransfer.core.torchvision_guard import import_torchvision
from medtransfer.transfer.features.coral import build, covariance
from medtransfer.transfer.types import POOLED, Domain

SHAPES = st.tuples(st.integers(2, 12), st.integers(2, 12), st.integers(1, 7), st.integers(0, 10**6))


def _pytorch_adapt() -> nn.Module:
    """Its CORAL alone: the package imports more than is installed here."""
    spec = importlib.util.find_spec("pytorch_adapt")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("pytorch-adapt is not installed")
    file = Path(spec.submodule_search_locations[0]) / "layers" / "coral_loss.py"
    of_file = importlib.util.spec_from_file_location("pytorch_adapt_coral_loss", file)
    assert of_file is not None
    assert of_file.loader is not None
    module = importlib.util.module_from_spec(of_file)
    of_file.loader.exec_module(module)
    return module.CORALLoss()


def _domain(features: torch.Tensor, *, tap: str = POOLED) -> Domain:
    return Domain(features={tap: features}, logits=features[:, :1], labels=None)


def _coral(source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return build(source.shape[1], 2)(_domain(source), _domain(target))


def _batches(n_source: int, n_target: int, dimension: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    source = torch.randn(n_source, dimension, generator=generator) * 2 + 3
    return source, torch.randn(n_target, dimension, generator=generator)


@settings(deadline=None, max_examples=60)
@given(SHAPES)
def test_it_is_the_formula_on_numpys_covariances(shape: tuple[int, int, int, int]) -> None:
    source, target = _batches(*shape)
    d = shape[2]
    ours, theirs = (np.atleast_2d(np.cov(x.double().numpy(), rowvar=False)) for x in (source, target))
    expected = np.square(ours - theirs).sum() / (4 * d**2)
    noise = 1e-6 * (np.square(ours).sum() + np.square(theirs).sum()) / (4 * d**2)
    found = float(_coral(source, target))
    assert abs(found - expected) <= 1e-6 * expected + noise, "32 bits: relative to what is subtracted"
    assert found >= 0


def test_it_is_the_formula_to_six_digits() -> None:
    source, target = _batches(32, 24, 16, 0)
    ours, theirs = (np.cov(x.double().numpy(), rowvar=False) for x in (source, target))
    assert float(_coral(source, target)) == pytest.approx(np.square(ours - theirs).sum() / (4 * 16**2), rel=1e-6)


def test_a_value_by_hand() -> None:
    """Variances 2 and 8, no covariance: (2 − 8)² / (4·2²) in one of two dimensions."""
    source = torch.tensor([[0.0, 5.0], [2.0, 5.0]])
    target = torch.tensor([[0.0, -1.0], [4.0, -1.0]])
    assert float(_coral(source, target)) == pytest.approx(36 / 16)


@settings(deadline=None, max_examples=30)
@given(SHAPES)
def test_identical_batches_are_at_distance_zero(shape: tuple[int, int, int, int]) -> None:
    source, _ = _batches(*shape)
    assert float(_coral(source, source.clone())) == 0


@settings(deadline=None, max_examples=30)
@given(SHAPES)
def test_order_of_cases_and_domains_and_the_means_do_not_matter(shape: tuple[int, int, int, int]) -> None:
    source, target = _batches(*shape)
    shuffled = torch.randperm(len(source), generator=torch.Generator().manual_seed(shape[3]))
    expected = _coral(source, target)
    scale = float(covariance(source).square().sum() + covariance(target).square().sum())
    for other in (
        _coral(source[shuffled], target),
        _coral(target, source),
        _coral(source + 7, target - 2),
    ):
        torch.testing.assert_close(other, expected, rtol=1e-4, atol=1e-5 * scale)


def test_it_is_that_of_skada_and_of_pytorch_adapt() -> None:
    import_torchvision()
    skada = pytest.importorskip("skada.deep.losses")
    pytorch_adapt = _pytorch_adapt()
    for shape in ((32, 24, 16, 0), (5, 9, 40, 1), (2, 2, 3, 2)):
        source, target = _batches(*shape)
        found = float(_coral(source, target))
        assert found == pytest.approx(float(skada.deepcoral_loss(source, target)), rel=1e-6)
        assert found == pytest.approx(float(pytorch_adapt(source.double(), target.double())), rel=1e-6)


def test_it_is_not_that_of_tllib() -> None:
    """Which adds the squared distance of the means, and divides by d² where the paper has 4·d²."""
    source, target = _batches(32, 24, 16, 0)
    means = (source.mean(dim=0) - target.mean(dim=0)).square().mean()
    covariances = (covariance(source) - covariance(target)).square().mean()
    assert float(_coral(source, target)) == pytest.approx(float(covariances) / 4, rel=1e-6)
    assert float(means + covariances) > 5 * float(_coral(source, target))


def test_the_gradient_is_right() -> None:
    source, target = (x.double().requires_grad_() for x in _batches(5, 4, 3, 0))
    assert torch.autograd.gradcheck(covariance, (source,))

    def distance(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return (covariance(a) - covariance(b)).square().sum() / (4 * 3**2)

    assert torch.autograd.gradcheck(distance, (source, target))
    value = _coral(source.float(), target.float())
    torch.testing.assert_close(value.double(), distance(source, target), rtol=1e-5, atol=0)
    found = torch.autograd.grad(value, (source, target))
    expected = torch.autograd.grad(distance(source, target), (source, target))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_it_pulls_both_domains_together() -> None:
    source, target = (x.requires_grad_() for x in _batches(16, 16, 4, 1))
    before = _coral(source, target)
    by_source, by_target = torch.autograd.grad(before, (source, target))
    after = _coral(source - 0.5 * by_source, target - 0.5 * by_target)
    assert after < before


def test_half_precision_is_computed_in_full() -> None:
    """In 16 bits the difference of nearly equal covariances would be rounding alone."""
    source, target = (x.bfloat16() for x in _batches(32, 32, 8, 2))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = _coral(source, target)
    assert inside.dtype == torch.float32
    assert torch.equal(inside, _coral(source.float(), target.float()))


def test_it_stands_in_the_catalogue_with_its_hyperparameters() -> None:
    assert FEATURES.hyperparameters("coral") == ("tap",)
