"""The sample data: equal seeds give equal bytes, and the hospitals are what the README says they are."""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import re
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.errors import InvalidDicomError
from pydicom.uid import MPEG4HP41, ExplicitVRLittleEndian, RLELossless
from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

SAMPLE_DATA = Path(__file__).parents[2] / "sample_data"
COLUMNS = ["path", "patient_id", "study_id", "site", "date", "label", "split", "sex", "age", "view"]
SMALL = {"source_studies": 4, "target_labelled": 3, "target_test": 3}


@pytest.fixture(scope="module")
def generator() -> Iterator[ModuleType]:
    """`generate.py`, loaded by its path with its folder on `sys.path` only while it is loaded."""
    spec = importlib.util.spec_from_file_location("sample_data_generate", SAMPLE_DATA / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(SAMPLE_DATA))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(SAMPLE_DATA))
    yield module
    for name in [name for name in sys.modules if name.split(".")[0] == "two_hospitals"]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def small(generator: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sample")
    generator.generate(out, seed=3, **SMALL)
    return out


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def plan(generator: ModuleType, count: int, *, seed: int) -> list[Any]:
    rng = np.random.default_rng(seed)
    return generator.plan_visits(count, prevalence=0.4, split="", first_patient=1, rng=rng)


def test_equal_seeds_give_equal_bytes(generator: ModuleType, small: Path, tmp_path: Path) -> None:
    """The number of threads, which changes how BLAS rounds, must not matter either."""
    with threadpool_limits(limits=1):
        generator.generate(tmp_path, seed=3, **SMALL)
    assert digests(tmp_path) == digests(small)
    assert len(digests(small)) == 10 + 4 + 6


def test_another_seed_gives_other_images(generator: ModuleType, small: Path, tmp_path: Path) -> None:
    generator.generate(tmp_path, seed=4, source_studies=2, target_labelled=1, target_test=1)
    old, new = digests(small), digests(tmp_path)
    images = {name for name in old.keys() & new.keys() if "images" in name}
    assert images
    assert all(old[name] != new[name] for name in images)
    assert all(old[name] == new[name] for name in old if name.startswith("damaged"))


def test_no_study_is_overwritten(generator: ModuleType, small: Path) -> None:
    with pytest.raises(FileExistsError):
        generator.generate(small, seed=3, **SMALL)


@pytest.mark.parametrize(("site", "positives"), [("riverside", 2), ("hillcrest", 2)])
def test_table_and_headers_agree(small: Path, site: str, positives: int) -> None:
    rows = rows_of(small / site / "cohort.csv")
    assert list(rows[0]) == COLUMNS
    assert Counter(row["label"] for row in rows)["pneumonia"] == positives
    assert {row["path"] for row in rows} == {f"images/{path.name}" for path in (small / site / "images").iterdir()}
    for row in rows:
        header = pydicom.dcmread(small / site / row["path"], stop_before_pixels=True)
        assert header.PatientID == row["patient_id"]
        assert header.StudyID == row["study_id"]
        assert header.PatientSex == row["sex"]
        assert header.PatientAge == f"{int(row['age']):03d}Y"
        assert header.ViewPosition == row["view"]
        assert header.StudyDate == row["date"].replace("-", "")
        assert header.BodyPartExamined == "CHEST"
        assert header.BurnedInAnnotation == "NO"
        assert "synthetic" in header.Manufacturer
        assert row["label"] not in str(header).lower()


def test_every_uid_is_valid_and_used_once(small: Path) -> None:
    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in small.glob("*/images/*.dcm")]
    for keyword in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"):
        uids = [header[keyword].value for header in headers]
        assert len(set(uids)) == len(headers)
        assert all(uid.is_valid and uid.startswith("2.25.") for uid in uids)


