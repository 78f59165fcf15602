"""An import is whole, says where it came from, and never takes another's name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from origins import State, require_all_landed, saved, torchvision_network
from safetensors.torch import load_file

from medtransfer.core.config.models import BACKBONES
from medtransfer.core.errors import WeightsError
from medtransfer.core.files import file_digest
from medtransfer.models.weights.importing import Stated, import_weights, store_input
from medtransfer.models.weights.load import load_weights
from medtransfer.models.weights.sidecar import InputSpec, Sidecar, read_sidecar


@pytest.fixture(scope="module")
def origin() -> State:
    return dict(torchvision_network("squeezenet1_1").state_dict())


@pytest.fixture
def file(origin: State, tmp_path: Path) -> Path:
    return saved(origin, tmp_path / "weights.pth")


def refused(file: Path, **options: object) -> WeightsError:
    """The error of an import, after which the library is as it was."""
    library = file.parent / "library"
    before = sorted(library.glob("**/*"))
    with pytest.raises(WeightsError) as caught:
        import_weights(file, **{"name": "mine", "folder": library, **options})
    assert sorted(library.glob("**/*")) == before
    assert caught.value.hint
    return caught.value


def test_the_sidecar_says_what_is_known(file: Path, origin: State, tmp_path: Path) -> None:
    spec = InputSpec(mean=(0.1, 0.2, 0.3))
    stated = Stated(licence="MIT", origin="https://example.org", pretrained_on="knees", modalities=("MR",), input=spec)
    written = import_weights(file, name="mine", stated=stated, folder=tmp_path / "library")
    assert read_sidecar(written) == Sidecar(
        backbone="squeezenet1_1",
        pretrained_on="knees",
        layout="plain",
        sha256=file_digest(written),
        input=spec,
        modalities=("MR",),
        licence="MIT",
        origin="https://example.org",
        original_sha256=file_digest(file),
    )
    kept = load_file(written)
    assert kept.keys() == origin.keys(), "the origin's head stays"
    assert all(torch.equal(kept[key], value) for key, value in origin.items())


def test_what_stands_in_a_sidecar_need_not_be_said_again(file: Path, tmp_path: Path) -> None:
    spec = InputSpec(mean=(0.1, 0.2, 0.3), colour="BGR")
    beside = Sidecar(
        backbone="squeezenet1_1", pretrained_on="knees", sha256=file_digest(file), input=spec, licence="MIT"
    )
    file.with_suffix(".json").write_text(beside.model_dump_json())
    written = read_sidecar(import_weights(file, name="mine", folder=tmp_path / "library"))
    assert (written.input, written.pretrained_on, written.licence) == (spec, "knees", "MIT")
    assert written.input_source == "stated"


def test_a_file_that_is_not_its_sidecars_is_refused(file: Path) -> None:
    beside = Sidecar(backbone="squeezenet1_1", pretrained_on="", sha256="0" * 64, input=InputSpec())
    file.with_suffix(".json").write_text(beside.model_dump_json())
    assert refused(file).code == "Altered"


def test_a_sidecar_runs_no_code_of_its_own(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "planted.py").write_text("from pathlib import Path\nPath(__file__).with_name('canary').touch()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    beside = Sidecar(backbone="planted:build", pretrained_on="", sha256=file_digest(file), input=InputSpec())
    file.with_suffix(".json").write_text(beside.model_dump_json())
    assert refused(file).code == "OwnCode"
    assert not (tmp_path / "canary").exists()


def test_a_sidecar_may_name_the_users_own_network_where_the_user_does(file: Path, tmp_path: Path) -> None:
    own = "medtransfer.models.backbones.squeezenet1_1:build"
    beside = Sidecar(backbone=own, pretrained_on="", sha256=file_digest(file), input=InputSpec())
    file.with_suffix(".json").write_text(beside.model_dump_json())
    assert read_sidecar(import_weights(file, name="mine", backbone=own, folder=tmp_path / "library")).backbone == own


def test_the_same_import_twice_changes_nothing_and_another_is_refused(
    file: Path, origin: State, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    written = import_weights(file, name="mine", folder=library)
    before = {path: path.read_bytes() for path in library.iterdir()}
    import_weights(file, name="mine", folder=library)
    assert {path: path.read_bytes() for path in library.iterdir()} == before
    assert refused(file, stated=Stated(licence="MIT")).code == "NameTaken"
    saved({key: value * 2 for key, value in origin.items()}, file)
    assert refused(file).code == "NameTaken"
    assert file_digest(written) == read_sidecar(written).sha256


def test_an_interrupted_import_leaves_no_name(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("medtransfer.models.weights.importing.write_text", interrupted)
    with pytest.raises(KeyboardInterrupt):
        import_weights(file, name="mine", folder=tmp_path / "library")
    monkeypatch.undo()
    assert not list((tmp_path / "library").glob("*.json"))
    import_weights(file, name="mine", folder=tmp_path / "library")


@pytest.mark.parametrize("share", [0.05, 0.5, 0.999])
@pytest.mark.parametrize("form", ["zip", "old", "safetensors"])
def test_a_truncated_file_is_refused_with_its_size(origin: State, tmp_path: Path, share: float, form: str) -> None:
    file = tmp_path / "weights.bin"
    if form == "safetensors":
        from safetensors.torch import save_file

        save_file(origin, file)
    else:
        torch.save(origin, file, _use_new_zipfile_serialization=form == "zip")
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    error = refused(file)
    assert error.code == "Truncated"
    assert f"{file.stat().st_size:,}" in error.message


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<!DOCTYPE html><html>Virus scan warning", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "Git LFS"),
        (b"\x08\x00\x00\x00\x00\x00\x00\x00{broken}", "damaged"),
        (b"", "damaged"),
    ],
)
def test_what_is_no_weight_file_is_called_what_it_is(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "weights.pth").write_bytes(content)
    error = refused(tmp_path / "weights.pth")
    assert error.code == "BadWeights"
    assert said in str(error.hint)


def test_an_absent_file(tmp_path: Path) -> None:
    assert refused(tmp_path / "absent.pth").code == "NotFound"


def test_a_name_that_is_none(file: Path) -> None:
    assert refused(file, name="imagenet").code == "BadName"


def test_weights_of_another_network_are_called_what_they_are(file: Path) -> None:
    error = refused(file, backbone="mobilenet_v2")
    assert error.code == "OtherBackbone"
    assert error.message == "these weights are for squeezenet1_1, not for mobilenet_v2"


def test_names_that_fit_two_networks_are_asked_about(tmp_path: Path) -> None:
    state = torchvision_network("densenet121").state_dict()
    error = refused(saved(state, tmp_path / "densenet.pth"))
    assert error.code == "WhichBackbone"
    assert "densenet121 and densenet121_keras would fit" in error.message


def without_one(state: State) -> State:
    return {key: value for key, value in state.items() if key != "features.3.squeeze.bias"}


def not_finite(state: State) -> State:
    return {**state, "features.3.squeeze.bias": state["features.3.squeeze.bias"] * torch.nan}


def sparse_head(state: State) -> State:
    return {**state, "classifier.1.bias": state["classifier.1.bias"].to_sparse()}


@pytest.mark.parametrize(
    ("change", "code"), [(without_one, "KeysDoNotFit"), (not_finite, "NotFinite"), (sparse_head, "NotPlain")]
)
def test_what_is_incomplete_or_damaged_is_not_imported(
    origin: State, tmp_path: Path, change: Callable[[State], State], code: str
) -> None:
    file = saved(change(origin), tmp_path / "weights.pth")
    assert refused(file, backbone="squeezenet1_1").code == code


def test_a_specification_of_other_channels_is_refused(file: Path) -> None:
    stated = Stated(input=InputSpec(channels=1, mean=(0.5,), std=(0.5,)))
    assert refused(file, stated=stated).code == "OtherChannels"


def test_tensors_that_share_memory_are_kept_apart(origin: State, tmp_path: Path) -> None:
    shared = torch.zeros(64, 16, 1, 1)
    state = {**origin, "features.3.expand1x1.weight": shared, "features.4.expand1x1.weight": shared.transpose(0, 0)}
    file = saved(state, tmp_path / "shared.pth")
    written = import_weights(file, name="mine", folder=tmp_path / "library")
    backbone = BACKBONES.get("squeezenet1_1")(in_channels=3)
    load_weights(backbone, str(written), name="squeezenet1_1")
    require_all_landed(backbone, state)


def test_a_corrected_specification_is_loaded(file: Path, tmp_path: Path) -> None:
    written = import_weights(file, name="mine", folder=tmp_path / "library")
    found = InputSpec(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    store_input(written, found, source="probed")
    assert json.loads(written.with_suffix(".json").read_text())["input_source"] == "probed"
    backbone = BACKBONES.get("squeezenet1_1")(in_channels=3)
    assert load_weights(backbone, str(written), name="squeezenet1_1").spec == found


def test_one_channel_networks_take_the_weights_too(file: Path, tmp_path: Path) -> None:
    """With one mean and one deviation for all channels, the two networks say the same to the border."""
    stated = Stated(input=InputSpec(mean=(0.5,) * 3, std=(0.25,) * 3))
    written = str(import_weights(file, name="mine", stated=stated, folder=tmp_path / "library"))
    colour = BACKBONES.get("squeezenet1_1")(in_channels=3).eval()
    grey = BACKBONES.get("squeezenet1_1")(in_channels=1).eval()
    load_weights(colour, written, name="squeezenet1_1")
    assert load_weights(grey, written, name="squeezenet1_1").spec == InputSpec(channels=1, mean=(0.5,), std=(0.25,))
    pictures = torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.testing.assert_close(grey(pictures), colour(pictures.expand(-1, 3, -1, -1)), rtol=1e-3, atol=1e-4)
