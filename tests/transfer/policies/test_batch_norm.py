"""Normalisation alone moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from tiny import classifier

from medtransfer.core.config.models import BACKBONES
from medtransfer.core.errors import ConfigError
from medtransfer.training.optimiser import set_frozen
from medtransfer.transfer.policies import batch_norm
from medtransfer.transfer.types import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from medtransfer.models.classifier import Classifier

NORMS = tuple(f"backbone.network.norm{number}." for number in (1, 2, 3))
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


@pytest.mark.parametrize("statistics", [True, False])
def test_scales_shifts_and_head_move_and_statistics_where_asked(
    mixed_model: Callable[[], Classifier],
    pictures: torch.Tensor,
    trained: Callable[..., None],
    bytes_of: Callable[[nn.Module], dict[str, bytes]],
    statistics: bool,
) -> None:
    model = mixed_model()
    rates = batch_norm.groups(model, Progress(0.0, 3.0), statistics=statistics)
    set_frozen(model, rates, batch_norm.movable(model, statistics=statistics))
    before = bytes_of(model)
    trained(model, pictures, rates)
    changed = {name for name, value in bytes_of(model).items() if value != before[name]}
    expected = {name for name in before if name.startswith((*NORMS, "heads."))}
    if not statistics:
        expected -= {name for name in expected if name.endswith(STATISTICS)}
    assert changed == expected


@pytest.mark.parametrize(
    ("backbone", "affine"), [("resnet18", 40), ("mobilenet_v2", 104), ("convnext_tiny", 46), ("vit_b_16", 50)]
)
def test_of_known_networks_it_names_the_scales_and_shifts_of_every_norm(backbone: str, affine: int) -> None:
    """20 batch norms, 52 batch norms, 23 layer norms, 25 layer norms: a scale and a shift each."""
    with torch.device("meta"):
        model = classifier(BACKBONES.get(backbone)(in_channels=3))
    named = batch_norm.movable(model).names
    assert len([name for name in named if name.startswith("backbone.")]) == affine
    assert {name for name in named if not name.startswith("backbone.")} == {"heads.head.weight", "heads.head.bias"}
    assert named <= dict(model.named_parameters()).keys()


def test_a_network_without_normalisation_is_refused() -> None:
    with torch.device("meta"):
        model = classifier(BACKBONES.get("squeezenet1_1")(in_channels=3))
    with pytest.raises(ConfigError, match="no normalisation layers") as caught:
        batch_norm.movable(model)
    assert caught.value.code == "NothingToMove"
