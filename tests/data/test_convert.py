"""Laws of converted cohorts: the files are needed no more, and nothing is taken for what it is not."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from tiny import write_hospital

from medtransfer.core.config.data import PreprocessConfig, ReadConfig
from medtransfer.core.errors import CohortError, OutputError, ReadError
from medtransfer.data.cache import prepare_cohort
from medtransfer.data.cohort import read_cohort
from medtransfer.data.convert import Converted, convert_cohort
from medtransfer.data.converted import Conversions, inner_names, read_conversion
from medtransfer.data.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SMALL = PreprocessConfig(size=32)
READ = ReadConfig()


@pytest.fixture
def hospital(tmp_path: Path) -> Path:
    """Eight pictures; one is cut, one is a note."""
    folder = write_hospital(tmp_path / "data", studies=8, seed=0)
    (folder / "images" / "003.png").write_bytes(b"\x89PNG\r\n\x1a\n cut")
    (folder / "images" / "005.png").rename(folder / "images" / "005.txt")
    table = (folder / "cohort.csv").read_text().replace("005.png", "005.txt")
    (folder / "images" / "005.txt").write_text("words")
    (folder / "cohort.csv").write_text(table)
    return folder


def converted(hospital: Path, folder: Path, **changes: Any) -> Converted:
    return convert_cohort(read_cohort(hospital), **{"folder": folder, "preprocess": SMALL, "read": READ, **changes})


def test_the_files_are_needed_no_more_and_every_row_is_still_there(hospital: Path, tmp_path: Path) -> None:
    before = prepare_cohort(read_cohort(hospital), preprocess=SMALL, folder=tmp_path / "cache")
    written = converted(hospital, tmp_path / "out")
    assert written.ledger.counts() == {"inputs": 8, "read": 6, "excluded": 1, "failed": 1}
    assert (written.planes, written.bytes) == (6, 6 * 2 * 32 * 32)
    shutil.rmtree(hospital)
    shutil.rmtree(tmp_path / "cache")
    (tmp_path / "out").rename(tmp_path / "elsewhere")
    cohort = read_cohort(tmp_path / "elsewhere")
    after = prepare_cohort(cohort, preprocess=SMALL, folder=tmp_path / "cache")
    assert after.ledger == before.ledger == written.ledger
    assert all(np.array_equal(a, b) for a, b in zip(before.arrays, after.arrays, strict=True))
    assert list(after.table["path"]) == list(before.table["path"])
    assert list(cohort.table["patient_id"]) == list(after.ledger.table()["patient_id"])
    assert not (tmp_path / "cache").exists(), "nothing is written twice"
    saved = pd.read_csv(tmp_path / "elsewhere" / "ledger.csv", keep_default_na=False)
    assert list(saved["status"]) == [row.status for row in written.ledger.rows]


def test_a_table_elsewhere_may_name_converted_cases(hospital: Path, tmp_path: Path) -> None:
    """As the cohort.csv in a run's folder does."""
    converted(hospital, tmp_path / "out")
    table = read_cohort(tmp_path / "out").table
    (tmp_path / "run").mkdir()
    table.assign(path="../out/" + table["path"]).to_csv(tmp_path / "run" / "cohort.csv", index=False)
    shutil.rmtree(hospital)
    found = prepare_cohort(read_cohort(tmp_path / "run"), preprocess=SMALL, folder=tmp_path / "cache")
    assert len(found.arrays) == 6


def test_other_settings_are_refused_with_the_cure(hospital: Path, tmp_path: Path) -> None:
    converted(hospital, tmp_path / "out")
    cohort = read_cohort(tmp_path / "out")
    for changes in ({"preprocess": PreprocessConfig(size=64)}, {"read": ReadConfig(volume=0)}):
        with pytest.raises(CohortError) as caught:
            prepare_cohort(cohort, **{"preprocess": SMALL, "folder": tmp_path / "cache", **changes})
        assert caught.value.code == "OtherPreprocessing"
        assert caught.value.hint
    with pytest.raises(CohortError, match=r"preprocess\.size is 32 and ought to be 64"):
        prepare_cohort(cohort, preprocess=PreprocessConfig(size=64), folder=tmp_path / "cache")
    limits = ReadConfig(max_bytes=10**7, decode_seconds=3)
    assert len(prepare_cohort(cohort, preprocess=SMALL, read=limits, folder=tmp_path / "cache").arrays) == 6


