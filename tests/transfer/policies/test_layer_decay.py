"""Rates that decay from the head to the input, in the optimiser's groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from tiny import classifier

from medtransfer.core.torchvision_guard import import_torchvision
from medtransfer.models.backbones import timm as timm_backbones
from medtransfer.training.optimiser import set_rates
from medtransfer.transfer.policies import full, layer_decay
from medtransfer.transfer.types import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from medtransfer.models.classifier import Classifier

START = Progress(0.0, 10.0)


@pytest.mark.parametrize("decay", [0.5, 0.75])
def test_under_sgd_and_torchs_scheduler_every_update_is_in_the_ratio_of_decay_to_the_k(
    mixed_model: Callable[[], Classifier], decay: float
) -> None:
    """Gradients of 1 everywhere: what a step moves is the rate."""
    model = mixed_model()
    groups = [{"params": [p for _, p in members], "name": name} for name, members in model.groups().items()]
    optimiser = torch.optim.SGD(groups, lr=1.0)
    set_rates(optimiser, layer_decay.groups(model, START, decay=decay), 0.1)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1 / (1 + step))
    for step in range(3):
        before = {name: [p.detach().clone() for _, p in members] for name, members in model.groups().items()}
        for parameter in model.parameters():
            parameter.grad = torch.ones_like(parameter)
        optimiser.step()
        scheduler.step()
        for k, group in enumerate(["head", "last", "deep", "middle", "stem"]):
            for old, (name, new) in zip(before[group], model.groups()[group], strict=True):
                moved = (old - new).detach().double()
                expected = torch.full_like(moved, 0.1 * decay**k / (1 + step))
                torch.testing.assert_close(moved, expected, rtol=1e-5, atol=3e-7, msg=name)


def test_a_decay_of_1_is_full_fine_tuning(mixed_model: Callable[[], Classifier]) -> None:
    model = mixed_model()
    assert layer_decay.groups(model, START, decay=1.0) == full.groups(model, START)


def test_from_block_to_block_the_rate_falls_by_timms_default() -> None:
    """A network of timm whose stages are blocks: its own groups, and ours, are one factor apart throughout."""
    import_torchvision()
    optim = pytest.importorskip("timm.optim")
    with torch.device("meta"):
        model = classifier(timm_backbones.build(variant="test_vit"))
    groups = optim.param_groups_layer_decay(model.backbone.network)
    theirs = {id(p): group["lr_scale"] for group in groups for p in group["params"]}
    ours = layer_decay.groups(model, START)
    blocks = [name for name in model.backbone.stages if name == "stem" or name.startswith("blocks")]
    assert len(blocks) == 7
    factors = {ours[name] / theirs[id(p)] for name in blocks for _, p in model.groups()[name]}
    assert sorted(factors) == pytest.approx([ours["blocks_5"]] * len(factors))
