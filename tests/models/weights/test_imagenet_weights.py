"""ImageNet weights come from torchvision's cache, and from the network only where asked for."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from loopback import Site, serving

from medtransfer.core.files import file_digest
from medtransfer.core.torchvision_guard import import_torchvision
from medtransfer.models.assemble import BACKBONES
from medtransfer.models.weights.load import load_weights
from medtransfer.models.weights.sidecar import InputSpec

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


def _published(folder: Path, state: State, *, digest: str | None = None) -> Path:
    """A file named as torchvision's are, by the start of its digest."""
    torch.save(state, folder / "unnamed.pth")
    found = hashlib.sha256((folder / "unnamed.pth").read_bytes()).hexdigest()[:8]
    return (folder / "unnamed.pth").rename(folder / f"squeezenet1_1-{digest or found}.pth")


def _asked_for(monkeypatch: pytest.MonkeyPatch, url: str, *, name: str = "squeezenet1_1") -> None:
    """Torchvision made to have its weights at another address."""
    entry = import_torchvision().models.get_model_weights(name).DEFAULT
    monkeypatch.setattr(entry.value, "url", url)


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

    monkeypatch.setattr("medtransfer.models.weights.load.fetch", unexpected)
    error = refused(squeezenet, "imagenet", name="squeezenet1_1")
    assert error.code == "NotDownloaded"
    assert error.path
    assert error.path.endswith("squeezenet1_1-b8a52dc0.pth")


def test_the_caches_file_is_loaded_with_torchvisions_input(
    squeezenet: Backbone, squeezenet_state: State, hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _published(hub, squeezenet_state)
    _asked_for(monkeypatch, f"https://example.org/{file.name}")
    found = load_weights(squeezenet, "imagenet", name="squeezenet1_1")
    assert found.sha256 == file_digest(file)
    assert found.spec == InputSpec(size=(224, 224), mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    loaded = squeezenet.network.state_dict()
    assert all(torch.equal(value, squeezenet_state[key]) for key, value in loaded.items())


def test_a_cached_file_that_is_not_what_its_name_says_is_refused(
    squeezenet: Backbone, squeezenet_state: State, hub: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    file = _published(hub, squeezenet_state)
    _asked_for(monkeypatch, f"https://example.org/{file.name}")
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    error = refused(squeezenet, "imagenet", name="squeezenet1_1")
    assert (error.code, error.path) == ("Altered", str(file))


def test_a_cached_file_of_another_layout_is_refused(
    squeezenet: Backbone, squeezenet_state: State, hub: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    del squeezenet_state["features.0.weight"]
    _asked_for(monkeypatch, f"https://example.org/{_published(hub, squeezenet_state).name}")
    assert refused(squeezenet, "imagenet", name="squeezenet1_1").code == "KeysDoNotFit"


def test_what_is_asked_for_is_fetched_once_and_resumed(
    squeezenet: Backbone, squeezenet_state: State, hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _published(tmp_path, squeezenet_state)
    with serving(Site(file.read_bytes(), cuts=[100_000])) as site:
        _asked_for(monkeypatch, site.url(file.name))
        load_weights(squeezenet, "imagenet", name="squeezenet1_1", download=True)
    assert site.asked == ["", "bytes=100000-"]
    assert torch.equal(squeezenet.network.state_dict()["features.0.weight"], squeezenet_state["features.0.weight"])
    assert (hub / file.name).read_bytes() == file.read_bytes()
    load_weights(squeezenet, "imagenet", name="squeezenet1_1", download=True)


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize(("digest", "code"), [(None, "DownloadFailed"), ("00000000", "Altered")])
def test_a_failed_fetch_is_said_in_our_words(
    squeezenet: Backbone,
    squeezenet_state: State,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    digest: str | None,
    code: str,
    refused: Refused,
) -> None:
    file = _published(tmp_path, squeezenet_state, digest=digest)
    with serving(Site(file.read_bytes(), cuts=[] if digest else [0] * 5)) as site:
        _asked_for(monkeypatch, site.url(file.name))
        assert refused(squeezenet, "imagenet", name="squeezenet1_1", download=True).code == code


def test_inception_is_shown_what_torchvision_makes_of_imagenets_normalisation(
    hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Torchvision turns (x − μ)/σ into (x − ½)/½ inside the network; ours is told to expect that."""
    models = import_torchvision().models
    state = models.inception_v3(weights=None, init_weights=False).state_dict()
    torch.save(state, hub / "unnamed.pth")
    name = f"inception_v3-{file_digest(hub / 'unnamed.pth')[:8]}.pth"
    (hub / "unnamed.pth").rename(hub / name)
    _asked_for(monkeypatch, f"https://example.org/{name}", name="inception_v3")
    backbone = BACKBONES.get("inception_v3")(in_channels=3).eval()
    spec = load_weights(backbone, "imagenet", name="inception_v3").spec
    origin = models.inception_v3(weights=None, init_weights=False, transform_input=True).eval()
    origin.load_state_dict(state)
    origin.fc = torch.nn.Identity()
    pictures = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    shape = (1, 3, 1, 1)
    shown = (pictures - torch.tensor(spec.mean).view(shape)) / torch.tensor(spec.std).view(shape)
    usual = InputSpec()
    normalised = (pictures - torch.tensor(usual.mean).view(shape)) / torch.tensor(usual.std).view(shape)
    with torch.inference_mode():
        torch.testing.assert_close(backbone(shown), origin(normalised), rtol=1e-3, atol=1e-4)


@pytest.mark.usefixtures("hub")
def test_a_network_that_torchvision_does_not_know_has_no_imagenet_weights(
    toy: Callable[[], Backbone], refused: Refused
) -> None:
    assert refused(toy(), "imagenet", name="toy").code == "NoWeights"
