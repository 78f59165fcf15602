"""Laws of the cache: it is never stale, never trusted where damaged, and loses no row."""

from __future__ import annotations

import errno
import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from medtransfer.core.config.data import PreprocessConfig, ReadConfig
from medtransfer.core.errors import OutputError
from medtransfer.data import cache, decoding
from medtransfer.data.cache import PreparedCohort, prepare_cohort
from medtransfer.data.cohort import Cohort, read_cohort
from medtransfer.data.outcome import prepared_item
from medtransfer.data.stored import content, shards, store
from medtransfer.data.stored.arrays import in_unit_range

if TYPE_CHECKING:
    from collections.abc import Callable

    Write = Callable[..., Path]

SIZE = 32
SMALL = PreprocessConfig(size=SIZE)


def grey(folder: Path, name: str, level: int) -> None:
    Image.fromarray(np.full((SIZE, SIZE), level, np.uint8)).save(folder / name)


def messy(folder: Path, *, colour: bool = False) -> Cohort:
    """Four good pictures with failures of several kinds between them."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, name in enumerate(("a.png", "c.png", "f.png", "h.png")):
        grey(folder, name, 10 * (i + 1))
    if colour:
        pixels = np.zeros((SIZE, SIZE, 3), np.uint8)
        pixels[..., 0] = 255
        Image.fromarray(pixels).save(folder / "c.png")
    (folder / "b.png").write_bytes((folder / "a.png").read_bytes()[:40])
    (folder / "d.txt").write_text("words")
    (folder / "g.png").touch()
    (folder / "i").mkdir(exist_ok=True)
    names = ["a.png", "b.png", "c.png", "d.txt", "absent.png", "f.png", "g.png", "h.png", "i"]
    rows = "".join(f"{name},p{i},s{i},{'xy'[i % 2]}\n" for i, name in enumerate(names))
    (folder / "cohort.csv").write_text(f"path,patient_id,study_id,label\n{rows}")
    return read_cohort(folder, allow_missing=True)


def many(folder: Path, count: int) -> Cohort:
    """Pictures of noise, each its own."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(0)
    for i in range(count):
        Image.fromarray(generator.integers(0, 256, (SIZE, SIZE), dtype=np.uint8)).save(folder / f"{i:03}.png")
    rows = "".join(f"{i:03}.png,p{i},{'xy'[i % 2]}\n" for i in range(count))
    (folder / "cohort.csv").write_text(f"path,patient_id,label\n{rows}")
    return read_cohort(folder)


def prepared(cohort: Cohort, folder: Path, **changes: Any) -> PreparedCohort:
    return prepare_cohort(cohort, **{"preprocess": SMALL, "folder": folder, **changes})


def levels(found: PreparedCohort) -> list[int]:
    return [round(float(planes.mean()) / 65535 * 255) for planes in found.arrays]


def values(found: PreparedCohort) -> np.ndarray:
    return np.stack([planes[0] for planes in found.arrays])


def count_decoding(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    decoded: list[str] = []

    def counted(place: Path, **settings: Any) -> Any:
        decoded.append(place.name)
        return prepared_item(place, **settings)

    monkeypatch.setattr(decoding, "prepared_item", counted)
    return decoded


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "SHARD_BYTES", 4 * 2 * SIZE**2)


def test_failures_are_rows_and_do_not_shift_the_others(tmp_path: Path) -> None:
    cohort = messy(tmp_path / "data")
    found = prepared(cohort, tmp_path / "cache")
    assert found.table["path"].tolist() == ["a.png", "c.png", "f.png", "h.png"]
    assert found.table["patient_id"].tolist() == ["p0", "p2", "p5", "p7"]
    assert levels(found) == [10, 20, 30, 40]
    assert [planes.shape for planes in found.arrays] == [(1, 1, SIZE, SIZE)] * 4
    counts = found.ledger.counts()
    assert counts == {"inputs": 9, "read": 4, "excluded": 1, "failed": 4}
    assert counts["inputs"] == len(cohort)
    ended = {row.path: (row.status, row.code) for row in found.ledger.rows}
    assert ended["d.txt"] == ("excluded", "not_an_image_file")
    assert ended["absent.png"] == ("failed", "NotFound")
    assert ended["g.png"] == ("failed", "EmptyFile")
    assert ended["i"] == ("failed", "EmptyFolder")
    assert ended["b.png"][0] == "failed"
    assert [(row.path, row.study_id) for row in found.ledger.rows] == list(
        zip(cohort.table["path"], cohort.table["study_id"], strict=True)
    )


