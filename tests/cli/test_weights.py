"""The command `weights`: what it writes and says, and that it fetches nothing on its own."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from loopback import Site, serving
from origins import RadImageNetBackbone, saved, torchvision_network

from medtransfer.cli.main import main
from medtransfer.models.weights.library import imported_file
from medtransfer.models.weights.sidecar import read_sidecar


@pytest.fixture(autouse=True)
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MEDTRANSFER_WEIGHTS", str(tmp_path / "library"))
    return tmp_path / "library"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return saved(torchvision_network("squeezenet1_1").state_dict(), tmp_path / "mine.pth")


def run(*words: str | Path, expect: int = 0) -> None:
    assert main(["weights", *map(str, words)]) == expect


def test_import_and_list(file: Path, library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("list")
    assert "no weights were imported yet" in capsys.readouterr().out
    run("import", file, "--as", "mine", "--set", "mean=[0.5,0.5,0.5]", "--licence", "MIT", "--modality", "CT", "--json")
    said = json.loads(capsys.readouterr().out)
    written = library / "mine.safetensors"
    assert list(said) == ["name", "file", "sidecar"]
    assert said["file"] == str(written)
    sidecar = read_sidecar(written)
    assert said["sidecar"] == sidecar.as_json()
    assert (sidecar.backbone, sidecar.licence, sidecar.modalities) == ("squeezenet1_1", "MIT", ("CT",))
    assert (sidecar.input.mean, sidecar.input_source) == ((0.5, 0.5, 0.5), "stated")
    (library / "broken.json").write_text("{")
    run("list")
    text = capsys.readouterr().out
    assert "mine: squeezenet1_1, trained on not stated; for CT; input stated; licence MIT" in text
    assert "broken: the sidecar cannot be used" in text
    run("list", "--json")
    listed = json.loads(capsys.readouterr().out)
    assert [entry["name"] for entry in listed["weights"]] == ["broken", "mine"]


def test_the_words_of_a_sidecar_act_on_no_terminal(
    file: Path, library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("import", file, "--as", "mine", "--quiet")
    kept = library / "mine.json"
    words = dict.fromkeys(("backbone", "licence", "pretrained_on", "origin", "layout"), "\x1b]0;x\x07\n\u202e")
    kept.write_text(json.dumps({**json.loads(kept.read_text()), **words, "modalities": ["\x1b[2J"]}))
    (library / "odd.json").write_text(json.dumps({"\x1b[2J": 1}))
    for command in ("weights", "list"), ("doctor",):
        assert main([*command]) == 0
        said = capsys.readouterr().out
        assert "mine" in said
        assert not set(said) & {"\x1b", "\x07", "\u202e"}


def test_what_nobody_said_is_pointed_out(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("import", file, "--as", "mine", "--out", tmp_path / "elsewhere")
    said = capsys.readouterr().out
    assert "licence: not stated" in said
    assert "medtransfer weights probe mine COHORT --store" in said
    assert "--weights mine" in said
    assert (tmp_path / "elsewhere" / "mine.json").is_file()


def test_the_wrong_network_ends_with_2_and_the_right_ones_name(
    tmp_path: Path, library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = RadImageNetBackbone(torchvision_network("densenet121"), -1).state_dict()
    file = saved(state, tmp_path / "DenseNet121.pt")
    run("import", file, "--as", "radimagenet", "--backbone", "resnet50", "--json", expect=2)
    said = capsys.readouterr()
    assert json.loads(said.out)["error"]["code"] == "OtherBackbone"
    assert "Use --backbone densenet121" in said.err
    assert not library.exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("import", "absent.pth", "--as", "mine"), "NotFound"),
        (("import", "FILE", "--as", "imagenet"), "BadName"),
        (("import", "FILE", "--as", "mine", "--backbone", "squeezenet"), "UnknownEntry"),
        (("import", "FILE", "--as", "mine", "--set", "men=[0,0,0]"), "UnknownKey"),
        (("import", "FILE", "--as", "mine", "--set", "mean=[0.5]"), "BadValue"),
        (("probe", "absent", "cohort.csv"), "UnknownWeights"),
        (("fetch", "https://127.0.0.1:9/w.pth", "--download"), "NoDigest"),
        (("fetch", "https://127.0.0.1:9/w.pth", "--sha256", "0" * 64), "NotDownloaded"),
        (("fetch", "https://127.0.0.1:9/", "--sha256", "0" * 64, "--download"), "NoDigest"),
        (("fetch", "http://example.org/w.pth", "--sha256", "0" * 64, "--download"), "BadAddress"),
        (("fetch", "resnet5", "--download"), "NoWeights"),
    ],
)
def test_what_cannot_be_done_ends_with_2(
    words: tuple[str, ...], code: str, file: Path, library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(*(file if word == "FILE" else word for word in words), expect=2)
    said = capsys.readouterr().err
    assert f"[{code}]" in said
    assert "→" in said
    assert not library.exists()


class Answer:
    text = "the statistics fit [-1, 1]"

    def as_json(self) -> dict[str, str]:
        return {"best": "[-1, 1]"}


def test_probe_shows_and_keeps_the_answer(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def probe_weights(*places: Path, **options: object) -> Answer:
        asked.append((*places, options))
        return Answer()

    monkeypatch.setattr("medtransfer.pipeline.story.probe_weights", probe_weights, raising=False)
    run("import", file, "--as", "mine", "--quiet")
    run("probe", "mine", tmp_path / "cohort.csv", "--images", "20", "--store", "--out", tmp_path)
    assert "the statistics fit" in capsys.readouterr().out
    ((found, cohort, options),) = asked
    assert found == imported_file("mine")
    assert cohort == tmp_path / "cohort.csv"
    assert options == {"backbone": None, "images": 20, "store": True, "quiet": False}
    assert json.loads((tmp_path / "probe.json").read_text()) == {"best": "[-1, 1]"}


def test_fetch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = bytes(range(256)) * 100
    digest = hashlib.sha256(content).hexdigest()
    with serving(Site(content, cuts=[500])) as site:
        words = ("fetch", site.url("some%20weights.pth"), "--sha256", digest)
        run(*words, expect=2)
        assert site.asked == []
        run(*words, "--download", "--out", tmp_path / "down", "--json")
    file = tmp_path / "down" / "some weights.pth"
    assert json.loads(capsys.readouterr().out) == {"file": str(file), "sha256": digest, "bytes": len(content)}
    assert file.read_bytes() == content
    assert site.asked == ["", "bytes=500-"]


def test_fetch_of_a_network_is_refused_without_the_flag(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unexpected(*_: object, **__: object) -> None:
        pytest.fail("the network was touched")

    monkeypatch.setattr("medtransfer.models.weights.load.fetch", unexpected)
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path))
    run("fetch", "resnet18", expect=2)
    assert "[NotDownloaded]" in capsys.readouterr().err
