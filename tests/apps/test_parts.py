"""The app's parts that draw nothing: settings, studies in a folder, uploads, words, windows."""

from __future__ import annotations

import gc
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps import studies as studies_module
from apps.pictures import windowed
from apps.settings import read_settings
from apps.studies import list_studies
from apps.text import LONGEST, printable
from apps.uploads import Spool
from apps.words import decision, flag, interval, note, number, rule, value, windows
from medtransfer.core.results import Estimate, OperatingPoint


@dataclass
class Upload:
    name: str
    content: bytes
    file_id: str = "1"

    @property
    def size(self) -> int:
        return len(self.content)

    def getbuffer(self) -> memoryview:
        return memoryview(self.content)


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


def test_names_that_print_alike_are_told_apart(tmp_path: Path) -> None:
    for name in (b"a\xff.png", b"a\xfe.png"):
        (Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))).write_bytes(b"")
    names = [study.name for study in list_studies(tmp_path).studies]
    assert names == ["a\ufffd.png", "a\ufffd.png (2)"]


def test_a_study_arrives_with_its_newest_file(tmp_path: Path) -> None:
    for name, at in (("one.png", 100), ("two.png", 300), ("three.png", 200)):
        file = tmp_path / "study" / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"")
        os.utime(file, (at, at))
    assert [study.arrived for study in list_studies(tmp_path).studies] == [300]


def test_a_study_is_a_file_at_the_top_or_a_folder_with_images(tmp_path: Path) -> None:
    for name in (
        "a.png",
        "notes.txt",
        ".hidden.png",
        "deep/er/x.DCM",
        "deep/er/y.jpg",
        "deep/readme.md",
        ".git/z.png",
        "scan.nii.gz",
        "mr/a.nii",
        "mr/b.nii",
    ):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"")
    (tmp_path / "no_suffix").write_bytes(bytes(128) + b"DICM")
    listing = list_studies(tmp_path)
    assert [(study.name, study.names) for study in listing.studies] == [
        ("a.png", ("a.png",)),
        ("no_suffix", ("no_suffix",)),
        ("scan.nii.gz", ("scan.nii.gz",)),
        ("deep/er", ("x.DCM", "y.jpg")),
        ("mr/a.nii", ("a.nii",)),
        ("mr/b.nii", ("b.nii",)),
    ]
    assert (listing.outside, listing.cut) == (0, False)


def test_links_out_of_the_folder_are_left_out_and_counted(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.png").write_bytes(b"")
    (root / "own.png").write_bytes(b"")
    (root / "link.png").symlink_to(tmp_path / "outside" / "secret.png")
    (root / "folder").symlink_to(tmp_path / "outside")
    (root / "nowhere.png").symlink_to(tmp_path / "nothing")
    listing = list_studies(root)
    assert [study.name for study in listing.studies] == ["own.png"]
    assert listing.outside == 1
    assert listing.position("../outside/secret.png") is None


def test_a_long_list_is_cut_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studies_module, "MOST_STUDIES", 3)
    for name in range(5):
        (tmp_path / f"{name}.png").write_bytes(b"")
    listing = list_studies(tmp_path)
    assert len(listing.studies) == 3
    assert listing.cut


@given(st.text(max_size=60))
@settings(deadline=None, max_examples=100)
def test_an_uploaded_name_is_never_a_path(name: str) -> None:
    spool = Spool([Upload(name, b"x"), Upload(f"{name}x.PNG", b"y")])
    try:
        inside = sorted(path.name for path in spool.folder.iterdir())
        assert len(inside) == 2
        assert inside[0].startswith("0001")
        assert inside[1] == "0002.png"
        assert [file.parent for file in spool.study.files] == [spool.folder] * 2
    finally:
        spool.remove()
    assert not spool.folder.exists()


def test_uploads_go_with_the_session() -> None:
    state = {"spool": Spool([Upload("a.dcm", b"x")])}
    folder = state["spool"].folder
    assert folder.exists()
    state.clear()
    gc.collect()
    assert not folder.exists()


