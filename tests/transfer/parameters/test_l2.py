"""L2 is weight decay where the two agree, and the formula where they do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from quadratic import OPTIMISERS, Quadratic, adamw, heavy_ball, minimised, sgd
from tiny import classifier
from torch import nn

from medtransfer.models.backbone import Backbone
from medtransfer.models.weights.sidecar import InputSpec
from medtransfer.transfer.parameters._anchor import Anchor, Anchored
from medtransfer.transfer.parameters.l2 import build
from medtransfer.transfer.types import Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from medtransfer.models.classifier import Classifier
    from medtransfer.transfer.types import TransferData

OMEGA = 0.6


def _at_zero(problem: Quadratic) -> Anchored:
    return Anchored({str(i): Anchor(p, torch.zeros_like(p)) for i, p in enumerate(problem.groups)})


def _ridge(problem: Quadratic) -> torch.Tensor:
    return torch.linalg.solve(
        problem.curvature + OMEGA * torch.eye(len(problem.slope), dtype=torch.float64), problem.slope
    )


@pytest.mark.parametrize("make", OPTIMISERS)
def test_the_minimiser_is_the_ridge_solution(make: Callable[[list[nn.Parameter]], torch.optim.Optimizer]) -> None:
    problem = Quadratic(0)
    found = minimised(problem, make(problem.groups), _at_zero(problem), OMEGA)
    torch.testing.assert_close(found, _ridge(problem), rtol=0, atol=1e-9)


@pytest.mark.parametrize("make", [sgd, heavy_ball])
def test_under_sgd_it_ends_where_weight_decay_does(
    make: Callable[[list[nn.Parameter]], torch.optim.Optimizer],
) -> None:
    """SGD's weight decay is in the gradient."""
    problem, decayed = Quadratic(1), Quadratic(1)
    optimiser = make(decayed.groups)
    for group in optimiser.param_groups:
        group["weight_decay"] = OMEGA
    found = minimised(problem, make(problem.groups), _at_zero(problem), OMEGA)
    torch.testing.assert_close(found, minimised(decayed, optimiser), rtol=0, atol=1e-9)


def test_adamws_decoupled_decay_solves_another_problem() -> None:
    decayed = Quadratic(2)
    optimiser = adamw(decayed.groups)
    for group in optimiser.param_groups:
        group["weight_decay"] = OMEGA
    assert (minimised(decayed, optimiser) - _ridge(decayed)).abs().max() > 0.1


def test_matrices_and_kernels_are_held_and_vectors_are_not(transfer_data: Callable[..., TransferData]) -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1))
    backbone = Backbone(network, stages={"all": ("0", "1")}, feature_dim=4, head_keys=(), stem="0")
    model = classifier(backbone, source_classes=3, spec=InputSpec())
    term = build(model, None, transfer_data(source=False))
    assert term.anchored == {"backbone.network.0.weight", "heads.head.weight", *_source_heads(model)}
    expected = sum(float(p.detach().double().square().sum()) / 2 for p in model.parameters() if p.ndim > 1)
    assert float(term.loss(Step()).detach()) == pytest.approx(expected, rel=1e-6)


def _source_heads(model: Classifier) -> set[str]:
    return {name for name, p in model.named_parameters() if "source" in name and p.ndim > 1}
