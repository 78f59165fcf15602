"""The plan is the exact one, the gradient that of its cost, and mass may stay where its journey is too dear."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from torch import Tensor

from medtransfer.core.config.transfer import FEATURES
from medtransfer.core.errors import CatalogueError, ObjectiveError
from medtransfer.transfer.features._distances import pairs, typical
from medtransfer.transfer.features.optimal_transport import build, plan
from medtransfer.transfer.types import POOLED, Domain

ot = pytest.importorskip("ot")

SHAPES = st.tuples(st.integers(1, 8), st.integers(1, 8), st.integers(1, 5), st.integers(0, 10**6))
PRICES = st.floats(0.05, 5)


def _domain(features: Tensor) -> Domain:
    return Domain(features={POOLED: features}, logits=features[:, :1], labels=None)


def _transport(source: Tensor, target: Tensor, *, marginal: float = math.inf) -> Tensor:
    return build(source.shape[1], 2, marginal=marginal)(_domain(source), _domain(target))


def _batches(n_source: int, n_target: int, dimension: int, seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    source = torch.randn(n_source, dimension, generator=generator, dtype=torch.float64) + 1
    return source, torch.randn(n_target, dimension, generator=generator, dtype=torch.float64)


def _costs(source: Tensor, target: Tensor) -> np.ndarray:
    distances = pairs(source, target)
    return (distances.across / typical(distances)).detach().numpy()


@settings(deadline=None, max_examples=40)
@given(SHAPES)
def test_balanced_it_is_the_earth_movers_distance_of_pot(shape: tuple[int, int, int, int]) -> None:
    source, target = _batches(*shape)
    assert float(_transport(source, target)) == pytest.approx(ot.emd2([], [], _costs(source, target)), rel=1e-9)


@settings(deadline=None, max_examples=25)
@given(SHAPES, PRICES)
def test_with_a_price_it_is_the_linear_programme(shape: tuple[int, int, int, int], marginal: float) -> None:
    """max over γ of Σ (2ρ − c)·γ with row sums ≤ 1/n and column sums ≤ 1/m, by another solver."""
    source, target = _batches(*shape)
    costs = _costs(source, target)
    n, m = costs.shape
    sums = np.vstack([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    limits = np.repeat([1 / n, 1 / m], [n, m])
    solved = linprog((costs - 2 * marginal).ravel(), A_ub=sums, b_ub=limits, method="highs")
    assert solved.fun is not None
    assert float(_transport(source, target, marginal=marginal)) == pytest.approx(solved.fun + 2 * marginal, abs=1e-8)


@settings(deadline=None, max_examples=25)
@given(SHAPES, PRICES)
def test_what_moves_moves_as_in_pots_partial_transport(shape: tuple[int, int, int, int], marginal: float) -> None:
    source, target = _batches(*shape)
    costs = _costs(source, target)
    found = plan(costs, marginal=marginal)
    mass = found.sum()
    n, m = costs.shape
    uniform = np.full(n, 1 / n), np.full(m, 1 / m)
    if 1e-6 < mass < 1 - 1e-6:
        expected = ot.partial.partial_wasserstein2(*uniform, costs, m=mass)
        assert (found * costs).sum() == pytest.approx(expected, abs=1e-8)
    assert (found >= 0).all()
    assert (found.sum(axis=1) <= 1 / n + 1e-12).all()
    assert (found.sum(axis=0) <= 1 / m + 1e-12).all()
    assert (costs[found > 1e-12] <= 2 * marginal + 1e-12).all(), "nothing moves at a cost above 2ρ"


@settings(deadline=None, max_examples=15)
@given(SHAPES)
def test_between_a_price_of_nothing_and_one_without_end(shape: tuple[int, int, int, int]) -> None:
    source, target = _batches(*shape)
    costs, balanced = _costs(source, target), float(_transport(source, target))
    values = [float(_transport(source, target, marginal=price)) for price in (1e-9, 0.1, 1.0, 10.0, costs.max())]
    assert values[0] == pytest.approx(0, abs=1e-8)
    assert (np.diff(values) >= -1e-9).all()
    assert values[-1] == pytest.approx(balanced, rel=1e-9)


@settings(deadline=None, max_examples=30)
@given(SHAPES, st.sampled_from([math.inf, 1.0]))
def test_identical_batches_cost_nothing(shape: tuple[int, int, int, int], marginal: float) -> None:
    source = _batches(*shape)[0].float()
    order = torch.randperm(len(source), generator=torch.Generator().manual_seed(shape[3]))
    assert float(_transport(source, source[order], marginal=marginal)) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("marginal", [math.inf, 0.4])
def test_the_gradient_is_that_of_the_cost_with_the_plan_and_the_unit_fixed(marginal: float) -> None:
    source, target = (x.requires_grad_() for x in _batches(5, 4, 3, 0))
    unit = typical(pairs(source, target))
    fixed = torch.from_numpy(plan(_costs(source, target), marginal=marginal))
    assert marginal == math.inf or 0.05 < float(fixed.sum()) < 0.95

    def cost(ours: Tensor, theirs: Tensor) -> Tensor:
        return (fixed * (ours[:, None] - theirs[None]).square().sum(dim=2) / unit).sum()

    assert torch.autograd.gradcheck(cost, (source, target))
    found = torch.autograd.grad(_transport(source, target, marginal=marginal), (source, target))
    torch.testing.assert_close(found, torch.autograd.grad(cost(source, target), (source, target)))


@pytest.mark.parametrize("marginal", [math.inf, 0.4])
def test_the_gradient_is_that_of_the_minimum(marginal: float) -> None:
    """Finite differences of the minimum itself, with the plan found anew: the envelope theorem."""
    source, target = _batches(5, 4, 3, 0)
    unit = float(typical(pairs(source, target)))
    leaf = source.clone().requires_grad_()
    (found,) = torch.autograd.grad(_transport(leaf, target, marginal=marginal), leaf)

    def minimum(ours: Tensor) -> float:
        costs = ((ours[:, None] - target[None]).square().sum(dim=2) / unit).numpy()
        moved = plan(costs, marginal=marginal)
        stays = 0.0 if math.isinf(marginal) else 2 * marginal * (1 - moved.sum())
        return float((moved * costs).sum() + stays)

    for index in np.ndindex(*source.shape):
        step = torch.zeros_like(source)
        step[index] = 1e-6
        slope = (minimum(source + step) - minimum(source - step)) / 2e-6
        assert slope == pytest.approx(float(found[index]), abs=1e-7)


def test_under_label_shift_only_a_relaxed_plan_leaves_the_classes_apart() -> None:
    """Half of the source is ill and a tenth of the target: balanced, 40 % are taken for the other class."""
    generator = torch.Generator().manual_seed(0)
    ill = torch.tensor([8.0, 0.0])
    source = torch.randn(20, 2, generator=generator, dtype=torch.float64) + ill * (torch.arange(20) < 10)[:, None]
    target = torch.randn(20, 2, generator=generator, dtype=torch.float64) + ill * (torch.arange(20) < 2)[:, None]
    costs = _costs(source, target)
    balanced, relaxed = plan(costs, marginal=math.inf), plan(costs, marginal=0.5)
    assert balanced.sum() == pytest.approx(1)
    assert balanced[:10, 2:].sum() + balanced[10:, :2].sum() == pytest.approx(0.4)
    assert relaxed.sum() == pytest.approx(0.6)
    assert relaxed[:10, 2:].sum() + relaxed[10:, :2].sum() == 0


def test_it_pulls_the_domains_together() -> None:
    source, target = _batches(16, 12, 3, 1)
    target = (target - 2).requires_grad_()
    before = (source.mean(dim=0) - target.mean(dim=0)).norm()
    for _ in range(60):
        (gradient,) = torch.autograd.grad(_transport(source, target), target)
        target = (target - 10 * gradient).detach().requires_grad_()
    assert (source.mean(dim=0) - target.mean(dim=0)).norm() < 0.1 * before


@pytest.mark.parametrize("marginal", [0.0, -1.0, math.nan])
def test_a_price_that_is_none_is_refused(marginal: float) -> None:
    with pytest.raises(ObjectiveError, match="marginal") as raised:
        build(3, 2, marginal=marginal)
    assert raised.value.path == "objective.features.optimal_transport.marginal"


def test_without_pot_the_cure_is_said_when_the_term_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ot", None)
    with pytest.raises(CatalogueError) as raised:
        build(3, 2)
    assert raised.value.hint == "pip install 'medtransfer[ot]'"


def test_it_stands_in_the_catalogue_with_its_hyperparameters() -> None:
    assert FEATURES.hyperparameters("optimal_transport") == ("tap", "marginal")
