"""Proximal anchors solve the problem they state, whichever optimiser moves the parameters, and never diverge."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from quadratic import HALF, OPTIMISERS, Quadratic, adamw, heavy_ball, minimised, sgd
from torch import nn

from medtransfer.core.errors import ObjectiveError
from medtransfer.transfer.objective import SOURCE_LOSS, TARGET_LOSS, Objective, TradeOff
from medtransfer.transfer.parameters import _anchor
from medtransfer.transfer.parameters._anchor import Anchor, Anchored
from medtransfer.transfer.risk import Risk
from medtransfer.transfer.types import Step

Maker = Callable[[list[nn.Parameter]], torch.optim.Optimizer]


# The minimiser


@pytest.mark.parametrize("make", OPTIMISERS)
@pytest.mark.parametrize(("alpha", "seed"), [(0.1, 0), (1.0, 1), (30.0, 2)])
def test_the_minimiser_is_the_ridge_solution(make: Maker, alpha: float, seed: int) -> None:
    problem = Quadratic(seed)
    found = minimised(problem, make(problem.groups), problem.term(), alpha)
    torch.testing.assert_close(found, problem.ridge(alpha), rtol=0, atol=1e-9)


@pytest.mark.parametrize("make", OPTIMISERS)
def test_groups_held_less_strongly_have_their_own_strength(make: Maker) -> None:
    problem = Quadratic(3)
    found = minimised(problem, make(problem.groups), problem.term((1.0, 0.1)), 2.0)
    torch.testing.assert_close(found, problem.ridge(2.0, (1.0, 0.1)), rtol=0, atol=1e-9)
    assert (problem.ridge(2.0) - found).abs().max() > 1e-2


@pytest.mark.parametrize("make", OPTIMISERS)
@pytest.mark.parametrize(("alpha", "seed"), [(0.3, 4), (20.0, 5)])
def test_elements_held_by_a_diagonal_have_its_closed_form(make: Maker, alpha: float, seed: int) -> None:
    """(A + αF)⁻¹(b + αFθ⁰), an element with F = 0 among them."""
    problem = Quadratic(seed)
    found = minimised(problem, make(problem.groups), problem.diagonal_term(), alpha)
    torch.testing.assert_close(found, problem.held(alpha * problem.information), rtol=0, atol=1e-9)
    assert (problem.ridge(alpha) - found).abs().max() > 1e-2


@pytest.mark.parametrize("make", [heavy_ball, adamw])
@pytest.mark.parametrize("trade_off", [0.0, 0.1, 1.0, 10.0])
def test_the_objectives_minimiser_is_the_formulas(make: Maker, trade_off: float) -> None:
    """J divides by 1 + λ, the effective strength too: the minimiser is that of L_S + λ·L_T + ω·Ω, undivided."""
    omega, target = 0.7, Quadratic(7)
    objective = Objective(
        trade_off=TradeOff(end=trade_off), target_risk=Risk("multiclass"), strengths={"anchor": omega}
    )
    both = Quadratic(6)
    held = omega * both.information
    expected = torch.linalg.solve(
        both.curvature + trade_off * target.curvature + held.diag(),
        both.slope + trade_off * target.slope + held * both.start,
    )
    shares = [objective.weight(SOURCE_LOSS), objective.weight(TARGET_LOSS)]
    both.curvature = shares[0] * both.curvature + shares[1] * target.curvature
    both.slope = shares[0] * both.slope + shares[1] * target.slope
    found = minimised(both, make(both.groups), both.diagonal_term(), objective.weight("anchor"))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-9)


def _ones(_optimiser: object, _group: object, parameters: list[nn.Parameter]) -> list[torch.Tensor]:
    return [torch.ones((), dtype=torch.float64) for _ in parameters]


@pytest.mark.parametrize("make", [heavy_ball, adamw])
def test_in_the_euclidean_metric_another_problem_would_be_solved(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Why the metric is the optimiser's own: with D = 1, momentum 0.9 solves for α / 10."""
    monkeypatch.setattr(_anchor, "step_metric", _ones)
    problem = Quadratic(1)
    found = minimised(problem, make(problem.groups), problem.term(), 1.0, steps=1000)
    assert (found - problem.ridge(1.0)).abs().max() > 1e-2
    if make is heavy_ball:
        torch.testing.assert_close(found, problem.ridge(0.1), rtol=0, atol=1e-9)


# Any strength


