"""Canaries: identifiers planted everywhere a header, a path or a table can hold one, and looked for in every output."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydicom.datadict import DicomDictionary, tag_for_keyword
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ComputedRadiographyImageStorage, ExplicitVRLittleEndian
from tiny import QUICK

from medtransfer.cli.main import main
from medtransfer.core.keys import read_key

FUNCTIONAL = frozenset(
    {"SOPClassUID", "Manufacturer", "SpecificCharacterSet", "PatientAge", "LossyImageCompressionMethod",
     "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "PatientID", "StudyDate"}
)  # fmt: skip
"""Elements that say what the image is, and those that differ from study to study."""

KINDS = {"PN": "text", "LO": "text", "SH": "text", "ST": "text", "LT": "text", "UT": "text", "UC": "text", "UR": "text",
         "UI": "uid", "DA": "date", "DT": "datetime"}  # fmt: skip
CANARY = re.compile(
    rb"ZQCAN\d{5}X|1\.2\.826\.77\d{5}\.4711|(?<!\w)1[4-7]\d{6}(?:101112)?(?!\w)|(?<!\w)1[4-7]\d\d-\d\d-\d\d(?!\w)"
)
KEY = "medtransfer-key-1 " + "5a" * 32 + "\n"
CHANGES = [word for change in QUICK for word in ("--set", change)]


class Canaries:
    """Makes values that occur nowhere by chance, and remembers them."""

    def __init__(self) -> None:
        self.values: list[bytes] = []
        self.studies = 0

    def __call__(self, kind: str) -> str:
        number = len(self.values)
        if kind in {"date", "datetime", "study date"}:
            year = 1700 + number // 360
            if kind == "study date":  # seven years apart: none can be moved onto another
                self.studies += 1
                year = 1400 + 7 * self.studies
            day = f"{year:04}{number // 30 % 12 + 1:02}{number % 30 % 28 + 1:02}"
            self.values += [day.encode(), f"{day}101112".encode(), f"{day[:4]}-{day[4:6]}-{day[6:]}".encode()]
            return f"{day}101112" if kind == "datetime" else day
        value = f"1.2.826.77{number:05}.4711" if kind == "uid" else f"ZQCAN{number:05}X"
        self.values.append(value.encode())
        return value


@dataclass(frozen=True)
class Hospital:
    """Radiographs full of canaries."""

    folder: Path
    canaries: frozenset[bytes]


def identifying() -> list[tuple[str, str]]:
    """Keyword and kind of every element of the dictionary that may hold words, UIDs or dates."""
    found = [(entry[4], KINDS[entry[0]]) for entry in DicomDictionary.values() if entry[0] in KINDS and entry[4]]
    return [
        (keyword, kind)
        for keyword, kind in found
        if keyword not in FUNCTIONAL and (tag_for_keyword(keyword) or 0) > 0x80000
    ]


def plant(dataset: Dataset, canaries: Canaries, elements: list[tuple[str, str]]) -> None:
    for keyword, kind in elements:
        setattr(dataset, keyword, canaries(kind))


def write_study(
    path: Path, canaries: Canaries, *, ill: bool, patient: str, number: int, burned_in: bool
) -> dict[str, str]:
    rows, columns = np.mgrid[:40, :36]
    pixels = np.random.default_rng(number).integers(60, 140, (40, 36)).astype(np.uint16)
    pixels[(rows > 10) & (rows < 26) & (columns > 8) & (columns < 24)] += 60 * ill
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ComputedRadiographyImageStorage
    meta.MediaStorageSOPInstanceUID = UID(canaries("uid"))
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, preamble=b"\0" * 128, file_meta=meta)
    elements = identifying()
    plant(dataset, canaries, elements if number == 0 else elements[number::40])
    nested = Dataset()
    plant(nested, canaries, elements[:30])
    nested.ReferencedPatientSequence = Sequence([Dataset()])
    nested.ReferencedPatientSequence[0].PatientName = canaries("text")
    dataset.OtherPatientIDsSequence = Sequence([nested])
    block = dataset.private_block(0x0011, canaries("text"), create=True)
    for place, vr in enumerate(("PN", "LO", "SH", "UT", "LT")):
        block.add_new(place, vr, canaries("text"))
    for keyword, value in {
        "SOPClassUID": meta.MediaStorageSOPClassUID, "SOPInstanceUID": meta.MediaStorageSOPInstanceUID,
        "StudyInstanceUID": canaries("uid"), "SeriesInstanceUID": canaries("uid"), "PatientID": patient,
        "StudyDate": canaries("study date"), "PatientAge": "061Y", "PatientSex": "F",
        "Modality": canaries("text") if number == 1 else "CR",
        **{keyword: canaries("text") for keyword in ("Manufacturer", "BodyPartExamined", "ViewPosition")},
        "Rows": 40, "Columns": 36, "SamplesPerPixel": 1, "BitsAllocated": 16, "BitsStored": 12,
        "HighBit": 11, "PixelRepresentation": 0, "PhotometricInterpretation": "MONOCHROME2",
        "BurnedInAnnotation": "YES" if burned_in else "NO", "PixelData": pixels.tobytes(),
    }.items():  # fmt: skip
        setattr(dataset, keyword, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    day = dataset.StudyDate
    return {"study_id": dataset.StudyInstanceUID, "date": f"{day[:4]}-{day[4:6]}-{day[6:]}"}


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Hospital:
    canaries = Canaries()
    folder = tmp_path_factory.mktemp("in") / canaries("text")
    rows = []
    patients: dict[int, str] = {}
    for number in range(28):
        patient = patients.setdefault(number // 4 * 2 + number % 2, canaries("text"))
        name = f"{canaries('text')}/{canaries('text')}.dcm"
        ill = number % 2 == 1
        known = write_study(
            folder / name, canaries, ill=ill, patient=patient, number=number, burned_in=number == 27
        )  # fmt: skip
        rows.append(
            {"path": name, "patient_id": patient, "label": "ill" if ill else "normal", "sex": "F", **known,
             "split": "test" if number >= 20 else "", "site": folder.name, "referring": canaries("text")}
        )  # fmt: skip
    pd.DataFrame(rows).to_csv(folder / "cohort.csv", index=False)
    whole = (folder / str(rows[0]["path"])).read_bytes()
    for name, content in {"empty.dcm": b"", "text.dcm": b"no image\n" * 40, "cut.dcm": whole[:9000]}.items():
        (folder / f"{canaries('text')} {name}").write_bytes(content)
    (folder / f"notes.{canaries('text')}").write_text(canaries("text"))
    assert len(canaries.values) > 2000
    return Hospital(folder, frozenset(canaries.values))


def leaks(hospital: Hospital, *contents: bytes) -> set[bytes]:
    """Canaries in any of the contents, in UTF-8 or UTF-16."""
    found: set[bytes] = set()
    for content in contents:
        found.update(CANARY.findall(content), CANARY.findall(content.replace(b"\0", b"")))
    return found & hospital.canaries


def outputs(folder: Path) -> list[bytes]:
    """Every file's name and bytes, and once more what is compressed or encoded in them."""
    contents = []
    for file in sorted(folder.rglob("*")):
        contents.append(str(file.relative_to(folder)).encode())
        if not file.is_file():
            continue
        contents.append(file.read_bytes())
        if file.suffix == ".parquet":
            contents.append(pd.read_parquet(file).to_csv().encode())
        if file.suffix == ".sqlite":
            base = sqlite3.connect(file)
            contents += ["\n".join(base.iterdump()).encode()]
            base.close()
    return contents


