"""J is the formula for every λ."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch
from objectives import Parabola, build_coral, cross_entropy, domain_of, objective_of, terms_of

from medtransfer.transfer.objective import SOURCE_LOSS, TARGET_LOSS, TermValue, total
from medtransfer.transfer.parameters._anchor import Anchor, Anchored

if TYPE_CHECKING:
    pass

LAMBDAS = [0.0, 0.1, 1.0, 10.0, math.inf]


# The formula


@pytest.mark.parametrize(
    ("trade_off", "source", "target", "omega"),
    [
        (0.0, 1.0, 0.0, 0.3),
        (0.1, 1 / 1.1, 0.1 / 1.1, 0.3 / 1.1),
        (1.0, 0.5, 0.5, 0.15),
        (10.0, 1 / 11, 10 / 11, 0.3 / 11),
    ],
)
def test_weights_are_the_formulas_divided_by_one_plus_lambda(
    trade_off: float, source: float, target: float, omega: float
) -> None:
    objective = objective_of(trade_off, strengths={"term": 0.3})
    assert objective.weight(SOURCE_LOSS) == pytest.approx(source)
    assert objective.weight(TARGET_LOSS) == pytest.approx(target)
    assert objective.weight("term") == pytest.approx(omega)


def test_target_only_weighs_the_target_with_one_and_a_term_with_its_strength() -> None:
    objective = objective_of(math.inf, strengths={"term": 0.3})
    assert objective.weight(TARGET_LOSS) == 1
    assert objective.weight("term") == 0.3


@pytest.mark.parametrize("trade_off", LAMBDAS)
def test_the_minimiser_is_the_formulas(trade_off: float) -> None:
    """On parabolas: L_S = (x − 1)², L_T = 2(x + 3)², Ω = ½(x − 2)² with ω = 0.7; one Newton step is exact."""
    at = torch.zeros((), dtype=torch.float64, requires_grad=True)
    objective = objective_of(trade_off, parameter_terms={"anchor": Parabola(at)}, strengths={"anchor": 0.7})
    terms = {
        TARGET_LOSS: TermValue(2 * (at + 3).square(), objective.weight(TARGET_LOSS)),
        **terms_of(objective, None, None),
    }
    if objective.needs_source:
        terms[SOURCE_LOSS] = TermValue((at - 1).square(), objective.weight(SOURCE_LOSS))
    (slope,) = torch.autograd.grad(total(terms), at, create_graph=True)
    (curvature,) = torch.autograd.grad(slope, at)
    found = float((at - slope / curvature).detach())
    if math.isinf(trade_off):
        expected = (4 * -3 + 0.7 * 2) / (4 + 0.7)
    else:
        expected = (2 * 1 + trade_off * 4 * -3 + 0.7 * 2) / (2 + trade_off * 4 + 0.7)
    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("trade_off", LAMBDAS)
def test_a_proximal_term_leads_to_the_same_minimiser(trade_off: float) -> None:
    """The effective strength is ω / (1 + λ), as in the gradient: the same parabolas, Ω by L2-SP."""
    at = torch.nn.Parameter(torch.full((1,), 2.0, dtype=torch.float64))
    anchor = Anchored({"at": Anchor(at, at.detach().clone(), 1.0)})
    objective = objective_of(trade_off, parameter_terms={"anchor": anchor}, strengths={"anchor": 0.7})
    optimiser = torch.optim.SGD([at], lr=0.05, momentum=0.5)
    for _ in range(600):
        terms = {TARGET_LOSS: TermValue(2 * (at + 3).square().sum(), objective.weight(TARGET_LOSS))}
        if objective.needs_source:
            terms[SOURCE_LOSS] = TermValue((at - 1).square().sum(), objective.weight(SOURCE_LOSS))
        optimiser.zero_grad()
        total(terms | terms_of(objective, None, None, None)).backward()
        optimiser.step()
        objective.post_step(optimiser)
    if math.isinf(trade_off):
        expected = (4 * -3 + 0.7 * 2) / (4 + 0.7)
    else:
        expected = (2 * 1 + trade_off * 4 * -3 + 0.7 * 2) / (2 + trade_off * 4 + 0.7)
    assert at.item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("trade_off", LAMBDAS)
def test_the_total_is_the_weighted_sum_of_what_is_shown(trade_off: float) -> None:
    coral = build_coral()
    source, target = domain_of(6), domain_of(5, seed=1)
    features = {} if math.isinf(trade_off) else {"coral": coral}
    objective = objective_of(trade_off, features=features, strengths={"coral": 0.5})
    terms = terms_of(objective, source, target, None)
    scale = 1.0 if math.isinf(trade_off) else 1 + trade_off
    expected = torch.zeros(())
    if not math.isinf(trade_off):
        expected += cross_entropy(source) + 0.5 * coral(source, target)
    if trade_off > 0:
        share = 1.0 if math.isinf(trade_off) else trade_off
        expected += share * cross_entropy(target)
    torch.testing.assert_close(total(terms), expected / scale)
    assert (SOURCE_LOSS in terms) == (not math.isinf(trade_off))
    assert (TARGET_LOSS in terms) == (trade_off > 0)
    assert objective.needs_source == (not math.isinf(trade_off))
    assert objective.needs_target == (trade_off > 0 or bool(features))


def test_target_only_works_without_a_source_and_ignores_one() -> None:
    objective = objective_of(math.inf)
    source, target = domain_of(6), domain_of(5, seed=1)
    alone, beside = total(terms_of(objective, None, target, None)), total(terms_of(objective, source, target, None))
    assert torch.equal(alone, beside)
    beside.backward()
    assert source.logits.grad is None


def test_source_only_ignores_the_targets_labels() -> None:
    objective = objective_of(0.0)
    target = domain_of(5, seed=1)
    value = total(terms_of(objective, domain_of(6), target, None))
    value.backward()
    assert target.logits.grad is None
    assert torch.equal(value, total(terms_of(objective, domain_of(6), None, None)))


def test_an_unlabelled_target_still_aligns() -> None:
    objective = objective_of(1.0, features={"coral": build_coral()}, strengths={"coral": 1.0})
    terms = terms_of(objective, domain_of(6), domain_of(5, seed=1, labelled=False), None)
    assert set(terms) == {SOURCE_LOSS, "coral"}


def test_proximal_terms_are_shown_and_left_out_of_the_total() -> None:
    at = torch.nn.Parameter(torch.ones(3))
    term = Anchored({"at": Anchor(at, torch.zeros(3), 1.0)})
    objective = objective_of(1.0, parameter_terms={"l2_sp": term}, strengths={"l2_sp": 0.4})
    terms = terms_of(objective, domain_of(6), domain_of(5, seed=1), None)
    shown = terms["l2_sp"]
    assert (float(shown.value), shown.weight, shown.in_gradient) == (1.5, pytest.approx(0.2), False)
    assert not shown.value.requires_grad
    total(terms).backward()
    assert at.grad is None
    assert objective.anchored == {"at"}


# Ramps


def test_the_targets_share_moves_along_a_line() -> None:
    objective = objective_of(3.0, start=0.0, ramp=0.5, strengths={"term": 1.0})
    assert [objective.weight(TARGET_LOSS, share=s) for s in (0.0, 0.25, 0.5, 1.0)] == pytest.approx(
        [0, 0.375, 0.75, 0.75]
    )
    for share in (0.0, 0.1, 0.4, 0.9):
        source, target = (objective.weight(name, share=share) for name in (SOURCE_LOSS, TARGET_LOSS))
        assert source + target == pytest.approx(1)
        assert objective.weight("term", share=share) == pytest.approx(source), "ω / (1 + λ)"
    assert objective.needs_target


def test_a_strength_rises_from_0_along_its_ramp() -> None:
    objective = objective_of(1.0, strengths={"term": 0.6}, ramps={"term": 0.5})
    assert [objective.weight("term", share=s) for s in (0.0, 0.25, 0.5, 1.0)] == pytest.approx([0, 0.15, 0.3, 0.3])


def test_a_term_that_needs_the_target_gets_it_even_at_lambda_0() -> None:
    class Needy(Parabola):
        needs_target = True

    at = torch.zeros((), requires_grad=True)
    assert not objective_of(0.0, parameter_terms={"p": Parabola(at)}, strengths={"p": 1.0}).needs_target
    assert objective_of(0.0, parameter_terms={"p": Needy(at)}, strengths={"p": 1.0}).needs_target