@pytest.mark.parametrize(
    ("name", "kept"),
    [("head.nii.gz", "0001.nii.gz"), ("HEAD.NII", "0001.nii"), ("../a.exe", "0001"), ("x.gz", "0001"), ("IM1", "0001")],
)
def test_of_an_uploaded_name_only_a_known_suffix_is_kept(name: str, kept: str) -> None:
    assert [file.name for file in Spool([Upload(name, b"x")]).study.files] == [kept]


@given(st.text(max_size=200))
@settings(deadline=None, max_examples=100)
def test_printable_text_is_one_line_that_can_be_sent(text: str) -> None:
    shown = printable(text)
    shown.encode("utf-8")
    assert shown.isprintable()


def test_undecodable_reversed_and_endless_text() -> None:
    assert printable("a\udcffb\u202ec\x1b[0m") == "a\ufffdb\ufffdc\ufffd[0m"
    assert len(printable("x" * 10**6)) == LONGEST + 2


def point(**changes: object) -> OperatingPoint:
    rate = Estimate(name="sensitivity", value=0.9, low=0.8, high=0.95, method="Wilson", n=40)
    return OperatingPoint(
        rule="sensitivity",
        goal=0.9,
        threshold=0.41,
        positive="pneumonia",
        chosen_on="validation",
        sensitivity=rate,
        specificity=rate,
    ).model_copy(update=changes)


@given(st.floats(0, 1), st.floats(0, 1))
@settings(deadline=None, max_examples=100)
def test_the_decision_in_words_is_the_decision(probability: float, threshold: float) -> None:
    said = decision(point(threshold=threshold), probability)
    assert said.startswith("Called pneumonia:") == (probability >= threshold)
    assert ("at or above" in said) == (probability >= threshold)


def test_numbers_close_to_the_operating_point_are_told_apart() -> None:
    assert decision(point(threshold=0.4101), 0.4099) == (
        "Called not pneumonia: 0.4099 is below the operating point 0.4101."
    )
    assert (number(0.001), number(0.999), number(0.0), number(1.0)) == ("below 0.01", "above 0.99", "0.00", "1.00")


def test_estimates_in_words() -> None:
    nothing = Estimate(name="x", value=None, method="Wilson", n=0, note="no positive study")
    assert (value(nothing), interval(nothing)) == ("not estimable", "no interval: no positive study")
    assert interval(point().sensitivity) == "95 % interval 0.80–0.95"
    assert "No operating point reached this goal" in rule(point(met=False))
    for name in ("specificity", "youden", "cost", "another"):
        assert rule(point(rule=name)).endswith(".")


def test_flags_in_words() -> None:
    assert flag("several_images", ()) == "Several images were pooled into one probability."
    assert "MG" in flag("untrained_modality_MG", ("CR",))
    assert flag("some_new_flag", ()) == "Some new flag."


def test_notes_in_words() -> None:
    assert note("GantryTilt: 12.0 degrees") == "The scanner's gantry was tilted by 12.0 degrees."
    assert note("MiddlePlane: plane 2 of 3 is shown") == "A volume: plane 2 of 3 is shown."
    assert note("Some{0}Code: what") == "Some{0}Code: what"
    assert "swayed" in note("BurnedInAnnotation")


def test_windows_of_ct_in_words() -> None:
    assert windows(None, None) == ""
    assert windows((40, 80), None) == "40 ± 40 HU"
    assert windows(None, ("brain", (50, 150), "bone")) == "brain, 50 ± 75 HU, bone"


def test_a_window_is_linear_between_its_ends() -> None:
    picture = np.linspace(0, 1, 11, dtype=np.float32)[np.newaxis]
    assert windowed(picture, 0, 1).tolist() == [[round(255 * i / 10) for i in range(11)]]
    assert windowed(picture, 0.2, 0.4)[0, [0, 2, 3, 4, 10]].tolist() == [0, 0, 128, 255, 255]
    assert set(windowed(picture, 0.5, 0.5).ravel().tolist()) == {0, 255}
