"""What the cache holds: every row, every picture, and no name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from cached_cohorts import SIZE, count_decoding, grey, levels, many, messy, prepared, values
from safetensors.numpy import load_file

from medtransfer.data import cache
from medtransfer.data.cohort import read_cohort
from medtransfer.data.stored.arrays import in_unit_range

if TYPE_CHECKING:
    from collections.abc import Callable

    Write = Callable[..., Path]


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