def test_the_second_call_decodes_only_what_failed_and_says_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cohort = messy(tmp_path / "data")
    first = prepared(cohort, tmp_path / "cache")
    decoded = count_decoding(monkeypatch)
    second = prepared(cohort, tmp_path / "cache")
    assert decoded == ["b.png", "d.txt", "absent.png", "g.png", "i"]
    assert np.array_equal(values(first), values(second))
    assert first.table.equals(second.table)
    assert first.ledger == second.ledger
    assert first.keys == second.keys
    assert first.modalities == second.modalities == ("OT",)


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


def _shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def _lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0" * 8)


def _no_text(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00")


def _rename(path: Path) -> None:
    path.rename(path.with_name(path.name[:-14] + "0" * 2 + path.suffix))


def _empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize(
    "damage", [Path.unlink, _shorten, _lengthen, _no_text, _rename, _empty], ids=lambda f: f.__name__
)
def test_a_damaged_shard_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[Path], None], small_shards: None
) -> None:
    cohort = many(tmp_path / "data", 10)
    first = prepared(cohort, tmp_path / "cache")
    expected = np.array(values(first))
    files = sorted((tmp_path / "cache").rglob("*.safetensors"))
    assert len(files) == 3
    lost = sum(len(load_file(files[1])) for _ in [0])
    del first
    damage(files[1])
    decoded = count_decoding(monkeypatch)
    assert np.array_equal(values(prepared(cohort, tmp_path / "cache")), expected)
    assert len(decoded) == lost
    decoded.clear()
    assert np.array_equal(values(prepared(cohort, tmp_path / "cache")), expected)
    assert not decoded
    assert len(list((tmp_path / "cache").rglob("*.safetensors"))) == 3, "the damaged one is gone"


def test_sixty_flipped_bits_are_all_found_and_healed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_shards: None
) -> None:
    """Header and data alike; a flip in the data costs its own case only."""
    cohort = many(tmp_path / "data", 8)
    expected = np.array(values(prepared(cohort, tmp_path / "cache")))
    generator = np.random.default_rng(3)
    decoded = count_decoding(monkeypatch)
    pristine = tmp_path / "pristine"
    shutil.copytree(tmp_path / "cache", pristine)
    costs = []
    for flip in range(60):
        shutil.rmtree(tmp_path / "cache")
        shutil.copytree(pristine, tmp_path / "cache")
        files = sorted((tmp_path / "cache").rglob("*.safetensors"))
        file = files[flip % len(files)]
        damaged = bytearray(file.read_bytes())
        header = 8 + int.from_bytes(damaged[:8], "little")
        place = int(generator.integers(header) if flip < 20 else generator.integers(header, len(damaged)))
        damaged[place] ^= 1 << int(generator.integers(8))
        file.write_bytes(bytes(damaged))
        decoded.clear()
        assert np.array_equal(values(prepared(cohort, tmp_path / "cache")), expected), (flip, place)
        costs.append(len(decoded))
    assert costs == [4] * 20 + [1] * 40


def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path: Path, small_shards: None) -> None:
    cohort = many(tmp_path / "data", 5)
    prepared(cohort, tmp_path / "cache")
    (home,) = (tmp_path / "cache").iterdir()
    (home / ".abc.safetensors.123.part").write_bytes(b"half")
    grey(tmp_path / "data", "001.png", 5)
    prepared(cohort, tmp_path / "cache")
    assert not list(home.glob(".*.part"))


def test_shards_are_safetensors_files_that_name_nobody(tmp_path: Path, write_dicom: Write) -> None:
    write_dicom("a.dcm", PatientID="CANARY", PatientName="CANARY^NAME", StudyInstanceUID="1.2.99")
    (tmp_path / "cohort.csv").write_text("path,patient_id,label\na.dcm,CANARY,x\n")
    found = prepared(read_cohort(tmp_path), tmp_path / "cache")
    (file,) = (tmp_path / "cache").rglob("*.safetensors")
    assert np.array_equal(load_file(file)["case_000000"], found.arrays[0])
    assert b"CANARY" not in file.read_bytes()
    assert b"1.2.99" not in file.read_bytes()
    header = json.loads(file.read_bytes()[8 : 8 + int.from_bytes(file.read_bytes()[:8], "little")])
    assert header["case_000000"]["dtype"] == "U16"


