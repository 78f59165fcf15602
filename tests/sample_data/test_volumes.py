"""The head CTs as files: equal bytes everywhere, balanced, readable by us and by others, and only bleeds differ."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
import pydicom
import pytest
from nibabel.affines import apply_affine
from two_hospitals.ct import Protocol
from two_hospitals.exact import Stream
from two_hospitals.volume_files import write_nifti, write_series
from two_hospitals.volume_plan import Volume, plan_volumes
from two_hospitals.volumes import examine, write_volume, write_volumes

from medtransfer.core.config.data import PreprocessConfig, ReadConfig
from medtransfer.data.ingest import ingest, read
from medtransfer.data.outcome import prepared_item

if TYPE_CHECKING:
    from collections.abc import Callable

    from medtransfer.data.scan import Scan

BRAIN = PreprocessConfig(size=96, hu_window=(40, 80))
READ = ReadConfig(nifti_modality="CT")
PROGRAM = """
from pathlib import Path
from two_hospitals.volumes import write_volumes
write_volumes(Path({folder!r}), count=4, seed=3, test=0)
"""


def digest_of(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("four") / "ct"
    write_volumes(folder, count=4, seed=3, test=0)
    return folder


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_one(place: Path, series: str = "") -> Scan:
    items = [item for item in ingest(place)[0] if not series or item.facts["series_uid"] == series]
    assert len(items) == 1
    return read(items[0])


def test_equal_seeds_give_equal_bytes_on_a_plainer_machine(
    four: Path, tmp_path: Path, on_a_plainer_machine: Callable[[str], str]
) -> None:
    on_a_plainer_machine(PROGRAM.format(folder=str(tmp_path / "ct")))
    assert digest_of(tmp_path / "ct") == digest_of(four)


def test_another_seed_gives_other_heads(four: Path, tmp_path: Path) -> None:
    volume = plan_volumes(4, seed=3, test=0)[0]
    (tmp_path / "volumes").mkdir()
    write_volume(tmp_path, volume, seed=4)
    (again,) = (tmp_path / "volumes").iterdir()
    before = four / volume.path
    assert (again.read_bytes() if again.is_file() else digest_of(again)) != (
        before.read_bytes() if before.is_file() else digest_of(before)
    )


def test_nothing_is_overwritten(four: Path) -> None:
    before = digest_of(four)
    with pytest.raises(FileExistsError):
        write_volumes(four, count=4, seed=3, test=0)
    assert digest_of(four) == before


def test_a_volume_does_not_depend_on_the_others(four: Path, tmp_path: Path) -> None:
    """So they can be made in any order, by any number of workers."""
    last = plan_volumes(4, seed=3, test=0)[-1]
    (tmp_path / "volumes").mkdir()
    write_volume(tmp_path, last, seed=3)
    alone, among = tmp_path / last.path, four / last.path
    if alone.is_dir():
        assert digest_of(alone) == digest_of(among)
    else:
        assert alone.read_bytes() == among.read_bytes()


def test_the_plan_is_balanced() -> None:
    volumes = plan_volumes(40, seed=0, test=14)
    assert Counter(volume.bleed for volume in volumes) == {True: 20, False: 20}
    assert Counter(volume.format for volume in volumes) == {"dicom": 20, "nifti": 20}
    assert Counter((volume.split, volume.bleed) for volume in volumes) == {
        ("test", True): 7,
        ("test", False): 7,
        ("", True): 13,
        ("", False): 13,
    }
    assert min(Counter((volume.format, volume.bleed) for volume in volumes).values()) >= 9
    assert sum(volume.tilted for volume in volumes) == 1
    assert 5 <= sum(volume.scout for volume in volumes) <= 8
    assert len({volume.study_id for volume in volumes}) == 40


@pytest.mark.parametrize("seed", range(6))
def test_two_patients_come_twice_and_stay_in_one_split(seed: int) -> None:
    volumes = plan_volumes(40, seed=seed, test=14)
    studies = Counter(volume.patient for volume in volumes)
    assert sorted(studies.values()) == [1] * 36 + [2] * 2
    for patient, count in studies.items():
        his = [volume for volume in volumes if volume.patient == patient]
        assert len({(volume.split, volume.format) for volume in his}) == 1
        assert [volume.number for volume in his] == list(range(1, count + 1))


def test_only_the_blood_differs_between_classes() -> None:
    volume = Volume(patient=5, number=1, bleed=True, split="", format="nifti")
    ill, well = examine(volume, seed=1), examine(replace(volume, bleed=False), seed=1)
    assert well.blood is None
    assert ill.blood is not None
    changed = ill.voxels != well.voxels
    assert 0 < changed.sum() <= (ill.blood > 0).sum()
    assert (ill.blood[changed] > 0).all()
    assert (ill.examination, ill.protocol) == (well.examination, well.protocol)


def test_the_tables_name_what_is_there(four: Path) -> None:
    rows, truths = rows_of(four / "cohort.csv"), rows_of(four / "lesions.csv")
    assert list(rows[0]) == [
        "path",
        "patient_id",
        "study_id",
        "site",
        "date",
        "label",
        "split",
        "sex",
        "age",
        "format",
        "series_uid",
    ]
    assert all((four / row["path"]).exists() for row in rows)
    assert {path.name for path in (four / "volumes").iterdir()} == {Path(row["path"]).name for row in rows}
    assert [truth["study_id"] for truth in truths] == [row["study_id"] for row in rows if row["label"] == "bleed"]
    assert Counter(row["format"] for row in rows) == {"dicom": 2, "nifti": 2}
    assert {row["site"] for row in rows if row["format"] == "dicom"} == {"riverside"}


def test_four_volumes_fit_into_the_repository(four: Path) -> None:
    sizes = [
        sum(p.stat().st_size for p in (path, *path.rglob("*")) if p.is_file()) for path in (four / "volumes").iterdir()
    ]
    assert max(sizes) <= 600_000
    assert sum(sizes) <= 2_300_000


def test_every_volume_is_read_by_our_loaders(four: Path) -> None:
    for row in rows_of(four / "cohort.csv"):
        outcome = prepared_item(four / row["path"], preprocess=BRAIN, settings=READ, series=row["series_uid"])
        assert outcome.prepared is not None, outcome.row
        assert outcome.modality == "CT"
        planes = outcome.prepared.planes
        assert planes.shape[0] in {28, 31, 34}
        middle = planes[len(planes) // 2, 0] / 65535 * 80
        assert 25 < np.median(middle[40:56, 40:56]) < 45
        notes = " ".join(outcome.row.notes)
        assert ("GantryTilt" in notes) == (row["study_id"] in tilted(four))


def tilted(folder: Path) -> set[str]:
    first = [next(path.iterdir()) for path in (folder / "volumes").iterdir() if path.is_dir()]
    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in first]
    return {str(h.StudyID) for h in headers if abs(float(h.get("GantryDetectorTilt", 0))) > 1}


def test_both_formats_hold_the_same_voxels_at_the_same_places(tmp_path: Path) -> None:
    volume = Volume(patient=8, number=1, bleed=True, split="", format="dicom", scout=True)
    study = examine(volume, seed=2)
    write_nifti(tmp_path / "a.nii", study.voxels, study.protocol)
    series = write_series(
        tmp_path / "a", study.voxels, study.protocol, examination=study.examination, scout=True, order=Stream(1)
    )
    nifti, dicom = read_one(tmp_path / "a.nii"), read_one(tmp_path / "a", series)
    ours = nib.as_closest_canonical(nib.Nifti1Image(_ct_numbers(nifti), nifti.affine))
    theirs = nib.as_closest_canonical(nib.Nifti1Image(_ct_numbers(dicom), dicom.affine))
    np.testing.assert_allclose(ours.affine, theirs.affine, atol=1e-3)
    np.testing.assert_array_equal(ours.get_fdata(), theirs.get_fdata())
    np.testing.assert_array_equal(ours.get_fdata()[::-1, ::-1].transpose(2, 1, 0), study.voxels)


def _ct_numbers(scan: Scan) -> np.ndarray:
    presentation = scan.presentation
    return np.asarray(scan.voxels, dtype=np.float32) * presentation.slope + presentation.intercept


def test_nibabel_sees_ct_numbers_right_front_up(tmp_path: Path) -> None:
    voxels = np.full((3, 8, 8), -1000, dtype=np.int16)
    voxels[2, 1, 6] = 77  # the top slice, in front, on the patient's left
    protocol = Protocol(slices=3, pixels=8, pixel_mm=2.5, thickness_mm=5.0)
    write_nifti(tmp_path / "v.nii", voxels, protocol)
    image = nib.Nifti1Image.from_filename(tmp_path / "v.nii")
    assert nib.aff2axcodes(image.affine) == ("R", "A", "S")
    assert image.header.get_zooms() == (2.5, 2.5, 5.0)
    assert (image.dataobj.slope, image.dataobj.inter) == (1, -1024)  # pyright: ignore[reportAttributeAccessIssue]
    place = np.argwhere(image.get_fdata() == 77)
    assert len(place) == 1
    right, front, up = apply_affine(image.affine, place[0])
    assert right < 0 < front
    points = protocol.grid().points()
    assert (-right, -front, up) == pytest.approx((points.x[2, 1, 6], points.y[2, 1, 6], points.z[2, 1, 6]))
    np.testing.assert_allclose(image.get_qform(), image.get_sform())


def test_a_tilted_stack_cannot_become_nifti(tmp_path: Path) -> None:
    protocol = Protocol(slices=3, pixels=8, pixel_mm=2.5, thickness_mm=5.0, tilt_degrees=12.0)
    with pytest.raises(ValueError, match=r"12\.0 degrees"):
        write_nifti(tmp_path / "v.nii", np.zeros((3, 8, 8), np.int16), protocol)


def test_series_are_as_hospitals_send_them(tmp_path: Path) -> None:
    """Names in another order than places, a scout with a series of its own, valid unique identifiers."""
    study = examine(Volume(patient=3, number=1, bleed=False, split="", format="dicom"), seed=2)
    protocol = replace(study.protocol, tilt_degrees=12.0)
    series = write_series(
        tmp_path / "a", study.voxels, protocol, examination=study.examination, scout=True, order=Stream(4)
    )
    headers = [pydicom.dcmread(path) for path in sorted((tmp_path / "a").iterdir())]
    slices = [header for header in headers if header.SeriesInstanceUID == series]
    scouts = [header for header in headers if header.SeriesInstanceUID != series]
    assert [header.ImageType[2] for header in scouts] == ["LOCALIZER"]
    places = [float(header.ImagePositionPatient[2]) for header in slices]
    assert len(places) == len(study.voxels)
    assert places != sorted(places)
    assert len({header.SOPInstanceUID for header in headers}) == len(headers)
    assert all(header.SOPInstanceUID.is_valid for header in headers)
    assert len({header.StudyInstanceUID for header in headers}) == 1
    by_place = sorted(slices, key=lambda header: float(header.ImagePositionPatient[2]))
    stored = np.stack([header.pixel_array.astype(int) + int(header.RescaleIntercept) for header in by_place])
    np.testing.assert_array_equal(stored, study.voxels)
    directions = np.array([float(value) for value in by_place[0].ImageOrientationPatient])
    assert np.linalg.norm(directions[3:]) == pytest.approx(1, abs=1e-6)
    assert np.degrees(np.arctan2(directions[5], directions[4])) == pytest.approx(12, abs=1e-4)
    steps = np.diff([[float(v) for v in header.ImagePositionPatient] for header in by_place], axis=0)
    np.testing.assert_allclose(steps, [[0, 0, protocol.thickness_mm]] * len(steps), atol=1e-3)


def test_the_key_tells_where_the_blood_is() -> None:
    study = examine(Volume(patient=11, number=1, bleed=True, split="", format="nifti"), seed=0)
    assert study.truth is not None
    assert study.blood is not None
    protocol = study.protocol
    voxel_ml = protocol.pixel_mm**2 * protocol.thickness_mm / 1000
    assert study.truth.volume_ml == pytest.approx(study.blood.sum() * voxel_ml, abs=0.006)
    points = protocol.grid().points()
    middle = (study.blood * points.x).sum() / study.blood.sum()
    assert study.truth.left_mm == pytest.approx(middle, abs=0.06)