def said(capfd: pytest.CaptureFixture[str]) -> bytes:
    captured = capfd.readouterr()
    return (captured.out + captured.err).encode()


def run(*words: str | int | Path) -> int:
    return main([str(word) for word in words])


def fixed_key(folder: Path) -> Path:
    """Always the same key, so that no moved date is another canary by chance."""
    (folder / "a.key").write_text(KEY)
    (folder / "a.key").chmod(0o600)
    return folder / "a.key"


def test_the_search_finds_canaries_where_nobody_hides_them(
    hospital: Hospital, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The test of the test: without --deidentify paths and patients are in the outputs."""
    run("inspect", hospital.folder, "--out", tmp_path / "out", "--allow-failures", 9)
    assert len(leaks(hospital, *outputs(tmp_path / "out"), said(capfd))) > 50


@pytest.mark.parametrize("form", [(), ("--json",), ("--debug",)])
def test_inspect_names_nobody(
    hospital: Hospital, tmp_path: Path, capfd: pytest.CaptureFixture[str], form: tuple[str, ...]
) -> None:
    out, key = tmp_path / "out", tmp_path / "a.key"
    for place in (hospital.folder, hospital.folder / "cohort.csv"):
        shutil.rmtree(out, ignore_errors=True)
        code = run("inspect", place, "--out", out, "--deidentify", "--key", key, *form)
        assert code == 3
        words = said(capfd)
        assert leaks(hospital, *outputs(out), words) == set()
        assert b"BurnedIn" in (out / "ledger.csv").read_bytes()
        statement = json.loads((out / "deidentification.json").read_text())
        assert statement["key_id"] == read_key(key).id
        secret = read_key(key).secret
        assert not any(secret in content or secret.hex().encode() in content for content in [*outputs(out), words])


def test_convert_fit_predict_evaluate_and_report_name_nobody(
    hospital: Hospital, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    prepared, fitted, tested = home / "prepared", home / "run", home / "test"
    options = ("--deidentify", "--key", fixed_key(tmp_path))
    assert run("convert", hospital.folder, "--out", prepared, "--size", 32, "--allow-failures", 1, *options) == 0
    plan = ("--out", home / "plan.toml", "--backbone", "squeezenet1_1", *CHANGES, "--allow-failures", 1)
    assert run("plan", prepared, *plan) == 0
    assert run("fit", home / "plan.toml", "--out", fitted, "--allow-failures", 1) == 0
    bundle = fitted / "bundle"
    assert run("predict", bundle, fitted / "cohort.csv", "--split", "test", "--out", tested, "--allow-failures", 1) == 0
    assert run("evaluate", tested, "--out", home / "figures") == 0
    assert run("report", home / "figures", "--out", home / "report.html") == 0
    assert leaks(hospital, *outputs(home), said(capfd)) == set()
    table = pd.read_csv(prepared / "cohort.csv", dtype=str, keep_default_na=False)
    assert table["patient_id"].str.startswith("P-").all()
    assert table["patient_id"].nunique() == 14
    assert "referring" not in table
    assert table["quarter"].str.fullmatch(r"\d{4}-Q[1-4]").all()


def test_what_is_kept_by_name_is_there_and_nothing_else(
    hospital: Hospital, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "prepared"
    options = ("--deidentify", "--key", fixed_key(tmp_path), "--keep-column", "referring", "--allow-burned-in")
    assert run("convert", hospital.folder, "--out", out, "--size", 32, *options) == 0
    real = pd.read_csv(hospital.folder / "cohort.csv", dtype=str)
    found = leaks(hospital, *outputs(out), said(capfd))
    assert found == {cell.encode() for cell in real["referring"]}
    statement = json.loads((out / "deidentification.json").read_text())
    assert statement["kept_columns"] == ["referring"]
    assert statement["burned_in_allowed"] is True


@pytest.mark.parametrize("command", ["inspect", "convert"])
def test_errors_name_nobody(
    hospital: Hospital, tmp_path: Path, capfd: pytest.CaptureFixture[str], command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = ("--deidentify", "--key", tmp_path / "a.key", "--out", tmp_path / "out", "--debug")
    name, patient = sorted(hospital.canaries)[-2:]
    table = hospital.folder / "broken.csv"
    table.write_text("path,patient_id,label\n" + f"{name.decode()}.dcm,{patient.decode()},x\n" * 2)
    try:
        assert run(command, table, *key) == 2
        assert run(command, hospital.folder / "nothing here", *key) == 2

        def fails(*_: object, **__: object) -> None:
            raise RuntimeError(name.decode())

        monkeypatch.setattr("medtransfer.pipeline.story.inspect_place", fails)
        monkeypatch.setattr("medtransfer.pipeline.story.convert_cohort", fails)
        assert run(command, hospital.folder, *key) == 1
    finally:
        table.unlink()
    words = said(capfd)
    assert b"[RepeatedRow]" in words
    assert b"unexpected RuntimeError" in words
    assert leaks(hospital, words, *outputs(tmp_path)) == set()


@pytest.mark.parametrize("option", [("--key", "a.key"), ("--keep-column", "site"), ("--allow-burned-in",)])
def test_options_that_would_do_nothing_are_refused(
    hospital: Hospital, capfd: pytest.CaptureFixture[str], option: tuple[str, ...]
) -> None:
    assert run("inspect", hospital.folder, *option) == 2
    assert f"{option[0]}: means nothing without --deidentify [NeedsDeidentify]" in capfd.readouterr().err


def test_the_key_may_not_lie_in_the_outputs(
    hospital: Hospital, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run("convert", hospital.folder, "--out", out, "--deidentify", "--key", out / "a.key") == 2
    assert "[KeyInOutput]" in capfd.readouterr().err
    assert not out.exists()
