"""Laws of the cache: it is never stale, never trusted where damaged, and loses no row."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from medtransfer.core.errors import OutputError
from medtransfer.data import cache
from medtransfer.data.cache import PreparedCohort, prepare_cohort
from medtransfer.data.cohort import Cohort, read_cohort
from medtransfer.data.outcome import prepared_file

if TYPE_CHECKING:
    from collections.abc import Callable

    Write = Callable[..., Path]

SIZE = 16


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


def levels(prepared: PreparedCohort) -> list[int]:
    return [round(float(picture.mean()) / 65535 * 255) for picture in prepared.pictures]


def forbid_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*args: object, **kwargs: object) -> Any:
        pytest.fail(f"decoded again: {args} {kwargs}")

    monkeypatch.setattr(cache, "prepared_file", fails)


def count_decoding(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    decoded: list[str] = []

    def counted(file: Path, *, size: int) -> Any:
        decoded.append(file.name)
        return prepared_file(file, size=size)

    monkeypatch.setattr(cache, "prepared_file", counted)
    return decoded


def test_failures_are_rows_and_do_not_shift_the_others(tmp_path: Path) -> None:
    cohort = messy(tmp_path / "data")
    prepared = prepare_cohort(cohort, size=SIZE, folder=tmp_path / "cache")
    assert prepared.table["path"].tolist() == ["a.png", "c.png", "f.png", "h.png"]
    assert prepared.table["patient_id"].tolist() == ["p0", "p2", "p5", "p7"]
    assert levels(prepared) == [10, 20, 30, 40]
    assert prepared.pictures.shape == (4, 1, SIZE, SIZE)
    counts = prepared.ledger.counts()
    assert counts == {"inputs": 9, "read": 4, "excluded": 1, "failed": 4}
    assert counts["inputs"] == len(cohort)
    ended = {row.path: (row.status, row.code) for row in prepared.ledger.rows}
    assert ended["d.txt"] == ("excluded", "not_an_image_file")
    assert ended["absent.png"] == ("failed", "NotFound")
    assert ended["g.png"] == ("failed", "EmptyFile")
    assert ended["i"] == ("failed", "NotAFile")
    assert ended["b.png"][0] == "failed"
    assert [(row.path, row.study_id) for row in prepared.ledger.rows] == list(
        zip(cohort.table["path"], cohort.table["study_id"], strict=True)
    )


def test_the_second_call_decodes_nothing_and_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cohort = messy(tmp_path / "data")
    first = prepare_cohort(cohort, size=SIZE, folder=tmp_path / "cache")
    forbid_decoding(monkeypatch)
    second = prepare_cohort(cohort, size=SIZE, folder=tmp_path / "cache")
    assert np.array_equal(first.pictures, second.pictures)
    assert first.table.equals(second.table)
    assert first.ledger == second.ledger
    assert first.modalities == second.modalities == ("OT",)


def test_other_labels_and_splits_reuse_the_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cohort = messy(tmp_path / "data")
    prepare_cohort(cohort, size=SIZE, folder=tmp_path / "cache")
    forbid_decoding(monkeypatch)
    renamed = cohort.with_table(cohort.table.assign(patient_id="q" + cohort.table["patient_id"], split="test"))
    again = prepare_cohort(renamed, size=SIZE, folder=tmp_path / "cache")
    assert set(again.table["split"]) == {"test"}
    assert again.ledger.rows[0].patient_id == "qp0"


def test_another_byte_size_order_or_name_is_another_array(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cohort = messy(tmp_path / "data")
    folder = tmp_path / "cache"
    prepare_cohort(cohort, size=SIZE, folder=folder)
    decoded = count_decoding(monkeypatch)
    grey(tmp_path / "data", "f.png", 99)
    assert levels(prepare_cohort(cohort, size=SIZE, folder=folder)) == [10, 20, 99, 40]
    assert "f.png" in decoded
    decoded.clear()
    assert prepare_cohort(cohort, size=8, folder=folder).pictures.shape[-2:] == (8, 8)
    assert decoded
    decoded.clear()
    backwards = cohort.with_table(cohort.table.iloc[::-1])
    assert levels(prepare_cohort(backwards, size=SIZE, folder=folder)) == [40, 99, 20, 10]
    assert decoded
    monkeypatch.setattr(cache, "VERSION", "another")
    decoded.clear()
    prepare_cohort(cohort, size=SIZE, folder=folder)
    assert decoded


def test_the_suffix_counts_since_loaders_look_at_it(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    codes = []
    for name in ("a.txt", "a.png"):
        data = tmp_path / name.replace(".", "_")
        data.mkdir()
        (data / name).write_text("words")
        (data / "cohort.csv").write_text(f"path,patient_id,label\n{name},1,x\n")
        (row,) = prepare_cohort(read_cohort(data), size=SIZE, folder=folder).ledger.rows
        codes.append(row.status)
    assert codes == ["excluded", "failed"]


def test_the_cohort_may_move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cohort = messy(tmp_path / "data")
    kept = cohort.with_table(cohort.table[cohort.table["path"].isin(["a.png", "c.png"])])
    prepare_cohort(kept, size=SIZE, folder=tmp_path / "cache")
    (tmp_path / "data").rename(tmp_path / "moved")
    forbid_decoding(monkeypatch)
    moved = read_cohort(tmp_path / "moved", allow_missing=True)
    moved = moved.with_table(moved.table[moved.table["path"].isin(["a.png", "c.png"])])
    assert levels(prepare_cohort(moved, size=SIZE, folder=tmp_path / "cache")) == [10, 20]


def _shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def _flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def _no_text(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00")


@pytest.mark.parametrize("damage", [Path.unlink, _shorten, _flip_a_bit, _no_text], ids=lambda f: f.__name__)
@pytest.mark.parametrize("suffix", [".npy", ".json"])
def test_a_damaged_cache_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, damage: Callable[[Path], None]
) -> None:
    cohort = messy(tmp_path / "data")
    first = prepare_cohort(cohort, size=SIZE, folder=tmp_path / "cache")
    rows, expected = first.ledger, np.array(first.pictures)
    (file,) = (tmp_path / "cache").glob(f"*{suffix}")
    del first
    damage(file)
    decoded = count_decoding(monkeypatch)
    again = prepare_cohort(cohort, size=SIZE, folder=tmp_path / "cache")
    assert len(decoded) == len(cohort)
    assert np.array_equal(again.pictures, expected)
    assert again.ledger == rows


def test_every_flipped_byte_of_the_words_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cohort = messy(tmp_path / "data")
    prepare_cohort(cohort, size=SIZE, folder=tmp_path / "cache")
    (file,) = (tmp_path / "cache").glob("*.json")
    content = file.read_bytes()
    remade = 0

    class RemadeError(Exception):
        pass

    def remake(*args: object, **kwargs: object) -> Any:
        raise RemadeError

    monkeypatch.setattr(cache, "prepared_file", remake)
    places = range(0, len(content), 17)
    for place in places:
        file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(RemadeError):
            prepare_cohort(cohort, size=SIZE, folder=tmp_path / "cache")
        remade += 1
    assert remade == len(places) > 50
    assert not list((tmp_path / "cache").glob("*.part"))


def test_one_colour_picture_makes_room_for_colour(tmp_path: Path) -> None:
    prepared = prepare_cohort(messy(tmp_path / "data", colour=True), size=SIZE, folder=tmp_path / "cache")
    assert prepared.pictures.shape == (4, 3, SIZE, SIZE)
    assert prepared.pictures.dtype == np.uint16
    assert prepared.pictures[1, :, 0, 0].tolist() == [65535, 0, 0]
    for i, level in ((0, 10), (2, 30), (3, 40)):
        assert (prepared.pictures[i] == round(level / 255 * 65535)).all()
    assert prepared.ledger.counts() == {"inputs": 9, "read": 4, "excluded": 1, "failed": 4}


def test_dicom_and_pictures_may_be_mixed(tmp_path: Path, write_dicom: Write) -> None:
    write_dicom("a.dcm", np.arange(SIZE * SIZE, dtype=np.uint16).reshape(SIZE, SIZE), Modality="DX")
    write_dicom("b.dcm", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    grey(tmp_path, "c.png", 7)
    (tmp_path / "cohort.csv").write_text("path,patient_id,label\na.dcm,1,x\nb.dcm,2,x\nc.png,3,y\n")
    prepared = prepare_cohort(read_cohort(tmp_path), size=SIZE, folder=tmp_path / "cache")
    assert prepared.modalities == ("DX", "OT")
    assert [(row.loader, row.status) for row in prepared.ledger.rows] == [
        ("dicom", "read"),
        ("dicom", "excluded"),
        ("raster", "read"),
    ]
    assert prepared.table["path"].tolist() == ["a.dcm", "c.png"]


def test_a_cohort_of_failures_has_no_pictures(tmp_path: Path) -> None:
    (tmp_path / "cohort.csv").write_text("path,patient_id,label\na.png,1,x\n")
    prepared = prepare_cohort(read_cohort(tmp_path, allow_missing=True), size=SIZE, folder=tmp_path / "cache")
    assert prepared.pictures.shape == (0, 1, SIZE, SIZE)
    assert len(prepared.table) == 0
    assert prepared.ledger.counts()["failed"] == 1


def test_a_cache_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    cohort = messy(tmp_path / "data")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        prepare_cohort(cohort, size=SIZE, folder=tmp_path / "file" / "cache")


def test_one_file_is_read_or_says_why_not(tmp_path: Path) -> None:
    grey(tmp_path, "a.png", 51)
    picture, row, modality = prepared_file(tmp_path / "a.png", size=SIZE)
    assert picture is not None
    assert picture.shape == (1, SIZE, SIZE)
    assert (picture == 13107).all()  # 51 / 255 of 65,535
    assert (row.status, row.loader, modality) == ("read", "raster", "OT")
    picture, row, modality = prepared_file(tmp_path / "none.png", size=SIZE)
    assert picture is None
    assert (row.status, row.code, row.path, modality) == ("failed", "NotFound", str(tmp_path / "none.png"), "")
    assert row.reason
    assert row.hint