@pytest.mark.parametrize("make", OPTIMISERS)
@pytest.mark.parametrize("diagonal", [False, True])
def test_the_stronger_the_nearer_and_never_beyond(make: Maker, diagonal: bool) -> None:
    """In the norm that is held."""
    distances = []
    for alpha in (0.0, 1.0, 1e3, 1e9):
        problem = Quadratic(4)
        term = problem.diagonal_term() if diagonal else problem.term()
        found = minimised(problem, make(problem.groups), term, alpha, steps=500)
        assert found.isfinite().all()
        held = problem.information if diagonal else torch.ones_like(found)
        distances.append(float((held.sqrt() * (found - problem.start)).norm()))
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
        (coupled.loss() + 1e3 * term.loss(Step())).backward()
        by_gradient.step()
    assert coupled.now().abs().max() > 1e60
    by_step = torch.optim.SGD(proximal.groups, lr=0.1, momentum=0.9)
    found = minimised(proximal, by_step, proximal.term(), 1e3)
    torch.testing.assert_close(found, proximal.ridge(1e3), rtol=0, atol=1e-9)


@given(
    strength=st.floats(0, 1e300),
    rate=st.floats(0, 10),
    at=st.floats(-1e3, 1e3, width=32),
    moved=st.floats(-1e3, 1e3, width=32),
    information=st.floats(0, 1e6, width=32),
    adam=st.booleans(),
)
def test_a_step_ends_between_where_it_began_and_the_anchor(
    strength: float, rate: float, at: float, moved: float, information: float, adam: bool
) -> None:
    """In 32 bits, whatever the numbers: finite, and not beyond either end."""
    parameter = nn.Parameter(torch.full((2,), moved))
    kind = torch.optim.AdamW if adam else torch.optim.SGD
    optimiser = kind([parameter], lr=0.0, weight_decay=0.0)
    parameter.grad = torch.tensor([0.0, 1.0])
    optimiser.step()
    optimiser.param_groups[0]["lr"] = rate
    term = Anchored({"at": Anchor(parameter, torch.full((2,), at), 1.0, torch.tensor([information, 1.0]))})
    before = float(term.loss(Step()).detach())
    term.post_step(optimiser, strength=strength)
    low, high = sorted((at, moved))
    slack = 1e-6 * max(abs(at), abs(moved))
    assert ((parameter >= low - slack) & (parameter <= high + slack)).all()
    assert float(term.loss(Step()).detach()) <= before * (1 + 1e-5)


def test_strength_zero_changes_no_bit() -> None:
    held, free = Quadratic(6), Quadratic(6)
    one, other = adamw(held.groups), adamw(free.groups)
    term = held.term()
    for _ in range(20):
        held.step(one)
        term.post_step(one, strength=0.0)
        free.step(other)
    assert torch.equal(held.now(), free.now())


# What is not moved


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
    optimiser.param_groups[0]["lr"] = 0.1
    problem.groups[0].requires_grad_(False)
    term.post_step(optimiser, strength=1.0)
    assert torch.equal(problem.now(), before), "frozen, with a gradient left over"


def test_a_share_of_zero_anchors_the_name_and_holds_nothing() -> None:
    problem = Quadratic(8)
    term = problem.term((1.0, 0.0))
    assert term.anchored == {"0", "1"}, "weight decay is off either way"
    found = minimised(problem, sgd(problem.groups), term, 5.0)
    torch.testing.assert_close(found, problem.ridge(5.0, (1.0, 0.0)), rtol=0, atol=1e-9)


def test_an_unknown_optimiser_is_refused() -> None:
    problem = Quadratic(8)
    optimiser = torch.optim.RMSprop(problem.groups, lr=0.1)
    problem.step(optimiser)
    with pytest.raises(ObjectiveError, match="RMSprop") as caught:
        problem.term().post_step(optimiser, strength=1.0)
    assert caught.value.code == "UnknownOptimiser"


# Its value


@given(
    values=st.lists(
        st.tuples(*[st.floats(-100, 100, width=32)] * 2, st.floats(0, 100, width=32)), min_size=1, max_size=5
    )
)
def test_omega_is_at_least_zero_and_zero_at_the_anchors(values: list[tuple[float, float, float]]) -> None:
    now, at, information = (torch.tensor(column) for column in zip(*values, strict=True))
    parameter = nn.Parameter(now)
    for diagonal in (None, information):
        term = Anchored({"at": Anchor(parameter, at, 0.7, diagonal)})
        assert float(term.loss(Step()).detach()) >= 0
        assert float(Anchored({"at": Anchor(parameter, now.clone(), 0.7, diagonal)}).loss(Step()).detach()) == 0


@pytest.mark.parametrize("diagonal", [False, True])
def test_its_gradient_is_the_formulas(diagonal: bool) -> None:
    problem = Quadratic(9)
    term = problem.diagonal_term() if diagonal else problem.term((1.0, 0.3))
    with torch.no_grad():
        for parameter in problem.groups:
            parameter.mul_(-2)
    term.loss(Step()).backward()
    found = torch.cat([parameter.grad for parameter in problem.groups if parameter.grad is not None])
    shares = torch.tensor((1.0, 0.3), dtype=torch.float64).repeat_interleave(HALF)
    torch.testing.assert_close(found, (problem.information if diagonal else shares) * (problem.now() - problem.start))


