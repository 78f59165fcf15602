"""Laws of every backbone in the catalogue, at a size that costs little."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from importlib.util import find_spec

import pytest
import torch
from safetensors.torch import load, save
from torch.utils.flop_counter import FlopCounterMode

from medtransfer.core.config.models import BACKBONES
from medtransfer.core.errors import CatalogueError, ConfigError
from medtransfer.models.backbone import Backbone
from medtransfer.models.stem import to_one_channel

NEEDS = {"timm": "timm", "_3d": "monai"}
"""Parts of a name → the package that such a backbone comes from, where that need not be installed."""


def _cases() -> list:
    names = [name for name in BACKBONES.names() if name != "timm"] + ["timm/test_resnet", "timm/test_vit"]
    packages = {name: [package for part, package in NEEDS.items() if part in name] for name in names}
    return [
        pytest.param(
            name,
            marks=[pytest.mark.skipif(find_spec(p) is None, reason=f"{p} is not installed") for p in packages[name]],
        )
        for name in names
    ]


def _on_paper(name: str, *, in_channels: int = 3) -> Backbone:
    """Without memory for its parameters; they come with `load_state_dict(…, assign=True)`."""
    with torch.device("meta"):
        return BACKBONES.get(name)(in_channels=in_channels).eval()


def _images(backbone: Backbone, *, seed: int = 1) -> torch.Tensor:
    """Two different pictures or volumes, little larger than the network needs."""
    side = max(48 if backbone.dimensions == 2 else 32, -(-backbone.sizes.smallest // 16) * 16)
    shape = (2, backbone.in_channels, *[side] * backbone.dimensions)
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module", params=_cases())
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def backbone(name: str) -> Backbone:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = BACKBONES.get(name)(in_channels=3).eval()
    for parameter in made.parameters():
        if parameter.ndim == 1 and not parameter.any() and _scales(made, parameter):
            torch.nn.init.ones_(parameter)
    return made


def _scales(backbone: Backbone, parameter: torch.Tensor) -> bool:
    """Is it the scale of a normalisation? Some networks start them at zero, where a residual branch says nothing."""
    return any(getattr(module, "weight", None) is parameter for module in backbone.modules())


@pytest.fixture(scope="module")
def features(backbone: Backbone) -> torch.Tensor:
    with torch.inference_mode():
        return backbone(_images(backbone))


def test_features_have_the_stated_shape_and_depend_on_the_picture(backbone: Backbone, features: torch.Tensor) -> None:
    assert features.shape == (2, backbone.feature_dim)
    assert features.isfinite().all()
    assert not torch.equal(features[0], features[1])


def test_every_parameter_gets_a_gradient(backbone: Backbone) -> None:
    weights = torch.randn(backbone.feature_dim, generator=torch.Generator().manual_seed(2))
    (backbone(_images(backbone)) @ weights).sum().backward()
    gradients = {name: p.grad for name, p in backbone.named_parameters()}
    backbone.zero_grad(set_to_none=True)
    for name, gradient in gradients.items():
        assert gradient is not None, name
        assert gradient.isfinite().all(), name
        assert gradient.abs().sum() > 0, name


def test_stages_hold_every_parameter_exactly_once(backbone: Backbone) -> None:
    staged = [entry for stage in backbone.stages for entry in backbone.stage_parameters(stage)]
    named = dict(backbone.named_parameters())
    assert sorted(name for name, _ in staged) == sorted(named)
    assert all(named[name] is parameter for name, parameter in staged)


def test_stage_modules_hold_every_buffer(backbone: Backbone) -> None:
    held = {id(b) for stage in backbone.stages for module in backbone.stage_modules(stage) for b in module.buffers()}
    assert held == {id(buffer) for buffer in backbone.buffers()}, "a frozen stage freezes its statistics"


def test_the_stem_stands_in_the_first_stage(backbone: Backbone) -> None:
    stem = backbone.network.get_submodule(backbone.stem)
    first = next(iter(backbone.stages))
    assert any(inner is stem for module in backbone.stage_modules(first) for inner in module.modules())


def test_a_stage_is_reached_by_the_stages_before_it_alone(backbone: Backbone, features: torch.Tensor) -> None:
    stages = list(backbone.stages)
    middle = stages[len(stages) // 2]
    found, taps = backbone.tapped(_images(backbone), stages)
    torch.testing.assert_close(found, features)
    assert list(taps) == stages, "stages stand in the order of the forward pass"
    taps[middle].square().sum().backward()
    reached = [stage for stage in stages if any(p.grad is not None for _, p in backbone.stage_parameters(stage))]
    whole = all(p.grad is not None for stage in reached for _, p in backbone.stage_parameters(stage))
    backbone.zero_grad(set_to_none=True)
    assert reached == stages[: stages.index(middle) + 1]
    assert whole


def test_save_and_load_give_equal_outputs(name: str, backbone: Backbone, features: torch.Tensor) -> None:
    loaded = _on_paper(name)
    loaded.load_state_dict(load(save(backbone.state_dict())), assign=True)
    with torch.inference_mode():
        assert torch.equal(loaded(_images(backbone)), features)


def test_one_channel_says_the_same_of_grey_pictures(name: str, backbone: Backbone) -> None:
    one = _on_paper(name, in_channels=1)
    assert one.in_channels == 1
    state, stem = dict(backbone.state_dict()), f"network.{backbone.stem}"
    made = to_one_channel(state[f"{stem}.weight"], state.get(f"{stem}.bias"), mean=(0.0,) * 3, std=(1.0,) * 3)
    one.load_state_dict({**state, f"{stem}.weight": made.weight, f"{stem}.bias": made.bias}, assign=True)
    grey = _images(one)
    with torch.inference_mode():
        expected = backbone(grey.expand(-1, 3, *grey.shape[2:]))
        difference = one(grey) - expected
    assert difference.norm() < 1e-4 * expected.norm()


def test_the_smallest_size_is_the_smallest(name: str) -> None:
    backbone = _on_paper(name)
    smallest = backbone.sizes.smallest
    shape = (2, 3, *[smallest] * backbone.dimensions)
    assert backbone(torch.empty(shape, device="meta")).shape == (2, backbone.feature_dim)
    if smallest > 1 and "/" not in name:
        smaller = torch.empty(2, 3, *[smallest - 1] * backbone.dimensions, device="meta")
        with pytest.raises(ConfigError, match=f"not {smallest - 1} × "):
            backbone(smaller)
        with pytest.raises(RuntimeError):
            backbone.network(smaller)


def test_the_docstring_states_parameters_features_and_work(name: str, backbone: Backbone) -> None:
    if "/" in name:
        pytest.skip("timm's networks are too many for one docstring")
    said = importlib.import_module(f"{BACKBONES.package}.{name}").__doc__ or ""
    numbers = re.search(r"([\d.]+) M parameters, ([\d,]+) features", said)
    work = re.search(r"([\d.]+) GMAC at (?:its own )?(?:(\d+) slices of )?(\d+)²", said)
    assert numbers is not None
    assert work is not None
    solid = backbone.dimensions == 3
    paper = _on_paper(name, in_channels=1 if solid else 3)
    space = (int(work[2]), int(work[3]), int(work[3])) if solid else (int(work[3]), int(work[3]))
    with FlopCounterMode(display=False) as counted, torch.no_grad():
        paper(torch.empty(1, paper.in_channels, *space, device="meta"))
    assert sum(p.numel() for p in paper.parameters()) / 1e6 == pytest.approx(float(numbers[1]), abs=0.051)
    assert backbone.feature_dim == int(numbers[2].replace(",", ""))
    assert counted.get_total_flops() / 2e9 == pytest.approx(float(work[1]), rel=0.01, abs=0.051)


def test_other_channel_counts_are_refused(name: str) -> None:
    with pytest.raises(CatalogueError, match="1 or 3 input channels, not 2") as caught:
        _on_paper(name, in_channels=2)
    assert caught.value.code == "BadHyperparameter"


def test_names_and_arguments_are_known_without_importing_anything() -> None:
    code = (
        "import sys; from medtransfer.core.config.models import BACKBONES; BACKBONES.names(); "
        "BACKBONES.check_name('timm/resnet18'); print(BACKBONES.hyperparameters('resnet18_3d')); "
        "print(sorted({'torch', 'torchvision', 'timm', 'monai'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert said.split("\n")[:2] == ["('in_channels', 'variant')", "[]"]


def test_the_catalogue_holds_what_it_should() -> None:
    planes = "resnet18 resnet34 resnet50 densenet121 mobilenet_v2 mobilenet_v3_small mobilenet_v3_large"
    more = "efficientnet_b0 efficientnet_v2_s convnext_tiny vit_b_16 swin_t squeezenet1_1 inception_v3 timm"
    volumes = "resnet10_3d resnet18_3d resnet34_3d resnet50_3d densenet121_3d"
    assert {*planes.split(), *more.split(), *volumes.split()} <= set(BACKBONES.names())
