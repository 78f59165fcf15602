"""Every backbone from torchvision or MONAI is its origin without the head: same names, same numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import pytest
import torch
from torch import nn

from medtransfer.core.config.models import BACKBONES
from medtransfer.core.torchvision_guard import import_torchvision
from medtransfer.models.backbone import Backbone

CLASSES = 7


def _torchvision(name: str) -> nn.Module:
    settings = {"init_weights": False} if name == "inception_v3" else {}
    return import_torchvision().models.get_model(name, weights=None, num_classes=CLASSES, **settings)


def _monai(name: str) -> nn.Module:
    import_torchvision()
    from monai.networks import nets
    from monai.networks.nets.resnet import get_medicalnet_pretrained_resnet_args

    if name == "densenet121_3d":
        return nets.DenseNet121(spatial_dims=3, in_channels=3, out_channels=CLASSES)
    depth = name.removeprefix("resnet").removesuffix("_3d")
    bias_downsample, shortcut_type = get_medicalnet_pretrained_resnet_args(int(depth))
    return getattr(nets, f"resnet{depth}")(
        spatial_dims=3,
        n_input_channels=3,
        num_classes=CLASSES,
        conv1_t_stride=2,
        shortcut_type=shortcut_type,
        bias_downsample=bias_downsample,
    )


def _cases() -> list:
    absent = pytest.mark.skipif(find_spec("monai") is None, reason="monai is not installed")
    planes = set(BACKBONES.names()) & set(import_torchvision().models.list_models())
    volumes = {name for name in BACKBONES.names() if name.endswith("_3d")}
    return [
        *(pytest.param((name, _torchvision), id=name) for name in sorted(planes)),
        *(pytest.param((name, _monai), id=name, marks=absent) for name in sorted(volumes)),
    ]


@dataclass(frozen=True)
class Pair:
    """A backbone, and its origin's own network with the same parameters and a head."""

    name: str
    backbone: Backbone
    origin: nn.Module

    def images(self) -> torch.Tensor:
        side = {"vit_b_16": 224, "inception_v3": 80, "densenet121_3d": 32}.get(self.name, 48)
        shape = (1, 3, *[side] * self.backbone.dimensions)
        return torch.rand(shape, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module", params=_cases())
def pair(request: pytest.FixtureRequest) -> Pair:
    name, make = request.param
    make: Callable[[str], nn.Module]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        backbone = BACKBONES.get(name)(in_channels=3).eval()
        with torch.device("meta"):
            origin = make(name).eval()
        head = {
            k: torch.randn(v.shape) * 0.1 for k, v in origin.state_dict().items() if k.startswith(backbone.head_keys)
        }
    origin.load_state_dict({**backbone.network.state_dict(), **head}, strict=True, assign=True)
    return Pair(name, backbone, origin)


def _answer(pair: Pair, images: torch.Tensor) -> torch.Tensor:
    """The origin's answer; SqueezeNet's before the ReLU that it puts between its head and the mean."""
    if pair.name == "squeezenet1_1":
        head = pair.origin.get_submodule("classifier.1")
        return head(pair.origin.get_submodule("features")(images)).mean(dim=(2, 3))
    return pair.origin(images)


def _head(pair: Pair, features: torch.Tensor) -> torch.Tensor:
    """The origin's head on top of our features."""
    if pair.name == "squeezenet1_1":
        return pair.origin.get_submodule("classifier.1")(features[:, :, None, None]).flatten(1)
    names = {name.rpartition(".")[0] for name in pair.origin.state_dict() if name.startswith(pair.backbone.head_keys)}
    tops = [key[:-1] for key in pair.backbone.head_keys if any(f"{name}.".startswith(key) for name in names)]
    main = next(name for name in tops if name != "AuxLogits")
    return pair.origin.get_submodule(main)(features)


def test_state_dict_has_the_origins_names_without_its_head(pair: Pair) -> None:
    ours, theirs = set(pair.backbone.network.state_dict()), set(pair.origin.state_dict())
    head = {key for key in theirs if key.startswith(pair.backbone.head_keys)}
    assert ours == theirs - head
    assert head


def test_the_origins_head_on_top_gives_the_origins_answer(pair: Pair) -> None:
    images = pair.images()
    with torch.inference_mode():
        expected = _answer(pair, images)
        found = _head(pair, pair.backbone(images))
    assert found.shape == (1, CLASSES)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_squeezenet_features_are_the_mean_of_the_last_plane() -> None:
    backbone = BACKBONES.get("squeezenet1_1")(in_channels=3).eval()
    pictures = torch.rand(2, 3, 48, 48, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        plane = backbone.network.get_submodule("features")(pictures)
        expected = plane.double().sum(dim=(2, 3)) / (plane.shape[2] * plane.shape[3])
        torch.testing.assert_close(backbone(pictures).double(), expected, rtol=1e-5, atol=1e-6)


def test_inception_takes_what_torchvision_converts_its_input_to() -> None:
    """Torchvision's ImageNet weights switch `transform_input` on: from ImageNet's mean and deviation to ½ and ½."""
    backbone = BACKBONES.get("inception_v3")(in_channels=3).eval()
    with torch.device("meta"):
        origin = import_torchvision().models.inception_v3(
            weights=None, aux_logits=False, transform_input=True, init_weights=False
        )
    origin.fc = nn.Identity()
    origin.load_state_dict(backbone.network.state_dict(), assign=True)
    grey = torch.rand(1, 1, 80, 80, generator=torch.Generator().manual_seed(1)).expand(-1, 3, -1, -1)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.inference_mode():
        expected = origin.eval()((grey - mean.view(3, 1, 1)) / std.view(3, 1, 1))
        difference = backbone((grey - 0.5) / 0.5) - expected
    assert difference.norm() < 1e-4 * expected.norm()
