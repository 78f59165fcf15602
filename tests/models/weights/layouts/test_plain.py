"""Plain state dicts, and the wrappers in which training programs keep them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from origins import State, in_modules, randomised, require_all_landed, saved, torchvision_network
from safetensors.torch import save_file

from medtransfer.core.config.models import BACKBONES
from medtransfer.core.errors import WeightsError
from medtransfer.core.torchvision_guard import import_torchvision
from medtransfer.models.weights.importing import import_weights
from medtransfer.models.weights.layouts.plain import recognise
from medtransfer.models.weights.load import load_weights
from medtransfer.models.weights.sidecar import GREY, InputSpec, check_weight_file

WRAPPED: dict[str, Callable[[State], object]] = {
    "plain": dict,
    "state_dict": lambda state: {"state_dict": state, "epoch": 3, "arch": "squeezenet1_1"},
    "model": lambda state: {"model": state, "optimizer": {"lr": 0.1}},
    "several devices": in_modules,
    "both": lambda state: {"state_dict": in_modules(state)},
    "compiled": lambda state: {f"_orig_mod.{key}": value for key, value in state.items()},
}


@pytest.fixture(scope="module")
def origin() -> State:
    return dict(torchvision_network("squeezenet1_1").state_dict())


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("wrapped", WRAPPED)
def test_every_tensor_lands_whatever_it_is_wrapped_in(wrapped: str, origin: State, tmp_path: Path) -> None:
    import_weights(saved(WRAPPED[wrapped](origin), tmp_path / "weights.pth"), name="mine")
    sidecar = check_weight_file("mine", "squeezenet1_1")
    assert (sidecar.layout, sidecar.input, sidecar.input_source) == ("plain", InputSpec(), "assumed")
    backbone = BACKBONES.get("squeezenet1_1")(in_channels=3)
    load_weights(backbone, "mine", name="squeezenet1_1")
    require_all_landed(backbone, origin)


@pytest.mark.usefixtures("library")
def test_safetensors(origin: State, tmp_path: Path) -> None:
    save_file(origin, tmp_path / "weights.safetensors")
    import_weights(tmp_path / "weights.safetensors", name="mine")
    backbone = BACKBONES.get("squeezenet1_1")(in_channels=3)
    load_weights(backbone, "mine", name="squeezenet1_1")
    require_all_landed(backbone, origin)


@pytest.mark.usefixtures("library")
def test_networks_of_timm(tmp_path: Path) -> None:
    import_torchvision()
    timm = pytest.importorskip("timm", reason="timm is an optional extra")
    origin = randomised(timm.create_model("test_convnext", pretrained=False))
    import_weights(saved(origin.state_dict(), tmp_path / "weights.pth"), name="mine", backbone="timm/test_convnext")
    backbone = BACKBONES.get("timm/test_convnext")(in_channels=3)
    load_weights(backbone, "mine", name="timm/test_convnext")
    require_all_landed(backbone, dict(origin.state_dict()))


@pytest.mark.parametrize(
    "content",
    [{}, {"state_dict": {}}, {"state_dict": 3}, [torch.zeros(1)], {"model": {"epoch": 3}}, {0: torch.zeros(1)}, "text"],
)
def test_something_without_a_state_dict_is_refused(content: object, tmp_path: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        import_weights(saved(content, tmp_path / "weights.pth"), name="mine", folder=tmp_path)
    assert caught.value.code == "BadWeights"
    assert caught.value.hint


def test_one_channel_is_assumed_to_be_grey() -> None:
    assert recognise({"conv.weight": torch.zeros(4, 1, 3, 3)}).input == GREY
    assert recognise({"conv.weight": torch.zeros(4, 3, 3, 3)}).input == InputSpec()
    assert recognise({"fc.weight": torch.zeros(4, 1)}).input == InputSpec()