def test_riverside_is_12_bit_monochrome2_with_a_table(small: Path) -> None:
    for path in (small / "riverside" / "images").iterdir():
        study = pydicom.dcmread(path)
        assert study.SOPClassUID == "1.2.840.10008.5.1.4.1.1.1.1"
        assert study.PresentationIntentType == "FOR PRESENTATION"
        assert study.file_meta.TransferSyntaxUID == RLELossless
        assert (study.PhotometricInterpretation, study.BitsStored, study.HighBit) == ("MONOCHROME2", 12, 11)
        assert "WindowCenter" not in study
        table = study.VOILUTSequence[0]
        assert list(table.LUTDescriptor) == [4096, 0, 12]
        assert (np.diff(np.frombuffer(table.LUTData, dtype="<u2").astype(int)) >= 0).all()
        pixels = study.pixel_array
        assert pixels.shape == (288, 288)
        assert 1023 < pixels.max() < 4096
        # The spine absorbs more than a lung: high means bright.
        assert pixels[150:170, 139:149].mean() > pixels[110:150, 70:110].mean() + 300


def test_hillcrest_is_10_bit_monochrome1_with_a_border(small: Path) -> None:
    for path in (small / "hillcrest" / "images").iterdir():
        study = pydicom.dcmread(path)
        assert study.SOPClassUID == "1.2.840.10008.5.1.4.1.1.1"
        assert study.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        assert (study.PhotometricInterpretation, study.BitsStored, study.HighBit) == ("MONOCHROME1", 10, 9)
        assert (float(study.RescaleSlope), float(study.RescaleIntercept)) == (4.0, -96.0)
        assert study.PixelPaddingValue == 0
        pixels = study.pixel_array
        assert pixels.shape == (256, 320)
        assert pixels.max() < 1024
        border = pixels == 0
        assert border.sum() == 256 * 320 - 244 * 276
        assert not border[6:-6, 22:-22].any()
        low, high = study.WindowCenter - study.WindowWidth / 2, study.WindowCenter + study.WindowWidth / 2
        shown = 4.0 * pixels[~border] - 96.0
        assert np.mean((shown > low) & (shown < high)) > 0.5
        # The spine absorbs more than a lung: low means bright.
        assert pixels[120:140, 155:165].mean() < pixels[90:130, 95:125].mean() - 75


@pytest.mark.parametrize("count", [0, 1, 7, 60, 160])
def test_visits_are_as_many_as_asked(generator: ModuleType, count: int) -> None:
    visits = plan(generator, count, seed=1)
    assert len(visits) == count
    assert sum(visit.ill for visit in visits) == int(count * 0.4 + 0.5)
    assert len({(visit.patient, visit.number) for visit in visits}) == count


def test_some_patients_come_twice_and_not_always_alike(generator: ModuleType) -> None:
    visits = plan(generator, 460, seed=2)
    studies = Counter(visit.patient for visit in visits)
    assert set(studies.values()) == {1, 2}
    assert list(studies.values()).count(2) / len(studies) == pytest.approx(0.15, abs=0.001)
    twice = [patient for patient, number in studies.items() if number == 2]
    courses = {tuple(v.ill for v in visits if v.patient == patient) for patient in twice}
    assert {(True, False), (False, True)} & courses


