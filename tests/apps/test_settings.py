"""What the app is started with."""

from __future__ import annotations

from pathlib import Path

import pytest

from apps.settings import read_settings


@pytest.mark.parametrize("arguments", [[], ["--bundle"], ["--other", "x"], ["--studies", "x"], ["--help"]])
def test_wrong_arguments_become_a_sentence(arguments: list[str]) -> None:
    found = read_settings(arguments)
    assert found.problem.endswith(".")
    assert found.bundle is None


def test_right_arguments_are_read() -> None:
    found = read_settings(["--bundle", "a", "--studies", "b"])
    assert (str(found.bundle), str(found.studies), found.problem) == ("a", "b", "")


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ('reveal = "sometimes"', "reveal"),
        ("prevalence = 8", "prevalence"),
        ("triage", "TOML"),
        ("nothing = 1", "nothing"),
        ('readers = "anna"', "readers"),
    ],
)
def test_a_wrong_clinics_file_closes_the_app(tmp_path: Path, said: str, word: str) -> None:
    (tmp_path / "clinic.toml").write_text(said)
    found = read_settings(["--bundle", "a", "--clinic", str(tmp_path / "clinic.toml")])
    assert found.bundle is None
    assert word in found.problem
    assert found.clinic.reveal == "after_impression"


def test_an_absent_clinics_file_closes_the_app() -> None:
    assert "cannot be read" in read_settings(["--bundle", "a", "--clinic", "nowhere.toml"]).problem


def test_the_clinics_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "clinic.toml").write_text(
        'reveal = "always"\ntriage = true\nprevalence = 0.08\nprotocol = "P1"\nreaders = ["a@b.org"]\n'
    )
    clinic = read_settings(["--bundle", "a", "--clinic", str(tmp_path / "clinic.toml")]).clinic
    assert (clinic.reveal, clinic.triage, clinic.prevalence, clinic.protocol) == ("always", True, 0.08, "P1")
    assert clinic.readers == ("a@b.org",)


def test_without_a_clinics_file_nothing_is_revealed_sorted_or_exported() -> None:
    clinic = read_settings(["--bundle", "a"]).clinic
    assert (clinic.reveal, clinic.triage, clinic.protocol, clinic.readers) == ("after_impression", False, "", ())
