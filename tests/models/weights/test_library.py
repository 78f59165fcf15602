"""Where imported weights are, what they may be called, and what is said of a name that nobody gave."""

from __future__ import annotations

from pathlib import Path

import pytest

from medtransfer.core.errors import WeightsError
from medtransfer.models.weights.library import (
    imported_file,
    imported_names,
    is_name,
    library_folder,
    located,
    require_name,
)


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MEDTRANSFER_WEIGHTS", str(tmp_path))
    for name in ("radimagenet", "xrv.v1"):
        imported_file(name).touch()
        imported_file(name).with_suffix(".json").touch()
    (tmp_path / "half.safetensors").touch()
    return tmp_path


def test_the_folder_is_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("MEDTRANSFER_WEIGHTS", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert library_folder() == tmp_path / ".local/share/medtransfer/weights"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert library_folder() == tmp_path / "data/medtransfer/weights"
    monkeypatch.setenv("MEDTRANSFER_WEIGHTS", str(tmp_path / "own"))
    assert library_folder() == tmp_path / "own"
    assert imported_names() == ()


def test_only_what_has_its_sidecar_is_there(library: Path) -> None:
    assert imported_names() == ("radimagenet", "xrv.v1")
    assert located("xrv.v1") == library / "xrv.v1.safetensors"
    with pytest.raises(WeightsError) as caught:
        located("half")
    assert caught.value.code == "UnknownWeights"


@pytest.mark.usefixtures("library")
def test_a_misspelt_name_is_suggested() -> None:
    with pytest.raises(WeightsError, match="Did you mean 'radimagenet'") as caught:
        located("radimagnet")
    assert caught.value.code == "UnknownWeights"
    assert "xrv.v1" in str(caught.value.hint)


def test_a_name_whose_file_is_gone_says_which(library: Path) -> None:
    imported_file("radimagenet").unlink()
    with pytest.raises(WeightsError) as caught:
        located("radimagenet")
    assert (caught.value.code, caught.value.path) == ("NotFound", str(library / "radimagenet.safetensors"))


def test_a_path_is_a_local_file(library: Path, tmp_path: Path) -> None:
    assert located(tmp_path / "half.safetensors") == library / "half.safetensors"
    with pytest.raises(WeightsError) as caught:
        located(tmp_path / "absent.pth")
    assert caught.value.code == "NotFound"


@pytest.mark.parametrize("name", ["radimagenet", "RIN-1.0_b", "x", "7"])
def test_names(name: str) -> None:
    assert is_name(name)
    require_name(name)


@pytest.mark.parametrize(
    "name", ["", "none", "imagenet", ".hidden", "-x", "a/b", "..", "a b", "ü", "w.pth", "w.H5", "a\n", "a" * 101]
)
def test_what_is_no_name(name: str) -> None:
    assert not is_name(name)
    with pytest.raises(WeightsError) as caught:
        require_name(name)
    assert caught.value.code == "BadName"
