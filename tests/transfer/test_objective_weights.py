"""Weights of cases, classes and sources inside the objective."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from objectives import build_coral, cross_entropy, domain_of, objective_of, terms_of
from torch import nn

from medtransfer.core.config.transfer import ObjectiveConfig
from medtransfer.models.classifier import Classifier
from medtransfer.transfer.build import build_objective
from medtransfer.transfer.objective import SOURCE_LOSS, TARGET_LOSS, Objective, TradeOff, total
from medtransfer.transfer.risk import Risk
from medtransfer.transfer.types import Domain

if TYPE_CHECKING:
    from collections.abc import Callable

    from medtransfer.transfer.types import TransferData


# Weights of cases and classes


def test_uniform_weights_change_no_bit() -> None:
    objective = objective_of(0.0)
    weighted = total(terms_of(objective, domain_of(6), None, torch.ones(6)))
    assert torch.equal(weighted, total(terms_of(objective, domain_of(6), None, None)))


def test_whole_weights_are_repeated_cases() -> None:
    """Mean weight 1 over all cases: weights 2, 1, 0, 1, 2, 0 are six cases, two of them twice."""
    weights = torch.tensor([2.0, 1.0, 0.0, 1.0, 2.0, 0.0])
    once = domain_of(6)
    assert once.labels is not None
    repeats = weights.long()
    logits = once.logits.detach().repeat_interleave(repeats, dim=0).requires_grad_()
    twice = Domain(features={}, logits=logits, labels=once.labels.repeat_interleave(repeats))
    objective = objective_of(0.5)
    weighted, repeated = total(terms_of(objective, once, None, weights)), total(terms_of(objective, twice, None, None))
    torch.testing.assert_close(weighted, repeated)
    weighted.backward()
    repeated.backward()
    assert once.logits.grad is not None
    assert logits.grad is not None
    summed = torch.zeros_like(once.logits).index_add(0, torch.arange(6).repeat_interleave(repeats), logits.grad)
    torch.testing.assert_close(once.logits.grad, summed)


def test_a_batchs_own_mean_weight_is_not_removed() -> None:
    objective = objective_of(0.0)
    double = total(terms_of(objective, domain_of(6), None, torch.full((6,), 2.0)))
    torch.testing.assert_close(double, 2 * total(terms_of(objective, domain_of(6), None, None)))


def test_instance_weights_do_not_touch_the_target() -> None:
    objective = objective_of(1.0)
    weights = torch.tensor([5.0, 0.0, 0.0, 0.0, 0.0, 1.0])
    terms = terms_of(objective, domain_of(6), domain_of(6, seed=1), weights)
    plain = terms_of(objective, domain_of(6), domain_of(6, seed=1), None)
    assert torch.equal(terms[TARGET_LOSS].value, plain[TARGET_LOSS].value)
    assert not torch.equal(terms[SOURCE_LOSS].value, plain[SOURCE_LOSS].value)


def test_class_weights_multiply_each_cases_loss() -> None:
    weights = torch.tensor([0.5, 3.0])
    source, target = domain_of(6), domain_of(5, seed=1)
    terms = terms_of(objective_of(1.0, risk=Risk("multiclass", class_weights=weights.double().numpy())), source, target)
    for name, domain in ((SOURCE_LOSS, source), (TARGET_LOSS, target)):
        assert domain.labels is not None
        p = torch.softmax(domain.logits.detach().double(), dim=1).numpy()
        labels = domain.labels.numpy()
        by_hand = np.mean(weights.numpy()[labels] * -np.log(p[np.arange(len(labels)), labels]))
        assert terms[name].value.item() == pytest.approx(by_hand, rel=1e-5)


@pytest.mark.parametrize("source_classes", [2, 3])
def test_the_targets_class_weights_say_nothing_about_another_question(
    toy_model: Callable[..., Classifier],
    transfer_data: Callable[..., TransferData],
    source_classes: int,
) -> None:
    objective = build_objective(
        ObjectiveConfig(),
        model=toy_model(source_classes=source_classes),
        start=None,
        data=transfer_data(source=True),
        risk=Risk("multiclass", class_weights=np.array([0.5, 3.0])),
    )
    source, target = domain_of(6, classes=source_classes), domain_of(5, seed=1)
    terms = terms_of(objective, source, target, None)
    expected = cross_entropy(source)
    torch.testing.assert_close(terms[SOURCE_LOSS].value, expected)
    plain = cross_entropy(target)
    assert not torch.allclose(terms[TARGET_LOSS].value, plain)


def _two_sources(**changes: Any) -> Objective:
    risk = Risk("multiclass")
    return Objective(
        trade_off=TradeOff(end=1.0),
        target_risk=risk,
        source_risks={"north": risk, "south": risk},
        shares={"north": 3.0},
        **changes,
    )


def test_sources_are_added_up_by_their_shares() -> None:
    objective = _two_sources()
    north, south, target = domain_of(6), domain_of(4, seed=2), domain_of(5, seed=1)
    terms = objective({"north": north, "south": south}, target)
    assert {name: term.weight for name, term in terms.items()} == pytest.approx(
        {"L_S:north": 0.375, "L_S:south": 0.125, "L_T": 0.5}
    )
    expected = 0.375 * cross_entropy(north) + 0.125 * cross_entropy(south) + 0.5 * cross_entropy(target)
    torch.testing.assert_close(total(terms), expected)


def test_every_source_is_aligned_by_a_term_of_its_own() -> None:
    features = {name: {"coral": build_coral()} for name in ("north", "south")}
    objective = _two_sources(features=features, strengths={"coral": 2.0})
    domains = {"north": domain_of(6), "south": domain_of(4, seed=2)}
    target = domain_of(5, seed=1, labelled=False)
    terms = objective(domains, target)
    assert {name for name in terms if name.startswith("coral")} == {"coral:north", "coral:south"}
    assert terms["coral:north"].weight == pytest.approx(0.75)
    for name, source in domains.items():
        torch.testing.assert_close(terms[f"coral:{name}"].value, build_coral()(source, target))


@pytest.mark.parametrize("source", ["train", "items", "type"])
def test_sources_and_terms_may_be_called_as_a_modules_own_parts_are(source: str) -> None:
    """Terms of one's own are named by their module, dots and all; their parameters are the objective's."""
    features = {source: {"theirs.terms:build": nn.Linear(2, 1)}}
    objective = Objective(
        trade_off=TradeOff(end=1.0),
        target_risk=Risk("multiclass"),
        source_risks={source: Risk("multiclass")},
        features=features,
        strengths={"theirs.terms:build": 1.0},
    )
    assert objective.aligns
    assert len(list(objective.parameters())) == len(objective.state_dict()) == 2
