"""The cache is never stale: what may change a value is noticed, and nothing else costs anything."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from cached_cohorts import SIZE, count_decoding, grey, levels, many, messy, prepared, values
from PIL import Image

from medtransfer.core.config.data import PreprocessConfig, ReadConfig
from medtransfer.data import decoding
from medtransfer.data.cohort import read_cohort
from medtransfer.data.outcome import prepared_item
from medtransfer.data.stored import content

if TYPE_CHECKING:
    from collections.abc import Callable

    Write = Callable[..., Path]


def test_a_failure_is_not_remembered(tmp_path: Path) -> None:
    """The same bytes may be readable tomorrow: a decoder was installed, a disk is back."""
    cohort = messy(tmp_path / "data")
    prepared(cohort, tmp_path / "cache")
    grey(tmp_path / "data", "absent.png", 77)
    again = prepared(cohort, tmp_path / "cache")
    assert again.table["path"].tolist() == ["a.png", "c.png", "absent.png", "f.png", "h.png"]
    assert levels(again) == [10, 20, 77, 30, 40]


def test_other_labels_splits_and_orders_reuse_the_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cohort = many(tmp_path / "data", 6)
    first = prepared(cohort, tmp_path / "cache")
    decoded = count_decoding(monkeypatch)
    renamed = cohort.with_table(
        cohort.table.assign(patient_id="q" + cohort.table["patient_id"], split="test").iloc[::-1]
    )
    again = prepared(renamed, tmp_path / "cache")
    assert not decoded
    assert set(again.table["split"]) == {"test"}
    assert again.ledger.rows[0].patient_id == "qp5"
    assert np.array_equal(values(again), values(first)[::-1])


def test_a_changed_file_costs_that_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where size and time of change are the same: only content decides."""
    cohort = many(tmp_path / "data", 6)
    first = values(prepared(cohort, tmp_path / "cache"))
    file = tmp_path / "data" / "003.png"
    stat, old = file.stat(), file.read_bytes()
    pixels = np.asarray(Image.open(file)).copy()
    pixels[0, 0] ^= 255
    for level in range(10):
        Image.fromarray(pixels).save(file, compress_level=level)
        if file.stat().st_size == stat.st_size:
            break
    file.write_bytes(file.read_bytes().ljust(len(old), b"\0"))
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    decoded = count_decoding(monkeypatch)
    again = values(prepared(cohort, tmp_path / "cache"))
    assert decoded == ["003.png"]
    assert np.flatnonzero((again != first).any(axis=(1, 2, 3))).tolist() == [3]


@pytest.mark.parametrize(
    "changes",
    [
        {"preprocess": PreprocessConfig(size=40)},
        {"preprocess": PreprocessConfig(size=SIZE, hu_window=(40, 400))},
        {"read": ReadConfig(force=True)},
        {"read": ReadConfig(volume=1)},
        {"read": ReadConfig(on_irregular="keep")},
    ],
    ids=str,
)
def test_other_settings_are_other_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    cohort = many(tmp_path / "data", 2)
    prepared(cohort, tmp_path / "cache")
    decoded = count_decoding(monkeypatch)
    prepared(cohort, tmp_path / "cache", **changes)
    assert decoded == ["000.png", "001.png"]


@pytest.mark.parametrize("name", ["VERSION", "MAKERS", "__version__"])
def test_other_versions_are_other_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    cohort = many(tmp_path / "data", 2)
    prepared(cohort, tmp_path / "cache")
    monkeypatch.setattr(content, name, ("pytest",) if name == "MAKERS" else "another")
    decoded = count_decoding(monkeypatch)
    prepared(cohort, tmp_path / "cache")
    assert decoded == ["000.png", "001.png"]


def test_limits_that_only_refuse_do_not_change_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cohort = many(tmp_path / "data", 2)
    prepared(cohort, tmp_path / "cache")
    decoded = count_decoding(monkeypatch)
    prepared(cohort, tmp_path / "cache", read=ReadConfig(max_bytes=10**8, decode_seconds=5, max_ratio=50))
    assert not decoded


