"""MMD is the V-statistic of the formula, 0 where the domains agree, and a valid statistic where they do not."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom
from sklearn.metrics.pairwise import rbf_kernel

from medtransfer.core.config.transfer import FEATURES
from medtransfer.core.errors import ObjectiveError
from medtransfer.core.torchvision_guard import import_torchvision
from medtransfer.transfer.features._distances import pairs, squared_distances, typical
from medtransfer.transfer.features.mmd import build, kernel, squared_mmd
from medtransfer.transfer.types import POOLED, Domain

SHAPES = st.tuples(st.integers(1, 12), st.integers(1, 12), st.integers(1, 7), st.integers(0, 10**6))


def _domain(features: torch.Tensor) -> Domain:
    return Domain(features={POOLED: features}, logits=features[:, :1], labels=None)


def _mmd(source: torch.Tensor, target: torch.Tensor, *, kernels: int = 5) -> torch.Tensor:
    return build(source.shape[1], 2, kernels=kernels)(_domain(source), _domain(target))


def _batches(n_source: int, n_target: int, dimension: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    source = torch.randn(n_source, dimension, generator=generator, dtype=torch.float64) * 2 + 1
    return source, torch.randn(n_target, dimension, generator=generator, dtype=torch.float64)


def _by_double_loop(source: torch.Tensor, target: torch.Tensor, kernels: int) -> float:
    everyone = torch.cat([source, target]).tolist()
    squared = [[sum((a - b) ** 2 for a, b in zip(x, y, strict=True)) for y in everyone] for x in everyone]
    each_once = sorted(squared[i][j] for i in range(len(everyone)) for j in range(i))
    bandwidth = each_once[(len(each_once) - 1) // 2]
    n, m = len(source), len(target)
    found = 0.0
    for i in range(n + m):
        for j in range(n + m):
            sign = 1 / (n * n) if max(i, j) < n else 1 / (m * m) if min(i, j) >= n else -1 / (n * m)
            for u in range(kernels):
                width = 2 ** (u - (kernels - 1) / 2) * bandwidth
                found += sign * math.exp(-squared[i][j] / (2 * width)) / kernels
    return found


@settings(deadline=None, max_examples=30)
@given(SHAPES, st.integers(1, 6))
def test_it_is_the_formula_in_a_double_loop(shape: tuple[int, int, int, int], kernels: int) -> None:
    source, target = _batches(*shape)
    assert float(_mmd(source, target, kernels=kernels)) == pytest.approx(
        _by_double_loop(source, target, kernels), abs=1e-12
    )


def test_it_is_the_formula_on_kernels_of_scikit_learn() -> None:
    source, target = _batches(20, 33, 8, 0)
    bandwidth = float(typical(pairs(source, target)))
    expected = 0.0
    for power in (-2, -1, 0, 1, 2):
        gamma = 1 / (2 * 2.0**power * bandwidth)
        blocks = ((source, source, 1), (target, target, 1), (source, target, -2))
        expected += sum(sign * rbf_kernel(x, y, gamma=gamma).mean() for x, y, sign in blocks) / 5
    assert float(_mmd(source, target)) == pytest.approx(expected, rel=1e-12)
    assert float(_mmd(source.float(), target.float())) == pytest.approx(expected, rel=1e-5)


def test_skada_has_another_kernel_and_ours_is_the_gaussian() -> None:
    """There exp(−‖x−y‖/s), without the square: no kernel of the paper's."""
    import_torchvision()
    losses = pytest.importorskip("skada.deep.losses")
    source, target = (x.float() for x in _batches(9, 12, 4, 3))
    width = 3.0
    theirs = float(losses.dan_loss(source, target, sigmas=[width]))
    blocks = ((source, source, 1), (target, target, 1), (source, target, -2))
    unsquared = sum(sign * float((-torch.cdist(x, y) / width).exp().mean()) for x, y, sign in blocks)
    gaussian = sum(sign * rbf_kernel(x, y, gamma=1 / width).mean() for x, y, sign in blocks)
    ours = float(squared_mmd(pairs(source, target), torch.tensor(width / 2), kernels=1))
    assert theirs == pytest.approx(unsquared, rel=1e-5)
    assert ours == pytest.approx(gaussian, rel=1e-5)
    assert abs(ours - theirs) > 0.1 * theirs


@settings(deadline=None, max_examples=40)
@given(SHAPES)
def test_identical_batches_are_at_distance_zero_exactly(shape: tuple[int, int, int, int]) -> None:
    source = _batches(*shape)[0].float() * 100
    assert float(_mmd(source, source.clone())) == 0


@settings(deadline=None, max_examples=40)
@given(SHAPES)
def test_it_is_never_negative_nor_above_two(shape: tuple[int, int, int, int]) -> None:
    source, target = (x.float() for x in _batches(*shape))
    assert 0 <= float(_mmd(source, target)) <= 2
    assert 0 <= float(_mmd(source, source.flip(0))) <= 1e-6, "the same cases in another order"