def test_again_into_the_same_folder_decodes_what_has_changed(
    hospital: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    converted(hospital, tmp_path / "out")
    shutil.copy(hospital / "images" / "001.png", hospital / "images" / "003.png")
    decoded: list[str] = []
    from medtransfer.data import decoding

    original = decoding.prepared_item
    monkeypatch.setattr(
        decoding, "prepared_item", lambda place, **how: (decoded.append(place.name), original(place, **how))[1]
    )
    again = converted(hospital, tmp_path / "out")
    assert decoded == ["003.png", "005.txt"]
    assert again.ledger.counts()["read"] == 7
    assert len(prepare_cohort(read_cohort(tmp_path / "out"), preprocess=SMALL, folder=tmp_path / "c").arrays) == 7


def test_a_damaged_array_is_a_failed_case_and_the_others_are_read(hospital: Path, tmp_path: Path) -> None:
    converted(hospital, tmp_path / "out")
    (file,) = (tmp_path / "out").rglob("*.safetensors")
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(bytes(content))
    found = prepare_cohort(read_cohort(tmp_path / "out"), preprocess=SMALL, folder=tmp_path / "cache")
    assert found.ledger.counts() == {"inputs": 8, "read": 5, "excluded": 1, "failed": 2}
    (row,) = [row for row in found.ledger.failed() if row.code == "DamagedArray"]
    assert row.hint
    assert row.stage == "prepare"


@pytest.mark.parametrize("flip", range(0, 600, 97))
def test_a_damaged_description_is_refused(hospital: Path, tmp_path: Path, flip: int) -> None:
    converted(hospital, tmp_path / "out")
    path = tmp_path / "out" / "prepared.json"
    content = bytearray(path.read_bytes())
    content[flip] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(CohortError) as caught:
        read_cohort(tmp_path / "out")
    assert caught.value.code == "DamagedConversion"


def test_what_an_earlier_version_converted_is_refused_by_name(hospital: Path, tmp_path: Path) -> None:
    converted(hospital, tmp_path / "out")
    path = tmp_path / "out" / "prepared.json"
    path.write_text(path.read_text().replace('"schema_version":2', '"schema_version":1'))
    with pytest.raises(CohortError) as caught:
        read_cohort(tmp_path / "out")
    assert caught.value.code == "OldConversion"
    assert "convert" in (caught.value.hint or "")


def test_a_cohort_that_was_not_converted_is_never_overwritten(hospital: Path, tmp_path: Path) -> None:
    before = (hospital / "cohort.csv").read_bytes()
    with pytest.raises(OutputError) as caught:
        converted(hospital, hospital)
    assert caught.value.code == "CohortExists"
    assert (hospital / "cohort.csv").read_bytes() == before
    converted(hospital, tmp_path / "out")
    with pytest.raises(CohortError) as refused:
        converted(tmp_path / "out", tmp_path / "again")
    assert refused.value.code == "AlreadyConverted"
    assert not (tmp_path / "again").exists()


def test_a_row_that_was_never_converted_is_not_found(hospital: Path, tmp_path: Path) -> None:
    converted(hospital, tmp_path / "out")
    table = read_cohort(tmp_path / "out").table
    table.assign(path=["images/nobody.png", *table["path"].iloc[1:]]).to_csv(tmp_path / "out/cohort.csv", index=False)
    with pytest.raises(CohortError) as caught:
        read_cohort(tmp_path / "out")
    assert caught.value.code == "UnknownPath"


def test_names_stay_below_the_folder_and_apart() -> None:
    names = inner_names(["a/b.png", "../a/b.png", "/a/b.png", "c.png", ".."])
    assert names[0] == "a/b.png"
    assert names[3:] == ["c.png", "case"]
    assert len(set(names)) == 5
    assert not any(".." in name or name.startswith("/") for name in names)


class Numbers:
    """Pseudonyms by number; the second case must not be stored."""

    def cohort(self, table: pd.DataFrame) -> pd.DataFrame:
        return table.assign(
            path=[f"case{i}" for i in range(len(table))], patient_id="somebody", study_id=range(len(table))
        )

    def ledger(self, ledger: Ledger) -> Ledger:
        return Ledger(tuple(replace(row, patient_id="", study_id="", reason="", path="") for row in ledger.rows))

    def notes(self, notes: Iterable[str]) -> tuple[str, ...]:
        return tuple("a note" for _ in notes)

    def modality(self, modality: str) -> str:
        return modality

    def check_pixels(self, facts: Mapping[str, str], notes: Iterable[str], path: Path) -> None:
        if path.name == "001.png":
            raise ReadError("shows a name", code="BurnedIn", path=path, stage="prepare")


def test_under_other_names_nothing_of_the_old_ones_is_left(hospital: Path, tmp_path: Path) -> None:
    written = converted(hospital, tmp_path / "out", pseudonyms=Numbers())
    assert written.ledger.counts() == {"inputs": 8, "read": 5, "excluded": 1, "failed": 2}
    assert written.ledger.rows[1].code == "BurnedIn"
    assert read_conversion(tmp_path / "out").rows[0].name == "case0"
    cohort = read_cohort(tmp_path / "out")
    assert len(prepare_cohort(cohort, preprocess=SMALL, folder=tmp_path / "cache").arrays) == 5
    for file in (tmp_path / "out").rglob("*"):
        if file.is_file() and file.suffix != ".parquet":
            assert not any(word in file.read_bytes() for word in (b"P00", b".png", b"images/", str(tmp_path).encode()))
    with pytest.raises(OutputError) as caught:
        converted(hospital, tmp_path / "out", pseudonyms=Numbers())
    assert caught.value.code == "NotNew"


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_what_strangers_leave_in_a_shared_folder_is_not_asked(hospital: Path, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shutil.copytree(hospital, shared / "mine" / "hospital")
    (shared / "prepared.json").write_text("{}")
    (shared / "mine").chmod(0o700)
    with pytest.raises(CohortError, match="DamagedConversion"):
        Conversions().row(shared / "mine" / "hospital" / "a.png")
    shared.chmod(0o1777)
    assert Conversions().row(shared / "mine" / "hospital" / "a.png") is None
