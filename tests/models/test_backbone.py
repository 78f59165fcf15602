"""The backbone's own laws, on a network small enough to see through."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from medtransfer.core.errors import CatalogueError, ConfigError
from medtransfer.models.backbone import ANY_SIZE, Backbone, Sizes


class Small(nn.Module):
    """Two convolutions with a lone parameter and a lone buffer between them."""

    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.shift = nn.Parameter(torch.zeros(4, 1, 1))
        self.register_buffer("scale", torch.full((4, 1, 1), 2.0))
        self.inner = nn.Sequential(nn.ReLU(), nn.Conv2d(4, 5, 3, padding=1))

    def forward(self, images: Tensor) -> Tensor:
        return self.inner(self.first(images) * self.scale + self.shift).mean(dim=(2, 3))


STAGES = {"stem": ("first",), "shift": ("shift", "scale", "inner.0"), "last": ("inner.1",)}


def _backbone(
    stages: dict[str, tuple[str, ...]] | None = None, *, sizes: Sizes = ANY_SIZE, in_channels: int = 3
) -> Backbone:
    return Backbone(
        Small(),
        stages=stages or STAGES,
        feature_dim=5,
        head_keys=(),
        stem="first",
        in_channels=in_channels,
        sizes=sizes,
    )


def _pictures(rows: int = 8, columns: int = 8) -> Tensor:
    return torch.rand(2, 3, rows, columns, generator=torch.Generator().manual_seed(0))


def test_a_stage_may_hold_lone_parameters() -> None:
    backbone = _backbone()
    assert [name for name, _ in backbone.stage_parameters("shift")] == ["network.shift"]
    assert [name for name, _ in backbone.stage_parameters("last")] == ["network.inner.1.weight", "network.inner.1.bias"]
    named = dict(backbone.named_parameters())
    assert all(named[name] is p for stage in backbone.stages for name, p in backbone.stage_parameters(stage))
    assert [type(module) for module in backbone.stage_modules("shift")] == [nn.ReLU]


@pytest.mark.parametrize(
    ("stages", "missing"),
    [
        ({"stem": ("first",), "shift": ("shift",), "last": ("inner",)}, "scale"),
        ({"stem": ("first",), "shift": ("scale",), "last": ("inner",)}, "shift"),
        ({"all": ("first", "shift", "scale", "inner", "inner.1")}, "inner.1.weight, inner.1.bias"),
    ],
    ids=["a buffer is left out", "a parameter is left out", "a layer twice"],
)
def test_stages_that_do_not_part_the_network_are_refused(stages: dict[str, tuple[str, ...]], missing: str) -> None:
    with pytest.raises(CatalogueError, match=missing) as caught:
        _backbone(stages)
    assert caught.value.code == "BadStages"


def test_taps_are_what_the_stages_pass_on() -> None:
    backbone, pictures = _backbone(), _pictures()
    features, taps = backbone.tapped(pictures, ["last", "stem"])
    assert torch.equal(features, backbone(pictures))
    assert set(taps) == {"stem", "last"}
    net = backbone.network
    assert torch.equal(taps["stem"], net.get_submodule("first")(pictures))
    assert torch.equal(taps["last"].mean(dim=(2, 3)), features)


def test_a_tap_has_a_gradient_in_what_comes_before_it_alone() -> None:
    backbone = _backbone()
    backbone.tapped(_pictures(), ["shift"])[1]["shift"].square().sum().backward()
    moved = {name for name, p in backbone.named_parameters() if p.grad is not None}
    assert moved == {"network.first.weight", "network.first.bias", "network.shift"}


def test_taps_leave_no_hooks_behind() -> None:
    backbone = _backbone(sizes=Sizes(smallest=8))
    backbone.tapped(_pictures(), list(STAGES))
    with pytest.raises(CatalogueError, match=r"no stage 'sten'\. Did you mean 'stem'") as caught:
        backbone.tapped(_pictures(), ["last", "sten"])
    with pytest.raises(ConfigError):
        backbone.tapped(_pictures(7, 7), ["last"])
    assert caught.value.code == "UnknownStage"
    assert not any(module._forward_hooks for module in backbone.modules())


def test_taps_work_under_autocast() -> None:
    backbone = _backbone()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        features, taps = backbone.tapped(_pictures(), ["stem", "last"])
        assert torch.equal(features, backbone(_pictures()))
    assert {tap.dtype for tap in taps.values()} == {torch.bfloat16}


def test_one_channel_is_the_sum_of_three() -> None:
    torch.manual_seed(0)
    three = _backbone()
    torch.manual_seed(0)
    one = _backbone(in_channels=1)
    grey = _pictures()[:, :1]
    torch.testing.assert_close(one(grey), three(grey.expand(-1, 3, -1, -1)))


@pytest.mark.parametrize(
    ("sizes", "space", "cure"),
    [
        (Sizes(smallest=9), (8, 9), "preprocess.size=9"),
        (Sizes(multiple=16), (48, 50), "preprocess.size=48"),
        (Sizes(multiple=16), (3, 3), "preprocess.size=16"),
        (Sizes(fixed=(224, 224)), (224, 208), "preprocess.size=224"),
        (Sizes(smallest=29), (12, 64, 64), "preprocess.planes=29"),
        (Sizes(smallest=29), (40, 20, 20), "preprocess.size=29"),
    ],
)
def test_sizes_that_the_network_cannot_see_are_refused(sizes: Sizes, space: tuple[int, ...], cure: str) -> None:
    with pytest.raises(ConfigError, match=cure) as caught:
        sizes.check(space)
    assert caught.value.code == "SizeDoesNotFit"
    assert " × ".join(map(str, space)) in caught.value.message
    assert caught.value.path == cure.partition("=")[0]


@pytest.mark.parametrize(
    ("sizes", "space"),
    [
        (Sizes(), (1, 1)),
        (Sizes(smallest=9), (9, 200)),
        (Sizes(multiple=16), (16, 48)),
        (Sizes(fixed=(224, 224)), (224, 224)),
        (Sizes(smallest=29), (29, 30, 31)),
    ],
)
def test_sizes_that_fit_are_let_through(sizes: Sizes, space: tuple[int, ...]) -> None:
    sizes.check(space)
