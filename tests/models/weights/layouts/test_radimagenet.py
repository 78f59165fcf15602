"""RadImageNet's two families: every tensor lands, and neither is taken for the other."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from keras_reference import REFERENCES, Layers, write_h5
from origins import RadImageNetBackbone, randomised, require_all_landed, saved, torchvision_network

from medtransfer.core.config.models import BACKBONES
from medtransfer.core.errors import WeightsError
from medtransfer.core.torchvision_guard import import_torchvision
from medtransfer.models.weights.importing import import_weights
from medtransfer.models.weights.keras_h5 import load_h5
from medtransfer.models.weights.layouts.radimagenet import DENSENET, INCEPTION, RESNET, recognise
from medtransfer.models.weights.load import load_weights
from medtransfer.models.weights.matching import fitting_backbones
from medtransfer.models.weights.sidecar import InputSpec, check_weight_file

NETWORKS = {
    "resnet50": ({}, 9, 318),
    "densenet121": ({}, -1, 725),
    "inception_v3": ({"aux_logits": False, "init_weights": False}, -1, 564),
}
"""Options of torchvision's network, children that are kept, tensors in the published file."""


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.usefixtures("library")
def test_every_tensor_of_a_published_file_lands(name: str, tmp_path: Path) -> None:
    options, children, tensors = NETWORKS[name]
    origin = torchvision_network(name, **options)
    state = RadImageNetBackbone(origin, children).state_dict()
    assert len(state) == tensors
    file = import_weights(saved(state, tmp_path / f"{name}.pt"), name="radimagenet")
    sidecar = check_weight_file("radimagenet", name)
    assert (sidecar.layout, sidecar.input_source, sidecar.pretrained_on) == ("radimagenet", "published", "RadImageNet")
    assert sidecar.input == InputSpec(range=(-1, 1), mean=(0, 0, 0), std=(1, 1, 1))
    assert file.name == "radimagenet.safetensors"
    backbone = BACKBONES.get(name)(in_channels=3)
    load_weights(backbone, "radimagenet", name=name)
    require_all_landed(backbone, origin.state_dict())


@pytest.mark.parametrize(
    ("name", "table"), [("resnet50", RESNET), ("densenet121", DENSENET), ("inception_v3", INCEPTION)]
)
def test_places_are_those_of_torchvisions_children(name: str, table: dict[int, str]) -> None:
    network = import_torchvision().models.get_model(name, weights=None, **NETWORKS[name][0])
    children = list(network.named_children())[:-1]
    assert {i: child for i, (child, module) in enumerate(children) if list(module.state_dict())} == table


def test_an_auxiliary_head_would_shift_the_places_and_fits_nothing() -> None:
    with torch.device("meta"):
        network = import_torchvision().models.inception_v3(weights=None, init_weights=False)
    found = recognise(RadImageNetBackbone(network, -1).state_dict())
    assert found is not None
    assert fitting_backbones(found.state) == ()


@pytest.mark.usefixtures("library")
def test_the_keras_family_lands_in_its_own_network_and_in_no_other(tmp_path: Path) -> None:
    origin = randomised(BACKBONES.get("resnet50_keras")(in_channels=3).network)
    file = saved(origin.state_dict(), tmp_path / "RadImageNet-ResNet50_notop.pth")
    with pytest.raises(WeightsError, match="for resnet50_keras, not for resnet50") as caught:
        import_weights(file, name="keras", backbone="resnet50")
    assert caught.value.code == "OtherBackbone"
    assert "resnet50_keras" in str(caught.value.hint)
    import_weights(file, name="keras")
    sidecar = check_weight_file("keras", "resnet50_keras")
    assert (sidecar.layout, sidecar.input.colour) == ("radimagenet_keras", "BGR")
    backbone = BACKBONES.get("resnet50_keras")(in_channels=3)
    load_weights(backbone, "keras", name="resnet50_keras")
    require_all_landed(backbone, dict(origin.state_dict()))


@pytest.mark.usefixtures("library")
def test_an_h5_file_of_keras_lands(tmp_path: Path) -> None:
    pytest.importorskip("h5py", reason="h5py is an optional extra")
    layers = Layers()
    with torch.inference_mode():
        REFERENCES["densenet121_keras"](torch.zeros(1, 3, 75, 75), layers)
    file = write_h5(tmp_path / "RadImageNet-DenseNet121_notop.h5", layers.arrays)
    import_weights(file, name="keras")
    sidecar = check_weight_file("keras", "densenet121_keras")
    assert (sidecar.layout, sidecar.input_source, sidecar.input.colour) == ("keras_h5", "assumed", "BGR")
    backbone = BACKBONES.get("densenet121_keras")(in_channels=3)
    load_weights(backbone, "keras", name="densenet121_keras")
    require_all_landed(backbone, load_h5(file))


def test_the_torch_family_is_refused_by_the_keras_network(tmp_path: Path) -> None:
    state = RadImageNetBackbone(torchvision_network("resnet50"), 9).state_dict()
    with pytest.raises(WeightsError, match="for resnet50, not for resnet50_keras"):
        import_weights(saved(state, tmp_path / "ResNet50.pt"), name="torch", backbone="resnet50_keras", folder=tmp_path)


@pytest.mark.parametrize(
    "keys",
    [("conv1.weight",), ("backbone.0.weight", "fc.weight"), ("backbone.layer1.weight",), ("backbone.1.weight",), ()],
)
def test_other_names_are_not_radimagenets(keys: tuple[str, ...]) -> None:
    assert recognise({key: torch.zeros(1) for key in keys}) is None