def test_no_patient_on_both_sides_of_the_locked_test(
    generator: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: dict[str, list[Any]] = {}

    def remember(folder: Path, *, hospital: Any, visits: list[Any], seed: int) -> None:
        del folder, seed
        asked[hospital.name] = visits

    monkeypatch.setattr(generator, "write_hospital", remember)
    generator.generate(tmp_path)
    target = asked["hillcrest"]
    assert Counter(visit.split for visit in target) == {"": 60, "test": 80}
    assert Counter(visit.split for visit in asked["riverside"]) == {"": 160}
    locked = {visit.patient for visit in target if visit.split == "test"}
    assert locked
    assert locked.isdisjoint(visit.patient for visit in target if not visit.split)


def test_splits_are_written_as_planned(small: Path) -> None:
    assert Counter(row["split"] for row in rows_of(small / "hillcrest" / "cohort.csv")) == {"": 3, "test": 3}
    assert Counter(row["split"] for row in rows_of(small / "riverside" / "cohort.csv")) == {"": 4}


def test_only_ill_studies_have_lesions(small: Path) -> None:
    for site in ("riverside", "hillcrest"):
        ill = {row["study_id"] for row in rows_of(small / site / "cohort.csv") if row["label"] == "pneumonia"}
        lesions = rows_of(small / site / "lesions.csv")
        assert {row["study_id"] for row in lesions} == ill
        assert all(float(row["peak"]) > 0 and float(row["area_mm2"]) > 0 for row in lesions)


def test_lesions_span_hardly_visible_to_dense(generator: ModuleType) -> None:
    """Grades are uniform, and what reaches the detector grows with them, from below 0.25 to above 1.2."""
    opacities = sys.modules["two_hospitals.opacities"]
    radiograph = sys.modules["two_hospitals.radiograph"]
    anatomy = sys.modules["two_hospitals.anatomy"]
    drawn = [opacities.draw_pneumonia(np.random.default_rng([5, index])) for index in range(400)]
    grades = np.array([pneumonia.grade for pneumonia in drawn])
    assert np.histogram(grades, bins=4, range=(0, 1))[0] == pytest.approx(100, abs=35)
    assert {len(pneumonia.opacities) for pneumonia in drawn} == {1, 2, 3}

    def peak(pneumonia: Any, index: int) -> float:
        rng = np.random.default_rng(index)
        body, pose = anatomy.draw_body(rng), anatomy.draw_pose(rng, bedside_fraction=0.0)
        beam = radiograph.attenuation(
            body, pose, pneumonia, shape=(150, 150), spacing=2.8, rng=rng, lesion_rng=np.random.default_rng(0)
        )
        return float(beam.opacity.max())

    order = np.argsort(grades)
    faint = [peak(drawn[i], int(i)) for i in order[:8]]
    dense = [peak(drawn[i], int(i)) for i in order[-8:]]
    assert 0 < max(faint) < 0.25
    assert np.median(dense) > 1.2
    assert peak(opacities.HEALTHY, 0) == 0


def test_damaged_files_are_the_documented_ones(small: Path) -> None:
    """Folder, generator and README name the same files, with the same bytes."""
    committed = digests(SAMPLE_DATA / "damaged")
    assert committed == digests(small / "damaged")
    assert set(sys.modules["two_hospitals.damage"].DAMAGED) == set(committed)
    readme = (SAMPLE_DATA / "README.md").read_text(encoding="utf-8")
    described = readme[readme.index("## Damaged files") : readme.index("## Messy folder")]
    assert set(re.findall(r"^\| `([\w.]+\.(?:dcm|png))` \|", described, re.MULTILINE)) == set(committed)
    assert all(path.stat().st_size <= 40 * 1024 for path in (SAMPLE_DATA / "damaged").iterdir())


def test_the_messy_folder_is_what_its_generator_writes(small: Path, tmp_path: Path) -> None:
    del small  # it put the generator's folder on the path
    mess = importlib.import_module("two_hospitals.mess")
    mess.write_messy(tmp_path)
    assert digests(tmp_path) == digests(SAMPLE_DATA / "messy")
    readme = (SAMPLE_DATA / "README.md").read_text(encoding="utf-8")
    described = readme[readme.index("## Messy folder") :]
    assert set(re.findall(r"`([\w.]+/?)`(?=.*\|)", described)) == set(mess.MESS)


def test_each_damaged_file_fails_in_its_own_way() -> None:
    folder = SAMPLE_DATA / "damaged"
    assert (folder / "empty.dcm").stat().st_size == 0
    with pytest.raises(InvalidDicomError):
        pydicom.dcmread(folder / "text.dcm")
    cut = pydicom.dcmread(folder / "cut_in_pixels.dcm", stop_before_pixels=True)
    assert (cut.Rows, cut.Columns) == (64, 64)
    assert (folder / "cut_in_pixels.dcm").stat().st_size < 64 * 64 * 2
    huge = pydicom.dcmread(folder / "rows_65535.dcm")
    assert (huge.Rows, huge.Columns, len(huge.PixelData)) == (65535, 65535, 64 * 64 * 2)
    video = pydicom.dcmread(folder / "mpeg4_video.dcm")
    assert video.file_meta.TransferSyntaxUID == MPEG4HP41
    with pytest.raises(NotImplementedError):
        _ = video.pixel_array
    with Image.open(folder / "truncated.png") as picture:
        assert picture.size == (64, 64)
        with pytest.raises(OSError, match="truncated"):
            picture.load()