def test_colour_and_grey_stand_side_by_side(tmp_path: Path) -> None:
    found = prepared(messy(tmp_path / "data", colour=True), tmp_path / "cache")
    assert [planes.shape[1] for planes in found.arrays] == [1, 3, 1, 1]
    pictures = found.arrays.load(np.array([1, 0, 2]), np.zeros(3, dtype=np.int64))
    assert (pictures.shape, pictures.dtype) == ((3, 3, SIZE, SIZE), np.float32)
    assert pictures[0, :, 0, 0].tolist() == [1, 0, 0]
    for i, level in ((1, 10), (2, 30)):
        assert (pictures[i] == in_unit_range(np.full((1, 1, 1, 1), level * 257, np.uint16))).all()
        np.testing.assert_allclose(pictures[i], level / 255, rtol=2e-7)
    assert found.ledger.counts() == {"inputs": 9, "read": 4, "excluded": 1, "failed": 4}


def test_dicom_and_pictures_may_be_mixed(tmp_path: Path, write_dicom: Write) -> None:
    write_dicom("a.dcm", np.arange(SIZE * SIZE, dtype=np.uint16).reshape(SIZE, SIZE), Modality="DX")
    write_dicom("b.dcm", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    grey(tmp_path, "c.png", 7)
    (tmp_path / "cohort.csv").write_text("path,patient_id,label\na.dcm,1,x\nb.dcm,2,x\nc.png,3,y\n")
    found = prepared(read_cohort(tmp_path), tmp_path / "cache")
    assert found.modalities == ("DX", "OT")
    assert found.kinds == ("DX", "OT")
    assert [(row.loader, row.status) for row in found.ledger.rows] == [
        ("dicom", "read"),
        ("dicom", "excluded"),
        ("raster", "read"),
    ]
    assert found.table["path"].tolist() == ["a.dcm", "c.png"]


def test_a_cohort_of_failures_has_no_pictures(tmp_path: Path) -> None:
    (tmp_path / "cohort.csv").write_text("path,patient_id,label\na.png,1,x\n")
    found = prepared(read_cohort(tmp_path, allow_missing=True), tmp_path / "cache")
    assert len(found.arrays) == len(found.table) == len(found.keys) == 0
    assert found.ledger.counts()["failed"] == 1


def test_a_cache_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    cohort = messy(tmp_path / "data")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        prepared(cohort, tmp_path / "file" / "cache")


def test_workers_say_what_one_process_says(tmp_path: Path) -> None:
    cohort = messy(tmp_path / "data", colour=True)
    one = prepared(cohort, tmp_path / "one")
    two = prepared(cohort, tmp_path / "two", workers=2)
    assert one.ledger == two.ledger
    assert one.keys == two.keys
    assert all(np.array_equal(a, b) for a, b in zip(one.arrays, two.arrays, strict=True))


def test_an_epoch_does_not_make_the_process_as_large_as_its_cohort(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages that were looked at are handed back: views stay valid and say the same."""
    found = prepared(many(tmp_path / "data", 8), tmp_path / "cache")
    released = []
    monkeypatch.setattr("medtransfer.data.stored.arrays._HELD", 3 * 2 * SIZE**2)
    original = cache.Mapped.release
    monkeypatch.setattr(cache.Mapped, "release", lambda self: (released.append(1), original(self))[1])
    expected = in_unit_range(values(found))
    view = found.arrays[0]
    for _ in range(3):
        assert np.array_equal(found.arrays.load(np.arange(8), np.zeros(8, dtype=np.int64)), expected)
    assert len(released) >= 4
    assert np.array_equal(in_unit_range(view)[0], expected[0])


def test_a_batch_is_its_pictures_however_many_are_scaled_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = prepared(many(tmp_path / "data", 7), tmp_path / "cache")
    chosen = np.array([6, 0, 0, 3, 5])
    expected = values(found)[chosen] / 65535
    for close in (1, 2 * 4 * SIZE**2, 2**20):
        monkeypatch.setattr("medtransfer.data.stored.arrays._CLOSE", close)
        np.testing.assert_allclose(found.arrays.load(chosen, 0 * chosen), expected, rtol=2e-7)
    assert found.arrays.load(chosen[:0], chosen[:0]).shape == (0, 1, SIZE, SIZE)


def test_black_is_0_white_is_1_and_no_two_levels_become_one() -> None:
    levels = in_unit_range(np.arange(65536, dtype=np.uint16).reshape(1, 1, 256, 256)).ravel()
    assert (levels[0], levels[-1]) == (0, 1)
    assert (np.diff(levels) > 0).all()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the system does not list open files")
def test_a_mapped_shard_holds_one_descriptor_at_most(tmp_path: Path, small_shards: None) -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    cohort = many(tmp_path / "data", 12)
    prepared(cohort, tmp_path / "cache")
    gc.collect()
    before = descriptors()
    found = prepared(cohort, tmp_path / "cache")
    assert len(found.arrays) == 12
    assert descriptors() - before <= (0 if sys.version_info >= (3, 13) else 3)


def test_too_many_open_files_is_said_and_costs_no_shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cohort = many(tmp_path / "data", 3)
    first = values(prepared(cohort, tmp_path / "cache"))

    def full(_: int) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(shards, "_map", full)
        decoded = count_decoding(patched)
        with pytest.raises(OutputError) as caught:
            prepared(cohort, tmp_path / "cache")
    assert (caught.value.code, decoded) == ("TooManyFiles", [])
    assert "ulimit" in (caught.value.hint or "")
    decoded = count_decoding(monkeypatch)
    assert np.array_equal(values(prepared(cohort, tmp_path / "cache")), first)
    assert not decoded


WRITER = """
import sys
from pathlib import Path
from medtransfer.core.config.data import PreprocessConfig
from medtransfer.data.stored import store
from medtransfer.data.cache import prepare_cohort
from medtransfer.data.cohort import read_cohort
store.SHARD_BYTES = 4 * 2 * 32 ** 2
print("ready", flush=True)
sys.stdin.readline()
found = prepare_cohort(read_cohort(sys.argv[1]), preprocess=PreprocessConfig(size=32), folder=Path(sys.argv[2]))
import hashlib
print(hashlib.sha256(b"".join(planes.tobytes() for planes in found.arrays)).hexdigest(), flush=True)
"""


def start_writer(data: Path, folder: Path) -> subprocess.Popen[str]:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(data), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == "ready\n"
    return writer


def go(writer: subprocess.Popen[str]) -> None:
    assert writer.stdin is not None
    writer.stdin.write("\n")
    writer.stdin.flush()


@pytest.mark.parametrize("writers", [2, pytest.param(8, marks=pytest.mark.slow)])
def test_concurrent_writers_leave_one_valid_result(tmp_path: Path, writers: int) -> None:
    cohort = many(tmp_path / "data", 40)
    running = [start_writer(tmp_path / "data", tmp_path / "cache") for _ in range(writers)]
    for writer in running:
        go(writer)
    said = {writer.communicate(timeout=120)[0] for writer in running}
    assert all(writer.returncode == 0 for writer in running)
    assert len(said) == 1
    files = list((tmp_path / "cache").rglob("*.safetensors"))
    assert sum(len(load_file(file)) for file in files) == 40, "the work was done once"
    alone = prepared(cohort, tmp_path / "alone")
    assert np.array_equal(values(prepared(cohort, tmp_path / "cache")), values(alone))


@pytest.mark.parametrize("kills", [2, pytest.param(25, marks=pytest.mark.slow)])
def test_killed_writers_leave_nothing_that_is_wrongly_believed(
    tmp_path: Path, kills: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    cohort = many(tmp_path / "data", 60)
    expected = values(prepared(cohort, tmp_path / "whole"))
    generator = np.random.default_rng(5)
    cut_short = 0
    for kill in range(kills):
        folder = tmp_path / f"cache{kill % 5}"  # some are killed again and again in the same folder
        writer = start_writer(tmp_path / "data", folder)
        go(writer)
        time.sleep(float(generator.uniform(0.01, 0.4)))
        writer.send_signal(signal.SIGKILL)
        cut_short += writer.wait(timeout=60) == -signal.SIGKILL
        writer.communicate()
    assert cut_short >= kills // 3
    decoded = count_decoding(monkeypatch)
    for folder in sorted(tmp_path.glob("cache*")):
        whole = sum(len(load_file(file)) for file in folder.rglob("*.safetensors"))
        decoded.clear()
        assert np.array_equal(values(prepared(cohort, folder)), expected)
        assert len(decoded) == 60 - whole, "what was written whole is used"
        assert not list(folder.rglob("*.part"))
