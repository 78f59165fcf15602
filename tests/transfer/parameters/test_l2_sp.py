"""L2-SP solves the problem it states, whichever optimiser moves the parameters, and never diverges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import nn

from medtransfer.core.errors import ObjectiveError
from medtransfer.transfer.parameters import l2_sp
from medtransfer.transfer.parameters.l2_sp import L2SP, build

if TYPE_CHECKING:
    from collections.abc import Callable

    from medtransfer.models.classifier import Classifier
    from medtransfer.transfer.types import TransferData

HALF = 3
"""The quadratic's parameters stand in two groups of three."""


class Quadratic:
    """½θᵀAθ − bᵀθ in 64 bits, θ in two groups that A couples, from a start θ⁰."""

    def __init__(self, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        mixing = torch.randn(2 * HALF, 2 * HALF, generator=generator, dtype=torch.float64)
        self.curvature = mixing @ mixing.T / (2 * HALF) + 0.3 * torch.eye(2 * HALF, dtype=torch.float64)
        self.slope = torch.randn(2 * HALF, generator=generator, dtype=torch.float64)
        self.start = torch.randn(2 * HALF, generator=generator, dtype=torch.float64)
        self.groups = [nn.Parameter(part.clone()) for part in self.start.split(HALF)]

    def term(self, shares: tuple[float, float] = (1.0, 1.0)) -> L2SP:
        return L2SP(
            {
                str(i): (parameter, parameter.detach().clone(), share)
                for i, (parameter, share) in enumerate(zip(self.groups, shares, strict=True))
            }
        )

    def ridge(self, alpha: float, shares: tuple[float, float] = (1.0, 1.0)) -> torch.Tensor:
        """The closed form (A + αS)⁻¹(b + αSθ⁰), S the groups' shares."""
        held = alpha * torch.tensor(shares, dtype=torch.float64).repeat_interleave(HALF)
        return torch.linalg.solve(self.curvature + held.diag(), self.slope + held * self.start)

    def now(self) -> torch.Tensor:
        return torch.cat([parameter.detach() for parameter in self.groups])

    def step(self, optimiser: torch.optim.Optimizer) -> None:
        optimiser.zero_grad()
        at = torch.cat(list(self.groups))
        (0.5 * at @ self.curvature @ at - self.slope @ at).backward()
        optimiser.step()


def _sgd(groups: list[nn.Parameter]) -> torch.optim.Optimizer:
    return torch.optim.SGD(_unequal(groups, 0.3))


def _heavy_ball(groups: list[nn.Parameter]) -> torch.optim.Optimizer:
    return torch.optim.SGD(_unequal(groups, 0.05), momentum=0.9)


def _nesterov(groups: list[nn.Parameter]) -> torch.optim.Optimizer:
    return torch.optim.SGD(_unequal(groups, 0.05), momentum=0.9, nesterov=True)


def _adamw(groups: list[nn.Parameter]) -> torch.optim.Optimizer:
    return torch.optim.AdamW(_unequal(groups, 0.1), weight_decay=0.0)


def _unequal(groups: list[nn.Parameter], rate: float) -> list[dict[str, object]]:
    return [{"params": [groups[0]], "lr": rate}, {"params": [groups[1]], "lr": 0.3 * rate}]


OPTIMISERS = [_sgd, _heavy_ball, _nesterov, _adamw]


def _minimised(
    problem: Quadratic, optimiser: torch.optim.Optimizer, term: L2SP, alpha: float, *, steps: int = 2500
) -> torch.Tensor:
    for _ in range(steps):
        problem.step(optimiser)
        term.post_step(optimiser, strength=alpha)
    return problem.now()


@pytest.mark.parametrize("make", OPTIMISERS)
@pytest.mark.parametrize(("alpha", "seed"), [(0.1, 0), (1.0, 1), (30.0, 2)])
def test_the_minimiser_is_the_ridge_solution(
    make: Callable[[list[nn.Parameter]], torch.optim.Optimizer], alpha: float, seed: int
) -> None:
    problem = Quadratic(seed)
    found = _minimised(problem, make(problem.groups), problem.term(), alpha)
    torch.testing.assert_close(found, problem.ridge(alpha), rtol=0, atol=1e-9)


@pytest.mark.parametrize("make", OPTIMISERS)
def test_groups_held_less_strongly_have_their_own_strength(
    make: Callable[[list[nn.Parameter]], torch.optim.Optimizer],
) -> None:
    problem = Quadratic(3)
    found = _minimised(problem, make(problem.groups), problem.term((1.0, 0.1)), 2.0)
    torch.testing.assert_close(found, problem.ridge(2.0, (1.0, 0.1)), rtol=0, atol=1e-9)
    assert (problem.ridge(2.0) - found).abs().max() > 1e-2


@pytest.mark.parametrize("make", [_heavy_ball, _adamw])
def test_in_the_euclidean_metric_another_problem_would_be_solved(
    make: Callable[[list[nn.Parameter]], torch.optim.Optimizer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why the metric is the optimiser's own: with D = 1, momentum 0.9 solves for α / 10."""
    monkeypatch.setattr(l2_sp, "step_metric", lambda *_: 1.0)
    problem = Quadratic(1)
    found = _minimised(problem, make(problem.groups), problem.term(), 1.0)
    assert (found - problem.ridge(1.0)).abs().max() > 1e-2
    if make is _heavy_ball:
        torch.testing.assert_close(found, problem.ridge(0.1), rtol=0, atol=1e-9)


@pytest.mark.parametrize("make", OPTIMISERS)
def test_the_stronger_the_nearer_and_never_beyond(
    make: Callable[[list[nn.Parameter]], torch.optim.Optimizer],
) -> None:
    distances = []
    for alpha in (0.0, 1.0, 1e3, 1e9):
        problem = Quadratic(4)
        found = _minimised(problem, make(problem.groups), problem.term(), alpha, steps=500)
        assert found.isfinite().all()
        distances.append(float((found - problem.start).norm()))
    assert distances == sorted(distances, reverse=True)
    assert len(set(distances)) == 4
    assert distances[-1] < 1e-8


def test_the_coupled_gradient_diverges_where_the_proximal_step_does_not() -> None:
    """Why the term is kept out of the gradient: rate 0.1 and α = 1e3 multiply the error by −99 a step."""
    coupled, proximal = Quadratic(5), Quadratic(5)
    by_gradient = torch.optim.SGD(coupled.groups, lr=0.1, momentum=0.9)
    term = coupled.term()
    for _ in range(50):
        by_gradient.zero_grad()
        at = torch.cat(list(coupled.groups))
        (0.5 * at @ coupled.curvature @ at - coupled.slope @ at + 1e3 * term.loss()).backward()
        by_gradient.step()
    assert coupled.now().abs().max() > 1e60
    by_step = torch.optim.SGD(proximal.groups, lr=0.1, momentum=0.9)
    found = _minimised(proximal, by_step, proximal.term(), 1e3)
    torch.testing.assert_close(found, proximal.ridge(1e3), rtol=0, atol=1e-9)


def test_strength_zero_changes_no_bit() -> None:
    held, free = Quadratic(6), Quadratic(6)
    one, other = _adamw(held.groups), _adamw(free.groups)
    term = held.term()
    for _ in range(20):
        held.step(one)
        term.post_step(one, strength=0.0)
        free.step(other)
    assert torch.equal(held.now(), free.now())


def test_what_the_optimiser_did_not_move_is_left_alone() -> None:
    problem = Quadratic(7)
    optimiser = torch.optim.SGD(problem.groups, lr=0.1)
    term = problem.term()
    with torch.no_grad():
        for parameter in problem.groups:
            parameter.add_(1)
    problem.groups[0].grad = torch.zeros(HALF, dtype=torch.float64)
    optimiser.step()
    term.post_step(optimiser, strength=1.0)
    assert not torch.equal(problem.groups[0], problem.start[:HALF] + 1)
    assert torch.equal(problem.groups[1].detach(), problem.start[HALF:] + 1), "frozen: no gradient"
    optimiser.param_groups[0]["lr"] = 0.0
    before = problem.now()
    term.post_step(optimiser, strength=1.0)
    assert torch.equal(problem.now(), before), "frozen: no rate"


def test_an_unknown_optimiser_is_refused() -> None:
    problem = Quadratic(8)
    optimiser = torch.optim.RMSprop(problem.groups, lr=0.1)
    problem.step(optimiser)
    with pytest.raises(ObjectiveError, match="RMSprop") as caught:
        problem.term().post_step(optimiser, strength=1.0)
    assert caught.value.code == "UnknownOptimiser"


# The term as the catalogue builds it


def _built(model: Classifier, data: TransferData, *, head: float = 0.1) -> tuple[L2SP, dict[str, torch.Tensor]]:
    start = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    term = build(model, dict(model.named_parameters()), data, head=head)
    assert isinstance(term, L2SP)
    return term, start


def test_omega_is_zero_at_the_start_with_the_head_at_zero(
    toy_model: Callable[..., Classifier], transfer_data: Callable[..., TransferData]
) -> None:
    model = toy_model(source_classes=3)
    term, _ = _built(model, transfer_data(source=False))
    assert float(term.loss().detach()) > 0, "a fresh head is not at zero"
    with torch.no_grad():
        for parameter in model.heads.parameters():
            parameter.zero_()
    assert float(term.loss().detach()) == 0


@pytest.mark.parametrize("head", [0.0, 0.1, 2.0])
def test_omega_is_the_formula(
    toy_model: Callable[..., Classifier], transfer_data: Callable[..., TransferData], head: float
) -> None:
    model = toy_model()
    term, start = _built(model, transfer_data(source=False), head=head)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator))
    expected = 0.0
    for name, parameter in model.named_parameters():
        anchor, share = (0.0, head) if name.startswith("heads.") else (start[name].double().numpy(), 1.0)
        expected += share / 2 * float(np.square(parameter.detach().double().numpy() - anchor).sum())
    assert float(term.loss().detach()) == pytest.approx(expected, rel=1e-5)


def test_every_parameter_is_anchored_and_the_start_is_a_copy(
    toy_model: Callable[..., Classifier], transfer_data: Callable[..., TransferData]
) -> None:
    model = toy_model(source_classes=3)
    term, start = _built(model, transfer_data(source=False))
    assert term.anchored == set(dict(model.named_parameters()))
    assert term.proximal
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
            parameter.grad = torch.zeros_like(parameter)
    term.post_step(optimiser, strength=1e9)
    for name, parameter in model.named_parameters():
        if not name.startswith("heads."):
            torch.testing.assert_close(parameter.detach(), start[name], rtol=0, atol=1e-6)
        else:
            torch.testing.assert_close(parameter.detach(), torch.zeros_like(parameter), rtol=0, atol=1e-6)


def test_random_weights_are_no_start(
    toy_model: Callable[..., Classifier], transfer_data: Callable[..., TransferData]
) -> None:
    with pytest.raises(ObjectiveError) as caught:
        build(toy_model(), None, transfer_data(source=True))
    assert caught.value.code == "NoStart"