def test_the_suffix_counts_since_loaders_look_at_it(tmp_path: Path) -> None:
    codes = []
    for name in ("a.txt", "a.png"):
        data = tmp_path / name.replace(".", "_")
        data.mkdir()
        (data / name).write_text("words")
        (data / "cohort.csv").write_text(f"path,patient_id,label\n{name},1,x\n")
        (row,) = prepared(read_cohort(data), tmp_path / "cache").ledger.rows
        codes.append(row.status)
    assert codes == ["excluded", "failed"]


def test_the_cohort_may_move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = values(prepared(many(tmp_path / "data", 3), tmp_path / "cache"))
    (tmp_path / "data").rename(tmp_path / "moved")
    decoded = count_decoding(monkeypatch)
    moved = prepared(read_cohort(tmp_path / "moved"), tmp_path / "cache")
    assert not decoded
    assert np.array_equal(values(moved), first)


def test_one_file_of_a_pair_that_changes_is_noticed(tmp_path: Path) -> None:
    for name, text in (("a.hdr", "header"), ("a.img", "voxels")):
        (tmp_path / name).write_text(text)
    before = content.content_key(tmp_path / "a.hdr", settings="")
    (tmp_path / "a.img").write_text("others")
    assert content.content_key(tmp_path / "a.hdr", settings="") != before != ""


def test_a_folder_is_all_its_files(tmp_path: Path) -> None:
    def key() -> str:
        return content.content_key(tmp_path / "series", settings="")

    (tmp_path / "series" / "b").mkdir(parents=True)
    (tmp_path / "series" / "b" / "1.dcm").write_bytes(b"1")
    keys = [key()]
    (tmp_path / "series" / "2.dcm").write_bytes(b"2")
    keys.append(key())
    (tmp_path / "series" / "2.dcm").write_bytes(b"3")
    keys.append(key())
    (tmp_path / "series" / "2.dcm").rename(tmp_path / "series" / "3.dcm")
    keys.append(key())
    with zipfile.ZipFile(tmp_path / "series" / "more.zip", "w") as archive:
        archive.writestr("4.dcm", "4")
    keys.append(key())
    assert len(set(keys)) == 5
    (tmp_path / "series").rename(tmp_path / "elsewhere")
    assert content.content_key(tmp_path / "elsewhere", settings="") == keys[-1]
    assert content.content_key(tmp_path / "absent", settings="") == ""


def test_a_file_that_changes_while_it_is_read_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between hashing and decoding the picture becomes another one: the new one is what counts, under its own key."""
    cohort = many(tmp_path / "data", 2)
    calls = []

    def changing(place: Path, **settings: Any) -> Any:
        calls.append(place.name)
        if len(calls) == 1:
            grey(place.parent, place.name, 99)
        return prepared_item(place, **settings)

    monkeypatch.setattr(decoding, "prepared_item", changing)
    assert levels(prepared(cohort, tmp_path / "cache"))[0] == 99
    assert calls == ["000.png", "000.png", "001.png"]
    decoded = count_decoding(monkeypatch)
    assert levels(prepared(cohort, tmp_path / "cache"))[0] == 99
    assert not decoded


def test_a_file_that_never_stops_changing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cohort = many(tmp_path / "data", 2)
    level = iter(range(50))

    def changing(place: Path, **settings: Any) -> Any:
        found = prepared_item(place, **settings)
        if place.name == "000.png":
            grey(place.parent, place.name, next(level))
        return found

    monkeypatch.setattr(decoding, "prepared_item", changing)
    found = prepared(cohort, tmp_path / "cache")
    assert [(row.status, row.code) for row in found.ledger.rows] == [("failed", "ChangedWhileReading"), ("read", "")]


def test_copies_of_one_file_are_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, content_of in (("a", 9), ("b", 9), ("c", None), ("d", None)):
        (tmp_path / folder).mkdir()
        if content_of is None:
            (tmp_path / folder / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n cut")
        else:
            grey(tmp_path / folder, "1.png", content_of)
    rows = "".join(f"{folder}/1.png,{folder},x\n" for folder in "abcd")
    (tmp_path / "cohort.csv").write_text(f"path,patient_id,label\n{rows}")
    decoded = count_decoding(monkeypatch)
    found = prepared(read_cohort(tmp_path), tmp_path / "cache")
    assert decoded == ["1.png", "1.png"]
    assert [row.status for row in found.ledger.rows] == ["read", "read", "failed", "failed"]
    assert [row.path for row in found.ledger.rows] == [f"{folder}/1.png" for folder in "abcd"]
