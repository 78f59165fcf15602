"""Any network of timm: its own numbers, stages that part it, and names that are refused with the near ones."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import torch
from torch import nn

from medtransfer.core.config.models import BACKBONES
from medtransfer.core.errors import CatalogueError, ConfigError
from medtransfer.core.torchvision_guard import import_torchvision
from medtransfer.models.backbones._blocks import stages_by_blocks

SMALL = ("test_resnet", "test_vit", "test_convnext", "test_efficientnet", "test_byobnet", "test_maxvit")
CLASSES = 7


@pytest.fixture(scope="module")
def timm() -> Any:
    import_torchvision()
    return pytest.importorskip("timm", reason="timm is not installed")


@pytest.mark.parametrize("name", SMALL)
def test_the_origins_head_on_top_gives_the_origins_answer(timm: Any, name: str) -> None:
    torch.manual_seed(0)
    backbone = BACKBONES.get(f"timm/{name}")(in_channels=3).eval()
    origin = timm.create_model(name, num_classes=CLASSES).eval()
    ours, theirs = backbone.network.state_dict(), origin.state_dict()
    head = {key: value for key, value in theirs.items() if key.startswith(backbone.head_keys)}
    assert set(ours) == set(theirs) - set(head)
    origin.load_state_dict({**ours, **head}, strict=True)
    images = torch.rand(2, *origin.pretrained_cfg["input_size"], generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        found = origin.get_classifier()(backbone(images))
        torch.testing.assert_close(found, origin(images), rtol=1e-5, atol=1e-5)


@pytest.mark.usefixtures("timm")
@pytest.mark.parametrize(
    ("name", "stages", "head"),
    [
        ("resnet18.a1_in1k", ["stem", "layer1", "layer2", "layer3", "layer4"], ("fc.",)),
        ("convnext_atto", ["stem", "stages_0", "stages_1", "stages_2", "stages_3", "last"], ("head.fc.",)),
        ("vit_tiny_patch16_224", ["stem", *(f"blocks_{i}" for i in range(12)), "last"], ("head.",)),
        (
            "efficientnet_b0",
            ["stem", "blocks_0", "blocks_1", "blocks_2", "blocks_4", "blocks_6", "last"],
            ("classifier.",),
        ),
        ("levit_128", ["stem", "stages_0", "stages_1", "stages_2"], ("head.", "head_dist.")),
        ("vgg11", ["stem", *(f"features_{i}" for i in (4, 9, 14, 19)), "last"], ("head.",)),
        ("twins_pcpvt_small", ["stem", "blocks", "pos_block", "norm"], ("head.",)),
    ],
)
def test_stages_follow_what_timm_can_tap(name: str, stages: list[str], head: tuple[str, ...]) -> None:
    with torch.device("meta"):
        backbone = BACKBONES.get(f"timm/{name}")(in_channels=3)
    assert list(backbone.stages) == stages
    assert backbone.head_keys == head


@pytest.mark.slow
def test_every_family_of_timm_parts_into_stages_and_gives_the_features_it_states(timm: Any) -> None:
    """One network a family, on paper. CoaT uses modules in two places, so that no stage can own them."""
    families = [timm.list_models(module=module)[:1] for module in timm.list_modules()]
    for name in (name for names in families for name in names if not name.startswith("coat_")):
        with torch.device("meta"):
            backbone = BACKBONES.get(f"timm/{name}")(in_channels=3).eval()
            origin = timm.create_model(name)
            images = torch.empty(2, *backbone.network.pretrained_cfg["input_size"])
        assert backbone(images).shape == (2, backbone.feature_dim), name
        left = set(origin.state_dict()) - set(backbone.network.state_dict())
        assert left == {key for key in origin.state_dict() if key.startswith(backbone.head_keys)}, name


@pytest.mark.usefixtures("timm")
@pytest.mark.parametrize("name", ["test_vit", "swin_tiny_patch4_window7_224"])
def test_transformers_take_other_sizes_where_timm_can(name: str) -> None:
    with torch.device("meta"):
        backbone = BACKBONES.get(f"timm/{name}")(in_channels=3).eval()
        assert backbone(torch.empty(2, 3, 96, 64)).shape == (2, backbone.feature_dim)
        with pytest.raises(ConfigError, match="multiples of"):
            backbone(torch.empty(2, 3, 97, 96))


@pytest.mark.usefixtures("timm")
def test_a_network_of_one_size_says_so() -> None:
    with torch.device("meta"):
        backbone = BACKBONES.get("timm/test_maxvit")(in_channels=3).eval()
        with pytest.raises(ConfigError, match="takes 160 × 160 alone, not 96 × 96") as caught:
            backbone(torch.empty(2, 3, 96, 96))
    assert "preprocess.size=160" in (caught.value.hint or "")


@pytest.mark.usefixtures("timm")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("resnet81", "no network 'resnet81'. Did you mean 'resnet"),
        ("", "needs a NAME"),
        ("resnet18.nowhere", r"Invalid pretrained tag \(nowhere\)"),
        ("local-dir:/tmp", "no network 'local-dir:/tmp'"),
    ],
)
def test_unknown_names_are_refused(name: str, said: str) -> None:
    from medtransfer.models.backbones.timm import build

    with pytest.raises(CatalogueError, match=said) as caught:
        build(variant=name)
    assert caught.value.code == "UnknownEntry"


@pytest.mark.usefixtures("timm")
@pytest.mark.parametrize("name", ["test_nfnet", "crossvit_9_240", "naflexvit_base_patch16_gap", "csatv2"])
def test_stems_that_cannot_become_grey_are_refused(name: str) -> None:
    with torch.device("meta"), pytest.raises(CatalogueError, match="cannot be given one channel") as caught:
        BACKBONES.get(f"timm/{name}")(in_channels=1)
    assert caught.value.code == "BadHyperparameter"


def test_without_timm_the_cure_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(CatalogueError, match="come from timm, which is not installed") as caught:
        BACKBONES.get("timm/resnet18")(in_channels=3)
    assert caught.value.code == "NotInstalled"
    assert caught.value.hint == "pip install 'medtransfer[timm]'"


def test_blocks_that_compute_together_stay_together() -> None:
    """One end inside a module does not open it; several do. A trailing layer without parameters is no stage."""
    network = nn.Sequential()
    network.add_module("start", nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()))
    network.add_module("body", nn.Sequential(nn.Conv2d(4, 4, 3), nn.Sequential(nn.Conv2d(4, 4, 3), nn.ReLU())))
    network.add_module("pool", nn.AdaptiveAvgPool2d(1))
    assert stages_by_blocks(network, ["start.1", "body.0", "body.1.1", "nowhere"]) == {
        "stem": ("start",),
        "body_0": ("body.0",),
        "body_1": ("body.1",),
    }
    assert stages_by_blocks(network, ["body.1"]) == {"stem": ("start",), "body": ("body",)}
    assert stages_by_blocks(network, []) == {"stem": ("start",), "body": ("body",)}
    assert stages_by_blocks(network, ["start"]) == {"stem": ("start",), "last": ("body", "pool")}
