"""L2-SP holds the stages at the start and the head at 0; that it solves what it states is shown in `test_anchor.py`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import nn

from medtransfer.core.errors import ObjectiveError
from medtransfer.transfer.parameters._anchor import Anchored
from medtransfer.transfer.parameters.l2_sp import build
from medtransfer.transfer.types import Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from medtransfer.models.classifier import Classifier
    from medtransfer.transfer.types import TransferData


def _built(model: Classifier, data: TransferData, *, head: float = 0.1) -> tuple[Anchored, dict[str, torch.Tensor]]:
    start = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    term = build(model, dict(model.named_parameters()), data, head=head)
    assert isinstance(term, Anchored)
    return term, start


def test_omega_is_zero_at_the_start_with_the_head_at_zero(
    toy_model: Callable[..., Classifier], transfer_data: Callable[..., TransferData]
) -> None:
    model = toy_model(source_classes=3)
    term, _ = _built(model, transfer_data(source=False))
    assert float(term.loss(Step()).detach()) > 0, "a fresh head is not at zero"
    with torch.no_grad():
        for parameter in model.heads.parameters():
            parameter.zero_()
    assert float(term.loss(Step()).detach()) == 0


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
    assert float(term.loss(Step()).detach()) == pytest.approx(expected, rel=1e-5)


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


@pytest.mark.parametrize("head", [-0.1, math.inf, math.nan])
def test_a_head_strength_that_is_none_is_refused(
    toy_model: Callable[..., Classifier], transfer_data: Callable[..., TransferData], head: float
) -> None:
    model = toy_model()
    with pytest.raises(ObjectiveError) as caught:
        build(model, dict(model.named_parameters()), transfer_data(source=False), head=head)
    assert (caught.value.code, caught.value.path) == ("BadHyperparameter", "objective.parameters.l2_sp.head")


def test_parameters_that_the_start_does_not_know_are_refused_where_they_move(
    toy_model: Callable[..., Classifier], transfer_data: Callable[..., TransferData]
) -> None:
    """As adapters leave them: the pretrained kernel renamed and frozen, a new one beside it."""
    model = toy_model()
    start = dict(model.named_parameters())
    stem = model.backbone.network.stem
    assert isinstance(stem, nn.Conv2d)
    kernel = nn.Parameter(stem.weight.detach(), requires_grad=False)
    del stem.weight
    stem.register_parameter("pretrained", kernel)
    term = build(model, start, transfer_data(source=False))
    assert "backbone.network.stem.pretrained" not in term.anchored, "frozen: nothing to hold"
    assert "backbone.network.stem.bias" in term.anchored
    stem.register_parameter("down", nn.Parameter(torch.zeros(2)))
    with pytest.raises(ObjectiveError, match="down") as caught:
        build(model, start, transfer_data(source=False))
    assert caught.value.code == "ConflictingTerms"
    assert "dapters" in (caught.value.hint or "")
