"""Every backbone is its origin without the head: same names, same numbers, every parameter in one stage."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import nn
from torch.nn import functional

from medtransfer.core.errors import CatalogueError
from medtransfer.core.torchvision_guard import import_torchvision
from medtransfer.models.assemble import BACKBONES
from medtransfer.models.backbone import Backbone


@dataclass(frozen=True)
class Pair:
    """A backbone, and torchvision's own network with the same parameters."""

    backbone: Backbone
    origin: nn.Module


@pytest.fixture(scope="module", params=BACKBONES.names())
def pair(request: pytest.FixtureRequest) -> Pair:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        origin = import_torchvision().models.get_model(request.param, weights=None).eval()
    backbone = BACKBONES.get(request.param)(in_channels=3).eval()
    body = {k: v for k, v in origin.state_dict().items() if not k.startswith(backbone.head_keys)}
    backbone.network.load_state_dict(body, strict=True)
    return Pair(backbone, origin)


def _pictures() -> torch.Tensor:
    return torch.rand(2, 3, 48, 48, generator=torch.Generator().manual_seed(1))


def _head(origin: nn.Module) -> nn.Linear | nn.Conv2d:
    """The origin's last layer with parameters."""
    return [module for module in origin.modules() if isinstance(module, nn.Linear | nn.Conv2d)][-1]


def test_the_catalogue_is_not_empty() -> None:
    assert {"resnet18", "resnet50", "mobilenet_v2", "squeezenet1_1"} <= set(BACKBONES.names())


def test_state_dict_has_the_origins_names_without_its_head(pair: Pair) -> None:
    ours, theirs = set(pair.backbone.network.state_dict()), set(pair.origin.state_dict())
    head = {key for key in theirs if key.startswith(pair.backbone.head_keys)}
    assert ours == theirs - head
    assert len(head) == 2, "the origin's head is one layer: a weight and a bias"


def test_features_have_the_stated_shape_and_depend_on_the_picture(pair: Pair) -> None:
    with torch.inference_mode():
        features = pair.backbone(_pictures())
    assert features.shape == (2, pair.backbone.feature_dim)
    assert not torch.equal(features[0], features[1])


def test_stages_hold_every_parameter_exactly_once(pair: Pair) -> None:
    staged = [entry for stage in pair.backbone.stages for entry in pair.backbone.stage_parameters(stage)]
    named = dict(pair.backbone.named_parameters())
    assert sorted(name for name, _ in staged) == sorted(named)
    assert all(named[name] is parameter for name, parameter in staged)


def test_stage_modules_hold_every_buffer(pair: Pair) -> None:
    held = {
        id(buffer)
        for stage in pair.backbone.stages
        for module in pair.backbone.stage_modules(stage)
        for buffer in module.buffers()
    }
    assert held == {id(buffer) for buffer in pair.backbone.buffers()}, "a frozen stage freezes its statistics"


def test_stages_stand_input_side_first(pair: Pair) -> None:
    entered: list[str] = []
    hooks = [
        pair.backbone.stage_modules(stage)[0].register_forward_pre_hook(lambda *_, s=stage: entered.append(s))
        for stage in pair.backbone.stages
    ]
    with torch.inference_mode():
        pair.backbone(_pictures())
    for hook in hooks:
        hook.remove()
    assert entered == list(pair.backbone.stages)


def test_every_parameter_gets_a_gradient(pair: Pair) -> None:
    weights = torch.randn(pair.backbone.feature_dim, generator=torch.Generator().manual_seed(2))
    (pair.backbone(_pictures()) @ weights).sum().backward()
    gradients = {name: p.grad for name, p in pair.backbone.named_parameters()}
    pair.backbone.zero_grad(set_to_none=True)
    for name, gradient in gradients.items():
        assert gradient is not None, name
        assert gradient.isfinite().all(), name
        assert gradient.abs().sum() > 0, name


def test_the_origins_head_on_top_gives_the_origins_answer(pair: Pair) -> None:
    """Before any non-linearity after the head: torchvision's SqueezeNet puts a ReLU there, and then the mean."""
    head = _head(pair.origin)
    seen: list[torch.Tensor] = []
    hook = head.register_forward_hook(lambda _module, _inputs, output: seen.append(output.clone()))
    with torch.inference_mode():
        logits = pair.origin(_pictures())
        ours = functional.linear(pair.backbone(_pictures()), head.weight.flatten(1), head.bias)
    hook.remove()
    expected = seen[0] if seen[0].ndim == 2 else seen[0].mean(dim=(2, 3))
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)
    if seen[0].ndim == 2:
        torch.testing.assert_close(ours, logits, rtol=1e-4, atol=1e-5)


def test_squeezenet_features_are_the_mean_of_the_last_plane() -> None:
    backbone = BACKBONES.get("squeezenet1_1")(in_channels=3).eval()
    with torch.inference_mode():
        plane = backbone.network.get_submodule("features")(_pictures())
        expected = plane.double().sum(dim=(2, 3)) / (plane.shape[2] * plane.shape[3])
        torch.testing.assert_close(backbone(_pictures()).double(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", BACKBONES.names())
def test_other_channel_counts_are_refused(name: str) -> None:
    with pytest.raises(CatalogueError, match="3 input channels, not 1") as caught:
        BACKBONES.get(name)(in_channels=1)
    assert caught.value.code == "BadHyperparameter"
