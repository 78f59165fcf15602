"""ImageNet weights come from torchvision's cache, and from the network only where asked for."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from medtransfer.core.torchvision_guard import import_torchvision
from medtransfer.models.assemble import BACKBONES
from medtransfer.models.input_spec import InputSpec
from medtransfer.models.weights import load_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from medtransfer.core.errors import WeightsError
    from medtransfer.models.backbone import Backbone

    State = dict[str, torch.Tensor]
    Refused = Callable[..., WeightsError]
    WriteWeights = Callable[..., Path]
    WriteSidecar = Callable[..., Path]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Path]:
    before = torch.hub.get_dir()
    torch.hub.set_dir(str(tmp_path / "hub"))
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    yield tmp_path / "hub" / "checkpoints"
    torch.hub.set_dir(before)


def _published(monkeypatch: pytest.MonkeyPatch, folder: Path, state: State, *, digest: str | None = None) -> Path:
    """A file named as torchvision's are, by the start of its digest, and torchvision made to ask for it."""
    torch.save(state, folder / "unnamed.pth")
    found = hashlib.sha256((folder / "unnamed.pth").read_bytes()).hexdigest()[:8]
    file = (folder / "unnamed.pth").rename(folder / f"squeezenet1_1-{digest or found}.pth")
    entry = import_torchvision().models.get_model_weights("squeezenet1_1").DEFAULT
    monkeypatch.setattr(entry.value, "url", file.as_uri())
    return file


@pytest.fixture
def squeezenet() -> Backbone:
    return BACKBONES.get("squeezenet1_1")(in_channels=3)


@pytest.fixture
def squeezenet_state() -> State:
    return import_torchvision().models.get_model("squeezenet1_1", weights=None).state_dict()


@pytest.mark.usefixtures("hub")
def test_nothing_is_fetched_unless_asked_for(
    squeezenet: Backbone, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    def unexpected(*_: object, **__: object) -> None:
        pytest.fail("the network was touched")

    monkeypatch.setattr(torch.hub, "download_url_to_file", unexpected)
    error = refused(squeezenet, "imagenet", name="squeezenet1_1")
    assert error.code == "NotDownloaded"
    assert error.path
    assert error.path.endswith("squeezenet1_1-b8a52dc0.pth")


def test_the_caches_file_is_loaded_with_torchvisions_input(
    squeezenet: Backbone, squeezenet_state: State, hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _published(monkeypatch, hub, squeezenet_state)
    spec = load_weights(squeezenet, "imagenet", name="squeezenet1_1")
    assert spec == InputSpec(size=(224, 224), mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    loaded = squeezenet.network.state_dict()
    assert all(torch.equal(value, squeezenet_state[key]) for key, value in loaded.items())


def test_a_cached_file_that_is_not_what_its_name_says_is_refused(
    squeezenet: Backbone, squeezenet_state: State, hub: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    file = _published(monkeypatch, hub, squeezenet_state)
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    error = refused(squeezenet, "imagenet", name="squeezenet1_1")
    assert (error.code, error.path) == ("Altered", str(file))


def test_a_cached_file_of_another_layout_is_refused(
    squeezenet: Backbone, squeezenet_state: State, hub: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    del squeezenet_state["features.0.weight"]
    _published(monkeypatch, hub, squeezenet_state)
    assert refused(squeezenet, "imagenet", name="squeezenet1_1").code == "KeysDoNotFit"


def test_what_is_asked_for_is_fetched_once(
    squeezenet: Backbone, squeezenet_state: State, hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _published(monkeypatch, tmp_path, squeezenet_state)
    load_weights(squeezenet, "imagenet", name="squeezenet1_1", download=True)
    assert torch.equal(squeezenet.network.state_dict()["features.0.weight"], squeezenet_state["features.0.weight"])
    assert (hub / file.name).read_bytes() == file.read_bytes()
    file.unlink()
    load_weights(squeezenet, "imagenet", name="squeezenet1_1", download=True)


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("digest", [None, "00000000"], ids=["absent", "altered"])
def test_a_failed_fetch_is_said_in_our_words(
    squeezenet: Backbone,
    squeezenet_state: State,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    digest: str | None,
    refused: Refused,
) -> None:
    file = _published(monkeypatch, tmp_path, squeezenet_state, digest=digest)
    if digest is None:
        file.unlink()
    assert refused(squeezenet, "imagenet", name="squeezenet1_1", download=True).code == "DownloadFailed"


@pytest.mark.usefixtures("hub")
def test_a_network_that_torchvision_does_not_know_has_no_imagenet_weights(
    toy: Callable[[], Backbone], refused: Refused
) -> None:
    assert refused(toy(), "imagenet", name="toy").code == "NoWeights"
