"""`medtransfer compare`: what it prints, writes and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rivals import rival

from medtransfer.cli.main import main
from medtransfer.evaluation.predictions_io import write_predictions


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    places = []
    for letter in "abc":
        place = tmp_path / letter
        place.mkdir()
        write_predictions(rival(letter), place)
        places.append(str(place))
    return places


def test_two_models(folders: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *folders[:2], "--margin", "0.05", "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert said.startswith("On 160 studies of 82 patients that both models answered:")
    assert f"report: {tmp_path / 'out' / 'comparison.html'}" in said
    assert main(["compare", *folders[:2], "--margin", "0.05", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((tmp_path / "out" / "comparison.json").read_text(encoding="utf-8"))
    assert printed["schema_version"] == 1


def test_three_models_and_another_metric(folders: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--metric", "brier", "--names", "one", "two", "three", "--json"]
    assert main(["compare", *folders, *words]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["metric"] == said["differences"][0]["metric"] == "brier"
    assert [model["name"] for model in said["models"]] == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--metric", "aurok"], "UnknownEntry"),
        (["--margin", "-1"], "NoMargin"),
        (["--names", "one"], "NamesDiffer"),
    ],
)
def test_what_cannot_be_used_ends_with_2(
    folders: list[str], words: list[str], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", *folders[:2], *words]) == 2
    assert f"[{code}]" in capsys.readouterr().err


def test_predictions_that_are_not_there(folders: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", folders[0], str(tmp_path / "nothing"), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "NotFound"
