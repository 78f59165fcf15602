"""Keras' HDF5 files: every array lands under torch's name, anything else is refused by name and nothing is executed."""

from __future__ import annotations

import importlib.util
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from keras_reference import REFERENCES, Arrays, Layers, write_h5

from medtransfer.core.config.models import BACKBONES
from medtransfer.core.errors import WeightsError
from medtransfer.models.weights import keras_h5
from medtransfer.models.weights.keras_h5 import load_h5, load_keras

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import h5py
else:
    h5py = pytest.importorskip("h5py", reason="h5py is an optional extra")

KERNEL = "conv1_conv/conv1_conv/kernel:0"
STEM = ("conv1_conv", "conv1_bn")


@pytest.fixture(scope="module")
def networks() -> dict[str, Arrays]:
    """The arrays of each network, as Keras names and shapes them."""
    found = {}
    for name, reference in REFERENCES.items():
        layers = Layers()
        with torch.inference_mode():
            reference(torch.zeros(1, 3, 75, 75), layers)
        found[name] = layers.arrays
    return found


def _refused(path: Path) -> WeightsError:
    with pytest.raises(WeightsError) as caught:
        load_h5(path)
    assert caught.value.hint
    assert caught.value.path == str(path)
    return caught.value


# What fits


@pytest.mark.parametrize(
    ("name", "whole_model"), [("resnet50_keras", False), ("densenet121_keras", True), ("inception_v3_keras", False)]
)
def test_every_array_lands_in_its_own_network(
    name: str, whole_model: bool, networks: dict[str, Arrays], tmp_path: Path
) -> None:
    network = BACKBONES.get(name)(in_channels=3)
    head = {"kernel": np.ones((network.feature_dim, 5), "f4"), "bias": np.arange(5, dtype="f4")}
    arrays = {**networks[name], "predictions": head}
    suffix = "" if whole_model else ":0"
    file = write_h5(tmp_path / "w.h5", arrays, whole_model=whole_model, suffix=suffix)
    backbone, tensors = load_keras(file)
    assert backbone == name
    body = {key: value.shape for key, value in tensors.items() if not key.startswith(network.head_keys)}
    wanted = {k: v.shape for k, v in network.network.state_dict().items() if not k.endswith("num_batches_tracked")}
    assert body == wanted
    assert {tuple(tensors[key].shape) for key in tensors.keys() - body.keys()} == {(5, network.feature_dim), (5,)}


def test_kernels_are_turned_and_vectors_are_not(networks: dict[str, Arrays], tmp_path: Path) -> None:
    arrays = networks["resnet50_keras"]
    tensors = load_h5(write_h5(tmp_path / "w.h5", arrays))
    kernel = arrays["conv3_block1_2_conv"]["kernel"]
    assert float(tensors["layer2.0.conv2.weight"][5, 7, 1, 2]) == kernel[1, 2, 7, 5]
    np.testing.assert_array_equal(tensors["layer2.0.bn1.running_mean"], arrays["conv3_block1_1_bn"]["moving_mean"])
    np.testing.assert_array_equal(tensors["layer4.2.conv3.bias"], arrays["conv5_block3_3_conv"]["bias"])


def test_older_names_of_the_densenet_are_known(networks: dict[str, Arrays], tmp_path: Path) -> None:
    older = {"conv1_conv": "conv1/conv", "conv1_bn": "conv1/bn"}
    arrays = {older.get(name, name): values for name, values in networks["densenet121_keras"].items()}
    backbone, tensors = load_keras(write_h5(tmp_path / "w.h5", arrays))
    assert backbone == "densenet121_keras"
    assert "features.norm0.running_var" in tensors


def test_numbered_layers_may_begin_anywhere_and_stand_in_any_order(networks: dict[str, Arrays], tmp_path: Path) -> None:
    """Networks made before in the same program shift Keras' numbers; in the order of text, 10 stands before 9."""
    arrays = networks["inception_v3_keras"]
    shifted: Arrays = {}
    for kind in ("batch_normalization", "conv2d"):
        for number in range(94):
            shifted[f"{kind}_{number + 188}"] = arrays[f"{kind}_{number}" if number else kind]
    expected = load_h5(write_h5(tmp_path / "plain.h5", arrays))
    found = load_h5(write_h5(tmp_path / "shifted.h5", dict(sorted(shifted.items()))))
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], value) for key, value in expected.items())


def test_names_may_be_cut_in_several_attributes_and_arrays_packed(networks: dict[str, Arrays], tmp_path: Path) -> None:
    file = write_h5(tmp_path / "w.h5", networks["densenet121_keras"])
    expected = load_h5(file)
    with h5py.File(file, "r+") as opened:
        names, values = np.array(opened.attrs["layer_names"]), np.array(opened[KERNEL])
        del opened.attrs["layer_names"], opened[KERNEL]
        opened.attrs["layer_names0"], opened.attrs["layer_names1"] = names[:50], names[50:]
        opened.create_dataset(KERNEL, data=values, compression="gzip", dtype="f2")
    found = load_h5(file)
    assert found.keys() == expected.keys()
    assert torch.equal(found["features.conv0.weight"], expected["features.conv0.weight"].half().float())


# What does not


def test_one_layer_less_or_more_is_another_network(networks: dict[str, Arrays], tmp_path: Path) -> None:
    arrays = networks["densenet121_keras"]
    fewer = {name: values for name, values in arrays.items() if name != "conv3_block2_1_bn"}
    more = {**arrays, "dense_1": {"kernel": np.ones((1024, 3), "f4")}}
    for name, wrong in (("fewer", fewer), ("more", more)):
        assert _refused(write_h5(tmp_path / f"{name}.h5", wrong)).code == "OtherBackbone"