@settings(deadline=None, max_examples=30)
@given(SHAPES, st.floats(0.01, 100), st.floats(-5, 5))
def test_domains_can_be_exchanged_and_the_unit_does_not_matter(
    shape: tuple[int, int, int, int], scale: float, shift: float
) -> None:
    source, target = _batches(*shape)
    expected = _mmd(source, target)
    torch.testing.assert_close(_mmd(target, source), expected, rtol=0, atol=1e-10)
    torch.testing.assert_close(_mmd(source * scale + shift, target * scale + shift), expected, rtol=0, atol=1e-10)


def test_where_most_pairs_coincide_the_bandwidth_is_the_mean() -> None:
    source = torch.zeros(8, 3)
    target = torch.cat([torch.zeros(7, 3), torch.ones(1, 3)]).requires_grad_()
    distances = pairs(source, target)
    assert float(typical(distances)) == pytest.approx(15 * 3 / (16 * 15 / 2))
    value = squared_mmd(distances, typical(distances), kernels=5)
    (gradient,) = torch.autograd.grad(value, target)
    assert gradient.isfinite().all()
    assert gradient[-1].abs().sum() > 0, "the one that differs is pulled back"


def test_the_gradient_is_right() -> None:
    source, target = (x.requires_grad_() for x in _batches(5, 4, 3, 0))
    bandwidth = typical(pairs(source, target))

    def distance(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return squared_mmd(pairs(a, b), bandwidth, kernels=5)

    assert torch.autograd.gradcheck(distance, (source, target))
    found = torch.autograd.grad(_mmd(source, target), (source, target))
    torch.testing.assert_close(found, torch.autograd.grad(distance(source, target), (source, target)))


def test_it_pulls_the_domains_together() -> None:
    generator = torch.Generator().manual_seed(1)
    source = torch.randn(32, 4, generator=generator)
    target = (torch.randn(32, 4, generator=generator) + 2).requires_grad_()
    values = []
    for _ in range(150):
        values.append(_mmd(source, target))
        (gradient,) = torch.autograd.grad(values[-1], target)
        target = (target - 20 * gradient).detach().requires_grad_()
    assert values[-1] < 0.1 * values[0]
    assert (target.mean(dim=0) - source.mean(dim=0)).norm() < 1, "4 at first"


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6))
def test_it_falls_as_one_domain_is_moved_to_the_other(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    source, target = torch.randn(40, 3, generator=generator), torch.randn(40, 3, generator=generator)
    values = [float(_mmd(source, target + shift)) for shift in (3.0, 2.0, 1.0, 0.0)]
    assert values == sorted(values, reverse=True)


def _p_values(*, shift: float, tests: int, seed: int) -> np.ndarray:
    """Of permutation tests with Ω as the statistic: 99 permutations, 20 cases a domain."""
    n, permutations = 20, 99
    generator = torch.Generator().manual_seed(seed)
    values = []
    for _ in range(tests):
        source = torch.randn(n, 3, generator=generator, dtype=torch.float64)
        target = torch.randn(n, 3, generator=generator, dtype=torch.float64) + shift
        everyone = torch.cat([source, target])
        similar = kernel(squared_distances(everyone, everyone), typical(pairs(source, target)), kernels=5)
        signs = torch.ones(1 + permutations, 2 * n, dtype=torch.float64) / n
        orders = torch.rand(1 + permutations, 2 * n, generator=generator).argsort(dim=1)
        orders[0] = torch.arange(2 * n)
        signs.scatter_(1, orders[:, n:], -1 / n)
        statistics = torch.einsum("pi,ij,pj->p", signs, similar, signs)
        torch.testing.assert_close(statistics[0], _mmd(source, target), rtol=1e-9, atol=1e-12)
        values.append(float((statistics >= statistics[0] - 1e-12).double().mean()))
    return np.array(values)


def test_a_permutation_test_with_it_keeps_its_level_and_has_power() -> None:
    rejected = int((_p_values(shift=0, tests=300, seed=0) <= 0.05).sum())
    low, high = binom.interval(0.999, 300, 0.05)
    assert low <= rejected <= high
    assert (_p_values(shift=1, tests=40, seed=1) <= 0.05).mean() > 0.9


@pytest.mark.parametrize("kernels", [0, -1, True])
def test_a_number_of_kernels_that_is_none_is_refused(kernels: int) -> None:
    with pytest.raises(ObjectiveError, match="kernels") as raised:
        build(3, 2, kernels=kernels)
    assert raised.value.path == "objective.features.mmd.kernels"


def test_it_stands_in_the_catalogue_with_its_hyperparameters() -> None:
    assert FEATURES.hyperparameters("mmd") == ("tap", "kernels")