def test_in_32_bits_its_value_is_right_at_ten_million_parameters() -> None:
    """Where a norm in 32 bits is off by 7e-4; far from 0, as weights are, with a small way from the anchor."""
    generator = np.random.default_rng(0)
    at = generator.normal(1, 0.1, 10_000_000).astype(np.float32)
    now = (at + generator.normal(0, 1e-3, at.shape)).astype(np.float32)
    term = Anchored({"at": Anchor(nn.Parameter(torch.from_numpy(now)), torch.from_numpy(at), 1.0)})
    exact = float(np.square(now.astype(np.float64) - at).sum()) / 2
    assert float(term.loss(Step()).detach()) == pytest.approx(exact, rel=1e-6)


# Other types, devices and memory formats


@pytest.mark.parametrize("make", [adamw, heavy_ball])
@pytest.mark.parametrize("alpha", [0.1, 1e9])
def test_parameters_of_16_bits_are_safe(make: Maker, alpha: float) -> None:
    start = torch.linspace(-2, 2, HALF).bfloat16()
    groups = [nn.Parameter(start.clone()) for _ in range(2)]
    term = Anchored({str(i): Anchor(p, start.clone(), 1.0, torch.ones(HALF)) for i, p in enumerate(groups)})
    optimiser = make(groups)
    for _ in range(20):
        for parameter in groups:
            parameter.grad = torch.ones_like(parameter)
        optimiser.step()
        term.post_step(optimiser, strength=alpha)
    for parameter in groups:
        assert parameter.dtype == torch.bfloat16
        assert parameter.isfinite().all()
        assert torch.equal(parameter.detach(), start) == (alpha > 1)
    value = term.loss(Step())
    gaps = torch.cat([p.detach().double() - start.double() for p in groups])
    assert float(value.detach()) == pytest.approx(float(gaps.square().sum()) / 2, rel=1e-6)


def test_mixed_precision_changes_no_bit() -> None:
    problem = Quadratic(10)
    term = problem.term()
    problem.step(sgd(problem.groups))
    plain = term.loss(Step())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(term.loss(Step()), plain)


@pytest.mark.parametrize("change", [{"memory_format": torch.channels_last}, {"dtype": torch.float64}])
def test_anchors_follow_the_network(change: dict[str, object]) -> None:
    """Built before it is moved; a kernel of one pixel and one of three."""
    plain = nn.Sequential(nn.Conv2d(4, 6, 1), nn.Conv2d(6, 5, 3))
    moved = deepcopy(plain)
    terms = [
        Anchored({name: Anchor(p, torch.zeros_like(p), 1.0, p.detach().square()) for name, p in net.named_parameters()})
        for net in (plain, moved)
    ]
    moved.to(**change)  # pyright: ignore[reportCallIssue, reportArgumentType]
    torch.testing.assert_close(*(term.loss(Step()) for term in terms), check_dtype=False)
    for network, term in zip((plain, moved), terms, strict=True):
        optimiser = torch.optim.AdamW(network.parameters(), lr=0.1, weight_decay=0.0)
        for parameter in network.parameters():
            parameter.grad = parameter.detach().clone()
        optimiser.step()
        term.post_step(optimiser, strength=0.5)
    for one, other in zip(plain.parameters(), moved.parameters(), strict=True):
        torch.testing.assert_close(one, other, check_dtype=False, check_stride=False)
    for parameter, anchor in zip(moved.parameters(), terms[1]._anchors(list(moved.parameters())), strict=True):
        assert anchor.diagonal is not None
        assert parameter.stride() == anchor.at.stride() == anchor.diagonal.stride()
    settled = [anchor.at for anchor in terms[1]._anchors(list(moved.parameters()))]
    again = [anchor.at for anchor in terms[1]._anchors(list(moved.parameters()))]
    assert all(a is b for a, b in zip(settled, again, strict=True)), "moved once, not at every step"


# Nothing of its own


def test_it_registers_nothing() -> None:
    term = Quadratic(0).diagonal_term()
    assert not list(term.parameters())
    assert not term.state_dict()


@pytest.mark.parametrize("make", OPTIMISERS)
def test_going_on_from_a_checkpoint_gives_equal_bits(make: Maker) -> None:
    """The optimiser's state and the parameters are all that there is to save."""
    through, resumed = Quadratic(11), Quadratic(11)
    optimiser = make(through.groups)
    minimised(through, optimiser, through.diagonal_term(), 3.0, steps=7)
    saved, values = deepcopy(optimiser.state_dict()), through.now()
    minimised(through, optimiser, through.diagonal_term(), 3.0, steps=5)
    with torch.no_grad():
        for parameter, value in zip(resumed.groups, values.split(HALF), strict=True):
            parameter.copy_(value)
    other = make(resumed.groups)
    other.load_state_dict(saved)
    minimised(resumed, other, resumed.diagonal_term(), 3.0, steps=5)
    assert torch.equal(resumed.now(), through.now())
