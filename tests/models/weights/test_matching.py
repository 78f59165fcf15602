"""What a state dict is for can be told from its names and shapes."""

from __future__ import annotations

import pytest
import torch

from medtransfer.core.config.models import BACKBONES
from medtransfer.core.errors import CatalogueError
from medtransfer.models.weights.matching import fitting_backbones

ALIKE = {"densenet121": "densenet121_keras", "densenet121_keras": "densenet121"}
"""Equal names and shapes: their ε tells them apart, which stands in no state dict."""


@pytest.mark.parametrize("in_channels", [1, 3])
@pytest.mark.parametrize("name", [name for name in BACKBONES.names() if name != "timm"])
def test_every_backbone_is_recognised_by_its_tensors(name: str, in_channels: int) -> None:
    try:
        with torch.device("meta"):
            state = BACKBONES.get(name)(in_channels=in_channels).network.state_dict()
    except CatalogueError as error:
        pytest.skip(error.message)
    assert set(fitting_backbones(state)) == {name, ALIKE.get(name, name)}
    head = {"classifier.weight": torch.zeros(1), "fc.weight": torch.zeros(1)}
    assert fitting_backbones({**state, "another.weight": torch.zeros(1)}) == ()
    assert fitting_backbones({**dict(list(state.items())[1:]), **head}) == ()
