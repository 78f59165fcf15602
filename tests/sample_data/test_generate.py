"""The sample data: equal seeds give equal bytes, and the hospitals are what the README says they are."""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import generate
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.errors import InvalidDicomError
from pydicom.uid import MPEG4HP41, ExplicitVRLittleEndian, RLELossless
from two_hospitals import damage, mess
from two_hospitals.hospitals import HILLCREST, RIVERSIDE
from two_hospitals.markers import PORTABLE
from two_hospitals.shots import KINDS

import medtransfer as mt

if TYPE_CHECKING:
    from collections.abc import Callable

SAMPLE_DATA = Path(generate.__file__).parent
COLUMNS = [
    "path", "patient_id", "study_id", "site", "date", "label", "split", "sex", "age", "view", "portable", "marker",
]  # fmt: skip
SEED = 4
SMALL = {"source_patients": 7, "target_labelled": 4, "target_test": 3, "volumes": 2}

ELSEWHERE = """
import hashlib, pathlib, generate
generate.generate(pathlib.Path({out!r}), seed={seed}, workers=1, **{small})
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both hospitals, made by two processes."""
    out = tmp_path_factory.mktemp("sample")
    generate.generate(out, seed=SEED, **SMALL)
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


@pytest.mark.slow
def test_one_process_on_a_plainer_machine_writes_the_same_bytes(
    small: Path, tmp_path: Path, on_a_plainer_machine: Callable[[str], str]
) -> None:
    on_a_plainer_machine(ELSEWHERE.format(out=str(tmp_path / "out"), seed=SEED, small=SMALL))
    assert digests(tmp_path / "out") == digests(small)


def test_another_seed_gives_other_images(small: Path, tmp_path: Path) -> None:
    few = {"source_patients": 2, "target_labelled": 1, "target_test": 1, "volumes": 0}
    generate.generate(tmp_path, seed=SEED + 1, workers=1, **few)
    old, new = set(digests(small).values()), digests(tmp_path)
    images = {name: digest for name, digest in new.items() if name.endswith(".dcm") and "images" in name}
    assert len(images) >= 4
    assert old.isdisjoint(images.values())
    assert all(digest in old for name, digest in new.items() if name.startswith("damaged"))
    assert not (tmp_path / "head_ct").exists()


def test_no_study_is_overwritten(small: Path) -> None:
    before = digests(small)
    with pytest.raises(FileExistsError):
        generate.generate(small, seed=SEED, **SMALL)
    assert digests(small) == before


@pytest.mark.parametrize("site", ["riverside", "hillcrest"])
def test_table_and_headers_agree(small: Path, site: str) -> None:
    rows = rows_of(small / site / "cohort.csv")
    assert list(rows[0]) == COLUMNS
    assert {row["label"] for row in rows} == {"normal", "pneumonia"}
    listed = {row["path"] for row in rows}
    assert {f"images/{path.name}" for path in (small / site / "images").iterdir() if "raw" not in path.name} == listed
    for row in rows:
        header = pydicom.dcmread(small / site / row["path"], stop_before_pixels=True)
        assert header.PatientID == row["patient_id"]
        assert header.StudyID == row["study_id"]
        assert header.PatientSex == row["sex"]
        assert header.PatientAge == (f"{int(row['age']):03d}Y" if row["age"] else "")
        assert header.ViewPosition == row["view"]
        assert row["view"] in ({"AP"} if row["portable"] == "yes" else {"PA", "LL"})
        assert header.StudyDate == row["date"].replace("-", "")
        assert header.BodyPartExamined == "CHEST"
        assert header.BurnedInAnnotation == "NO"
        assert "synthetic" in header.Manufacturer
        assert row["label"] not in str(header).lower()


def test_splits_are_written_as_planned(small: Path) -> None:
    studies = {
        site: {row["study_id"]: row["split"] for row in rows_of(small / site / "cohort.csv")}
        for site in ("riverside", "hillcrest")
    }
    assert Counter(studies["hillcrest"].values()) == {"": 4, "test": 3}
    assert set(studies["riverside"].values()) == {""}
    assert len({study.split("-")[0] for study in studies["riverside"]}) == 7