def test_unknown_variables_are_refused(networks: dict[str, Arrays], tmp_path: Path) -> None:
    arrays = networks["densenet121_keras"]
    odd = {**arrays, "conv1_conv": {**arrays["conv1_conv"], "depthwise_kernel": np.ones((3, 3), "f4")}}
    error = _refused(write_h5(tmp_path / "w.h5", odd))
    assert error.code == "KeysDoNotFit"
    assert "depthwise_kernel" in error.message


def _soft_link(file: h5py.File) -> None:
    file["elsewhere"] = file[KERNEL]
    del file[KERNEL]
    file[KERNEL] = h5py.SoftLink("/elsewhere")


def _external_link(file: h5py.File) -> None:
    shutil.copyfile(file.filename, f"{file.filename}.other")
    del file[KERNEL]
    file[KERNEL] = h5py.ExternalLink(f"{file.filename}.other", f"/{KERNEL}")


def _external_home(file: h5py.File) -> None:
    file["model_weights"] = h5py.ExternalLink("other.h5", "/")


def _external_bytes(file: h5py.File) -> None:
    del file[KERNEL]
    file.create_dataset(KERNEL, (7, 7, 3, 64), "f4", external=[("/dev/zero", 0, 37_632)])


def _virtual(file: h5py.File) -> None:
    del file[KERNEL]
    layout = h5py.VirtualLayout((7, 7, 3, 64), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "x", (7, 7, 3, 64))
    file.create_virtual_dataset(KERNEL, layout)


def _huge(file: h5py.File) -> None:
    del file[KERNEL]
    file.create_dataset(KERNEL, (10**6, 10**6, 3, 64), "f4", chunks=(10, 10, 3, 64), compression="gzip")


def _huge_chunk(file: h5py.File) -> None:
    del file[KERNEL]
    file.create_dataset(KERNEL, (7, 7, 3, 64), "f4", chunks=(8192, 8192, 3, 1), maxshape=(None,) * 4)


def _other_filter(file: h5py.File) -> None:
    del file[KERNEL]
    file.create_dataset(KERNEL, (7, 7, 3, 64), "f4", compression="lzf")


def _text(file: h5py.File) -> None:
    del file[KERNEL]
    file[KERNEL] = "cos\nsystem\n(S'true'\ntR."


def _many_names(file: h5py.File) -> None:
    del file.attrs["layer_names"]
    for piece in range(6):
        file.attrs.create(f"layer_names{piece}", np.full(3000, b"bn"))


def _absent(file: h5py.File) -> None:
    del file[KERNEL]


def _unnamed(file: h5py.File) -> None:
    del file.attrs["layer_names"]


def _keras3(file: h5py.File) -> None:
    del file.attrs["layer_names"]
    file.create_dataset("layers/conv2d/vars/0", data=np.ones((7, 7, 3, 64), "f4"))


SPOILT: dict[Callable[[h5py.File], None], str] = {
    _soft_link: "ForeignLink",
    _external_link: "ForeignLink",
    _external_home: "ForeignLink",
    _external_bytes: "ForeignLink",
    _virtual: "ForeignLink",
    _huge: "SizeLimit",
    _huge_chunk: "SizeLimit",
    _many_names: "SizeLimit",
    _other_filter: "BadWeights",
    _text: "BadWeights",
    _absent: "BadWeights",
    _unnamed: "OtherLayout",
    _keras3: "OtherLayout",
}


@pytest.mark.parametrize("spoil", SPOILT)
def test_hostile_and_foreign_files_are_refused(
    spoil: Callable[[h5py.File], None], networks: dict[str, Arrays], tmp_path: Path
) -> None:
    file = write_h5(tmp_path / "w.h5", {name: networks["resnet50_keras"][name] for name in STEM})
    with h5py.File(file, "r+") as opened:
        spoil(opened)
    assert _refused(file).code == SPOILT[spoil]


def test_a_file_cut_short_is_refused(networks: dict[str, Arrays], tmp_path: Path) -> None:
    file = write_h5(tmp_path / "w.h5", networks["densenet121_keras"])
    file.write_bytes(file.read_bytes()[:600_000])
    assert _refused(file).code == "BadWeights"


def test_damaged_bytes_never_end_the_program(
    networks: dict[str, Arrays], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The HDF5 library may crash or run for ever on such files: it does so in a process of its own."""
    monkeypatch.setattr(keras_h5, "_SECONDS", 5.0)
    whole = write_h5(tmp_path / "w.h5", {name: networks["resnet50_keras"][name] for name in STEM}).read_bytes()
    random = np.random.default_rng(0)
    for attempt in range(12):
        damaged = bytearray(whole)
        for place in random.integers(0, 4096, 24).tolist():
            damaged[place] = int(random.integers(256))
        file = tmp_path / f"{attempt}.h5"
        file.write_bytes(damaged)
        _refused(file)


def test_a_missing_h5py_is_named_with_its_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    error = _refused(tmp_path / "w.h5")
    assert error.code == "MissingPackage"
    assert "medtransfer[h5]" in (error.hint or "")


def test_an_absent_file_is_refused(tmp_path: Path) -> None:
    assert _refused(tmp_path / "w.h5").code == "BadWeights"
