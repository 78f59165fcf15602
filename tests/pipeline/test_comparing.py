"""`mt.compare`: from folders of predictions, or from predictions themselves."""

from __future__ import annotations

from pathlib import Path

import pytest
from rivals import rival, unread

import medtransfer as mt
from medtransfer.core.errors import ConfigError, OutputError, PredictionsError
from medtransfer.evaluation.predictions_io import write_predictions
from medtransfer.pipeline.comparing import told_apart


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    places = tmp_path / "pneumonia" / "test", tmp_path / "second" / "test"
    for place, one in zip(places, (unread(rival("a"), [3]), rival("b")), strict=True):
        place.mkdir(parents=True)
        write_predictions(one, place)
    return places


def test_folders_and_values_say_the_same(folders: tuple[Path, Path], tmp_path: Path) -> None:
    written = mt.compare(*folders, margin=0.05, out=tmp_path / "out", replicates=200)
    assert [model.name for model in written.models] == ["pneumonia", "second"]
    assert "s003,failed,pneumonia" in (tmp_path / "out" / "left_out.csv").read_text(encoding="utf-8")
    found = mt.compare(
        unread(rival("a"), [3]),
        folders[1] / "predictions.csv",
        names=["pneumonia", "second"],
        margin=0.05,
        replicates=200,
    )
    assert found == written


def test_a_folder_that_cannot_be_written_is_said_first(folders: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        mt.compare(*folders, out=tmp_path / "file")


def test_one_model_and_the_same_model_twice(folders: tuple[Path, Path]) -> None:
    with pytest.raises(ConfigError, match="needs two"):
        mt.compare(folders[0])
    with pytest.raises(PredictionsError) as error:
        mt.compare(folders[0], folders[0])
    assert error.value.code == "SameBundle"


@pytest.mark.parametrize(
    ("places", "names"),
    [
        (("runs/a/test", "runs/b/test"), ("a", "b")),
        (("runs/a/test/predictions.csv", "runs/b/test"), ("a", "b")),
        (("runs/a/test", "runs/a/other"), ("test", "other")),
        (("runs/a/x/test", "runs/b/test"), ("a/x", "b")),
        (("runs/a", "runs/a"), ("model 1", "model 2")),
        (("runs/a;b", "runs/c"), ("model 1", "model 2")),
    ],
)
def test_names_are_what_tells_folders_apart(places: tuple[str, ...], names: tuple[str, ...]) -> None:
    assert told_apart(places) == names


def test_values_are_numbered() -> None:
    assert told_apart((rival("a"), "runs/b", rival("c"))) == ("model 1", "model 2", "model 3")