def test_the_rows_of_a_study_say_the_same_of_it(small: Path) -> None:
    for site in ("riverside", "hillcrest"):
        said: dict[str, set[tuple[str, ...]]] = {}
        for row in rows_of(small / site / "cohort.csv"):
            said.setdefault(row["study_id"], set()).add((row["patient_id"], row["label"], row["split"], row["date"]))
        assert all(len(facts) == 1 for facts in said.values())


def test_uids_are_shared_by_a_study_and_by_nothing_else(small: Path) -> None:
    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in small.glob("*/images/*.dcm")]
    for keyword in ("SOPInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
        uids = [header[keyword].value for header in headers]
        assert len(set(uids)) == len(headers)
        assert all(uid.is_valid and uid.startswith("2.25.") for uid in uids)
    studies = {(header.StudyID, header.StudyInstanceUID) for header in headers}
    assert len(studies) == len({study for study, _ in studies}) == len({uid for _, uid in studies})


def test_riverside_is_12_bit_monochrome2_with_a_table(small: Path) -> None:
    for path in (small / "riverside" / "images").glob("*.dcm"):
        study = pydicom.dcmread(path)
        if "raw" in path.name:
            continue
        assert study.SOPClassUID == "1.2.840.10008.5.1.4.1.1.1.1"
        assert study.PresentationIntentType == "FOR PRESENTATION"
        assert study.file_meta.TransferSyntaxUID == RLELossless
        assert (study.PhotometricInterpretation, study.BitsStored, study.HighBit) == ("MONOCHROME2", 12, 11)
        assert "WindowCenter" not in study
        table = study.VOILUTSequence[0]
        assert list(table.LUTDescriptor) == [4096, 0, 12]
        assert (np.diff(np.frombuffer(table.LUTData, dtype="<u2").astype(int)) >= 0).all()
        pixels = study.pixel_array
        assert pixels.shape == RIVERSIDE.detector.shape
        assert 1023 < pixels.max() < 4096


def test_hillcrest_is_10_bit_monochrome1_with_a_border(small: Path) -> None:
    rows, columns = HILLCREST.detector.border
    for path in (small / "hillcrest" / "images").iterdir():
        study = pydicom.dcmread(path)
        assert study.SOPClassUID == "1.2.840.10008.5.1.4.1.1.1"
        assert study.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        assert (study.PhotometricInterpretation, study.BitsStored, study.HighBit) == ("MONOCHROME1", 10, 9)
        assert (float(study.RescaleSlope), float(study.RescaleIntercept)) == (4.0, -96.0)
        assert study.PixelPaddingValue == 0
        pixels = study.pixel_array
        assert pixels.shape == HILLCREST.detector.shape
        assert pixels.max() < 1024
        border = pixels == 0
        assert border.sum() == pixels.size - np.prod(HILLCREST.detector.exposed)
        assert not border[rows:-rows, columns:-columns].any()
        low, high = study.WindowCenter - study.WindowWidth / 2, study.WindowCenter + study.WindowWidth / 2
        shown = 4.0 * pixels[~border] - 96.0
        assert np.mean((shown > low) & (shown < high)) > 0.5


@pytest.mark.parametrize("site", ["riverside", "hillcrest"])
def test_the_spine_absorbs_more_than_the_lungs(small: Path, site: str) -> None:
    hospital = {"riverside": RIVERSIDE, "hillcrest": HILLCREST}[site]
    for row in rows_of(small / site / "cohort.csv"):
        if row["view"] != "LL":
            pixels = pydicom.dcmread(small / site / row["path"]).pixel_array.astype(float)
            middle, centre = (length // 2 for length in pixels.shape)
            lung = pixels[middle - 30 : middle + 10, centre - 55 : centre - 30].mean()
            spine = pixels[middle : middle + 40, centre - 6 : centre + 6].mean()
            brighter = spine - lung if hospital is RIVERSIDE else lung - spine
            assert brighter > 0.04 * 2 ** (12 if hospital is RIVERSIDE else 10)


def test_a_marker_lies_where_the_table_says_so(small: Path) -> None:
    """The letters' corner varies from pixel to pixel where they are, and hardly at all where they are not."""
    detector = RIVERSIDE.detector
    first, height, width = (
        round(mm / detector.spacing_mm) for mm in (PORTABLE.margin_mm, PORTABLE.height_mm, PORTABLE.width_mm)
    )
    seen = {}
    for row in rows_of(small / "riverside" / "cohort.csv"):
        if row["view"] != "LL":
            corner = pydicom.dcmread(small / "riverside" / row["path"]).pixel_array[first : first + height]
            contrast = np.ptp(corner[:, -first - width : -first].astype(float))
            seen.setdefault(row["marker"], []).append(contrast)
    assert set(seen) == {"", "PORT"}
    assert min(seen["PORT"]) > 2 * max(seen[""])


def test_the_key_says_what_lies_where(small: Path) -> None:
    for site in ("riverside", "hillcrest"):
        rows, key = (rows_of(small / site / name) for name in ("cohort.csv", "lesions.csv"))
        assert [row["path"] for row in rows] == [line["path"] for line in key]
        for row, line in zip(rows, key, strict=True):
            ill = row["label"] == "pneumonia"  # at both hospitals the label is true
            assert (int(line["lesions"]) > 0) == ill
            assert (float(line["severity"]) > 0) == ill
            assert ill or float(line["volume_ml"]) == float(line["peak"]) == 0
            shape = (RIVERSIDE if site == "riverside" else HILLCREST).detector.shape
            assert 0 < float(line["centre_row"]) < shape[0]
            assert 0 < float(line["centre_column"]) < shape[1]


def test_the_odd_pictures_are_what_they_are_called(small: Path) -> None:
    """A copy shows the same with other grey values, a repeat the same patient anew, a raw twin is not for reading."""
    images = small / "riverside" / "images"
    kinds = {kind: path for kind in KINDS for path in images.glob(f"*_{kind}.dcm")}
    assert kinds.keys() == {"lateral", "repeat", "copy", "raw"}
    pictures, headers = {}, {}
    for kind in ("repeat", "copy", "raw"):
        first = pydicom.dcmread(str(kinds[kind]).replace(f"_{kind}", ""))
        headers[kind] = pydicom.dcmread(kinds[kind])
        assert headers[kind].StudyInstanceUID == first.StudyInstanceUID
        pictures[kind] = (first.pixel_array.astype(float), headers[kind].pixel_array.astype(float))
    first, copy = pictures["copy"]
    np.testing.assert_array_equal(copy, np.rint(0.97 * first + 9))
    assert headers["copy"].ImageType[0] == "DERIVED"
    first, repeat = pictures["repeat"]
    assert 0.6 < np.corrcoef(first.ravel(), repeat.ravel())[0, 1] < 0.9999
    first, raw = pictures["raw"]
    assert headers["raw"].PresentationIntentType == "FOR PROCESSING"
    assert headers["raw"].SOPClassUID == "1.2.840.10008.5.1.4.1.1.1.1.1"
    assert headers["raw"].PhotometricInterpretation == "MONOCHROME1"
    inside = raw < np.median(raw)  # what the beam had to pass
    assert np.corrcoef(first[inside], np.log(raw[inside] + 1))[0, 1] < -0.7


def test_inspection_finds_the_mess(small: Path) -> None:
    """Files that fail, the raw twin and the tables that are left out, and the copies, each named."""
    found = mt.inspect(small)
    counts = found.ledger.counts()
    assert counts["failed"] == len(damage.DAMAGED)
    codes = Counter(row.code for row in found.ledger.rows if row.status == "excluded")
    assert codes["for_processing"] == 1
    assert codes["not_an_image_file"] == 6  # three cohort.csv, three lesions.csv
    twins = [{Path(member.path).stem for member in group.members} for group in found.duplicates.groups]
    assert len(twins) == 2
    assert all({name, f"{name}_copy"} == twin for twin in twins for name in twin if "_" not in name)


def test_damaged_files_are_the_documented_ones(small: Path) -> None:
    """Folder, generator and README name the same files, with the same bytes."""
    committed = digests(SAMPLE_DATA / "damaged")
    assert committed == digests(small / "damaged")
    assert set(damage.DAMAGED) == set(committed)
    readme = (SAMPLE_DATA / "README.md").read_text(encoding="utf-8")
    described = readme[readme.index("## Damaged files") : readme.index("## Messy folder")]
    assert set(re.findall(r"^\| `([\w.]+\.(?:dcm|png))` \|", described, re.MULTILINE)) == set(committed)
    assert all(path.stat().st_size <= 40 * 1024 for path in (SAMPLE_DATA / "damaged").iterdir())


def test_the_messy_folder_is_what_its_generator_writes(tmp_path: Path) -> None:
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
