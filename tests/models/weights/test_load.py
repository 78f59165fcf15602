"""Weights are loaded whole or refused by name: no layer stays random unnoticed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn
from torch.nn import functional

from medtransfer.core.files import file_digest
from medtransfer.core.torchvision_guard import import_torchvision
from medtransfer.models.assemble import BACKBONES
from medtransfer.models.weights.load import Loaded, load_weights
from medtransfer.models.weights.sidecar import InputSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from medtransfer.core.errors import WeightsError
    from medtransfer.models.backbone import Backbone

    State = dict[str, torch.Tensor]
    Refused = Callable[..., WeightsError]
    WriteWeights = Callable[..., Path]
    WriteSidecar = Callable[..., Path]


# What fits


def test_every_tensor_arrives_and_the_input_is_the_sidecars(
    toy: Callable[[], Backbone], toy_state: State, weight_file: WriteWeights
) -> None:
    toy_state["norm.running_mean"] = torch.arange(4.0)
    backbone = toy()
    file = weight_file(toy_state)
    loaded_from = load_weights(backbone, str(file), name="toy")
    assert loaded_from.sha256 == file_digest(file)
    assert loaded_from.spec == InputSpec(mean=(0.5, 0.4, 0.3), std=(0.3, 0.2, 0.1), colour="BGR")
    loaded = backbone.network.state_dict()
    assert all(torch.equal(value, toy_state[key]) for key, value in loaded.items())


def test_a_head_may_be_absent_and_old_files_count_no_batches(
    toy: Callable[[], Backbone], toy_state: State, weight_file: WriteWeights
) -> None:
    kept = {k: v for k, v in toy_state.items() if not k.startswith("fc.") and "num_batches" not in k}
    backbone = toy()
    load_weights(backbone, str(weight_file(kept)), name="toy")
    assert all(torch.equal(backbone.network.state_dict()[key], value) for key, value in kept.items())


def test_half_precision_is_widened(toy: Callable[[], Backbone], toy_state: State, weight_file: WriteWeights) -> None:
    halves = {k: v.half() if v.is_floating_point() else v for k, v in toy_state.items()}
    backbone = toy()
    load_weights(backbone, str(weight_file(halves)), name="toy")
    loaded = backbone.network.state_dict()["stem.weight"]
    assert loaded.dtype == torch.float32
    assert torch.equal(loaded, halves["stem.weight"].float())


def test_none_leaves_the_network_as_it_is(toy: Callable[[], Backbone]) -> None:
    backbone = toy()
    before = {key: value.clone() for key, value in backbone.state_dict().items()}
    assert load_weights(backbone, "none", name="toy") == Loaded(InputSpec())
    assert all(torch.equal(value, before[key]) for key, value in backbone.state_dict().items())


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["squeezenet1_1", "mobilenet_v2"])
def test_published_files_give_torchvisions_answer(name: str) -> None:
    if "MEDTRANSFER_DATA" not in os.environ:
        pytest.skip("MEDTRANSFER_DATA does not point to the real data")
    file = Path(os.environ["MEDTRANSFER_DATA"]) / "weights" / f"{name}_imagenet.pth"
    state = torch.load(file, weights_only=True)
    origin = import_torchvision().models.get_model(name, weights=None).eval()
    origin.load_state_dict(state, strict=True)
    backbone = BACKBONES.get(name)(in_channels=3).eval()
    assert load_weights(backbone, str(file), name=name).spec == InputSpec()
    pictures = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    weight, bias = (value for key, value in state.items() if key.startswith("classifier."))
    head = next(m for m in origin.classifier if isinstance(m, nn.Linear | nn.Conv2d))
    seen: list[torch.Tensor] = []
    head.register_forward_hook(lambda _module, _inputs, output: seen.append(output.clone()))
    with torch.inference_mode():
        origin(pictures)
        logits = functional.linear(backbone(pictures), weight.flatten(1), bias)
    expected = seen[0] if seen[0].ndim == 2 else seen[0].mean(dim=(2, 3))
    assert logits.std() > 0.1
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-4)


# What does not fit: one code each


def test_an_absent_file_is_named(toy: Callable[[], Backbone], tmp_path: Path, refused: Refused) -> None:
    error = refused(toy(), tmp_path / "absent.pth")
    assert (error.code, error.path) == ("NotFound", str(tmp_path / "absent.pth"))


def test_without_sidecar_nobody_knows_the_input(
    toy: Callable[[], Backbone], toy_state: State, refused: Refused, weight_file: WriteWeights
) -> None:
    file = weight_file(toy_state)
    file.with_suffix(".json").unlink()
    assert refused(toy(), file).code == "NoSidecar"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"sha256": None}, "sha256"),
        ({"sha256": "not hex"}, "sha256"),
        ({"input": None}, "input"),
        ({"input": {"channels": 2}}, "input.channels"),
        ({"input": {"channels": 1}}, "input"),
        ({"input": {"mean": [0.5]}}, "mean has 1 values"),
        ({"input": {"colour": "CMYK"}}, "input.colour"),
        ({"input": {"std": [0.0, 1.0, 1.0]}}, "input"),
        ({"input": {"std": ["NaN", 1.0, 1.0]}}, "input"),
        ({"input": {"range": [1.0, 1.0]}}, "input"),
        ({"colour": "RGB"}, "colour"),
    ],
)
def test_a_sidecar_of_another_form_names_the_key(
    toy: Callable[[], Backbone],
    toy_state: State,
    changes: dict[str, object],
    named: str,
    refused: Refused,
    weight_file: WriteWeights,
    sidecar: WriteSidecar,
) -> None:
    file = weight_file(toy_state)
    sidecar(file, **changes)
    error = refused(toy(), file)
    assert (error.code, error.path) == ("BadSidecar", str(file.with_suffix(".json")))
    assert named in error.message


def test_who_does_not_know_the_input_is_told_how_to_find_out(
    toy: Callable[[], Backbone], toy_state: State, refused: Refused, weight_file: WriteWeights, sidecar: WriteSidecar
) -> None:
    error = refused(toy(), sidecar(weight_file(toy_state), input=None))
    assert "medtransfer weights probe weights.pth" in str(error.hint)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"[]"])
def test_a_sidecar_that_is_no_record_is_refused(
    toy: Callable[[], Backbone], toy_state: State, text: bytes, refused: Refused, weight_file: WriteWeights
) -> None:
    file = weight_file(toy_state)
    file.with_suffix(".json").write_bytes(text)
    assert refused(toy(), file).code == "BadSidecar"


def test_weights_of_another_network_are_refused_by_name(
    toy: Callable[[], Backbone], toy_state: State, refused: Refused, weight_file: WriteWeights
) -> None:
    error = refused(toy(), weight_file(toy_state), name="resnet18")
    assert error.code == "OtherBackbone"
    assert "toy" in error.message
    assert "resnet18" in error.message


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
def test_a_file_cut_short_is_refused(
    toy: Callable[[], Backbone], toy_state: State, share: float, refused: Refused, weight_file: WriteWeights
) -> None:
    file = weight_file(toy_state)
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    assert refused(toy(), file).code == "Altered"


def _renamed(state: State) -> None:
    state["conv.weight"] = state.pop("stem.weight")


def _missing(state: State) -> None:
    del state["norm.running_var"]


def _extra(state: State) -> None:
    state["attention.weight"] = torch.ones(2)


def _other_shape(state: State) -> None:
    state["body.weight"] = state["body.weight"][:, :3]


def _prefixed(state: State) -> None:
    for key in list(state):
        state[f"module.{key}"] = state.pop(key)


def _emptied(state: State) -> None:
    state.clear()


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (_renamed, ["missing stem.weight", "unknown conv.weight"]),
        (_missing, ["missing norm.running_var"]),
        (_extra, ["unknown attention.weight"]),
        (_other_shape, ["body.weight has shape [6, 3, 3, 3], not [6, 4, 3, 3]"]),
        (_prefixed, ["missing stem.weight", "missing body.bias"]),
        (_emptied, ["missing stem.weight"]),
    ],
)
def test_no_layer_stays_random_unnoticed(
    toy: Callable[[], Backbone],
    toy_state: State,
    edit: Callable[[State], None],
    named: list[str],
    refused: Refused,
    weight_file: WriteWeights,
) -> None:
    edit(toy_state)
    error = refused(toy(), weight_file(toy_state))
    assert error.code == "KeysDoNotFit"
    assert all(text in error.message for text in named)


@pytest.mark.parametrize("key", [0, 15, 30])
@pytest.mark.parametrize("name", ["resnet18", "squeezenet1_1"])
def test_any_one_missing_layer_of_a_real_network_is_an_error(
    name: str, key: int, tmp_path: Path, refused: Refused, sidecar: WriteSidecar
) -> None:
    backbone = BACKBONES.get(name)(in_channels=3)
    state = dict(backbone.network.state_dict())
    del state[[k for k in state if "num_batches" not in k][key]]
    torch.save(state, tmp_path / "weights.pth")
    assert refused(backbone, sidecar(tmp_path / "weights.pth", backbone=name), name=name).code == "KeysDoNotFit"


@pytest.mark.parametrize("kind", [torch.int32, torch.bool])
def test_numbers_of_another_kind_are_refused(
    toy: Callable[[], Backbone], toy_state: State, kind: torch.dtype, refused: Refused, weight_file: WriteWeights
) -> None:
    toy_state["stem.weight"] = torch.ones(4, 3, 3, 3, dtype=kind)
    error = refused(toy(), weight_file(toy_state))
    assert error.code == "KeysDoNotFit"
    assert "stem.weight" in error.message


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("key", ["stem.weight", "norm.running_var"])
def test_what_is_not_finite_is_refused(
    toy: Callable[[], Backbone], toy_state: State, key: str, value: float, refused: Refused, weight_file: WriteWeights
) -> None:
    toy_state[key].flatten()[1] = value
    error = refused(toy(), weight_file(toy_state))
    assert error.code == "NotFinite"
    assert key in error.message
