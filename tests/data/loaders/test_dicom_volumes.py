"""Series and multi-frame files, from a folder to one scan each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    CTImageStorage,
    EnhancedCTImageStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    PositronEmissionTomographyImageStorage,
    UltrasoundMultiFrameImageStorage,
)
from reading import finding, loading

from medtransfer.core.errors import ReadError
from medtransfer.data.loaders import dicom
from medtransfer.data.preprocess import plane_of, to_display
from medtransfer.data.scan import Window

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from medtransfer.data.scan import Scan

    Write = Callable[..., Path]

SHAPE = (6, 5)


def write_series(write: Write, *, slices: int = 5, step: float = 2.5, name: str = "ct", **tags: Any) -> list[Path]:
    """Slice k holds the value k everywhere and lies at k steps; its file's name and number run the other way."""
    paths = []
    for k in range(slices):
        own = {key: value(k) if callable(value) else value for key, value in tags.items()}
        values: dict[str, Any] = {
            "Modality": "CT", "SOPClassUID": CTImageStorage, "SeriesInstanceUID": "1.2.9", "InstanceNumber": slices - k,
            "ImagePositionPatient": [-10, -20, k * step], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
            "PixelSpacing": [0.5, 0.4], "SliceThickness": step, "RescaleSlope": 1, "RescaleIntercept": -1024,
        }  # fmt: skip
        pixels = np.full(SHAPE, k, dtype=np.int16)
        paths.append(write(f"{name}/{slices - k:03}.dcm", pixels, **(values | own)))
    return paths


def only(place: Path, **settings: Any) -> Scan:
    found = finding(dicom, place, **settings)
    assert not found.failed
    (item,) = found.items
    return loading(dicom, item, **settings)


def test_a_series_is_one_volume_in_the_order_of_its_places(write_dicom: Write, tmp_path: Path) -> None:
    write_series(write_dicom)
    scan = only(tmp_path)
    assert (scan.kind, scan.units, scan.voxels.dtype) == ("volume", "HU", np.int16)
    assert scan.voxels[:, 0, 0].tolist() == [0, 1, 2, 3, 4]
    assert scan.affine is not None
    np.testing.assert_allclose(scan.affine @ [3, 2, 1, 1], [10 - 0.4, 20 - 1.0, 7.5, 1])
    assert scan.presentation.intercept == -1024


def test_facts_of_a_series_stand_on_its_item(write_dicom: Write, tmp_path: Path) -> None:
    paths = write_series(write_dicom)
    (item,) = finding(dicom, tmp_path).items
    assert item.paths == tuple(paths)
    assert item.facts["matrix"] == "6 × 5 × 5"
    assert item.facts["spacing"] == "0.5 × 0.4 × 2.5"
    assert item.facts["orientation"] == "SPL"
    assert item.facts["syntax"] == "Explicit VR Little Endian"
    assert item.identifiers == ("PatientID",)


def test_rescale_that_differs_from_slice_to_slice_is_applied_to_each(write_dicom: Write, tmp_path: Path) -> None:
    write_series(write_dicom, RescaleSlope=lambda k: 0.5 + k, RescaleIntercept=0, Modality="PT",
                 SOPClassUID=PositronEmissionTomographyImageStorage, Units="BQML")  # fmt: skip
    scan = only(tmp_path)
    assert scan.voxels.dtype == np.float32
    assert scan.voxels[:, 0, 0].tolist() == [k * (0.5 + k) for k in range(5)]
    assert (scan.presentation.slope, scan.presentation.intercept, scan.units) == (1.0, 0.0, "BQML")
    assert scan.suv_factor == "CorrectedImage lacks ATTN and DECY"


def test_padding_of_slices_rescaled_one_by_one_stays_black(write_dicom: Write, tmp_path: Path) -> None:
    """Slice k holds k; in slice 2 that is the padding, whatever the others' slopes make of their own values."""
    write_series(write_dicom, RescaleSlope=lambda k: 1 + k, RescaleIntercept=0, PixelPaddingValue=2)
    scan = only(tmp_path)
    assert scan.presentation.padding is not None
    low, high = scan.presentation.padding
    padded = [(plane >= low).all() and (plane <= high).all() for plane in scan.voxels]
    assert padded == [False, False, True, False, False]
    assert not to_display(plane_of(scan, 2)).any()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda paths: paths[2].unlink(), "MissingSlice"),
        (lambda paths: paths[2].write_bytes(paths[2].read_bytes()[:-20]), "Truncated"),
    ],
)
def test_a_series_that_lacks_a_slice_fails_whole(write_dicom: Write, tmp_path: Path, change: Any, code: str) -> None:
    paths = write_series(write_dicom)
    change(paths)
    found = finding(dicom, tmp_path)
    assert not found.items
    assert {failure.error.code for failure in found.failed} == {code}
    assert {failure.path for failure in found.failed} == {path for path in paths if path.exists()}
    assert {failure.facts["series_uid"] for failure in found.failed} == {"1.2.9"}
    if code == "Truncated":
        assert {failure.error.path for failure in found.failed} == {str(paths[2])}


def test_a_slice_without_rescale_among_others_that_have_it_is_refused(write_dicom: Write, tmp_path: Path) -> None:
    write_series(write_dicom, RescaleSlope=lambda k: None if k == 2 else 1, RescaleIntercept=lambda k: -1024)
    (item,) = finding(dicom, tmp_path).items
    with pytest.raises(ReadError) as caught:
        loading(dicom, item)
    assert caught.value.code == "RescaleMissing"
    assert caught.value.path == str(tmp_path / "ct" / "003.dcm")


def test_half_a_rescale_gives_no_hounsfield_units(write_dicom: Write, tmp_path: Path) -> None:
    write_series(write_dicom, RescaleIntercept=None)
    scan = only(tmp_path)
    assert scan.units == ""
    assert any(note.startswith("RescaleMissing") for note in scan.notes)


def test_slices_that_name_no_series_say_so(write_dicom: Write, tmp_path: Path) -> None:
    write_series(write_dicom, slices=2, SeriesInstanceUID=None)
    items = finding(dicom, tmp_path).items
    assert len(items) == 2
    assert all(any(note.startswith("SeriesMissing") for note in item.notes) for item in items)


def test_a_frame_s_own_window_and_units_count(write_dicom: Write) -> None:
    """Enhanced CT keeps window, its function and the unit of rescaled values in functional groups."""
    frame = Dataset()
    frame.FrameVOILUTSequence = [_with(WindowCenter=40, WindowWidth=0.5, VOILUTFunction="LINEAR_EXACT")]
    frame.PixelValueTransformationSequence = [_with(RescaleSlope=0.1, RescaleIntercept=0, RescaleType="Z_EFF")]
    frame.PlanePositionSequence = [_with(ImagePositionPatient=[0, 0, 0])]
    frame.PlaneOrientationSequence = [_with(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])]
    frame.PixelMeasuresSequence = [_with(PixelSpacing=[1, 1], SliceThickness=1)]
    path = write_dicom(
        "enhanced.dcm",
        SOPClassUID=EnhancedCTImageStorage,
        Modality="CT",
        NumberOfFrames=1,
        PerFrameFunctionalGroupsSequence=[frame],
    )
    scan = only(path)
    assert scan.presentation.window == Window(centre=40.0, width=0.5, function="LINEAR_EXACT")
    assert scan.units == ""


def _with(**elements: Any) -> Dataset:
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def test_radiographs_of_one_series_are_items_of_their_own(write_dicom: Write, tmp_path: Path) -> None:
    for name in "ab":
        write_dicom(f"cr_{name}.dcm", PatientOrientation=["L", "F"], ImagerPixelSpacing=[0.2, 0.2])
    (tmp_path / "cr_c.dcm").write_bytes((tmp_path / "cr_a.dcm").read_bytes()[:-10])
    found = finding(dicom, tmp_path)
    assert [(item.path.stem, item.part) for item in found.items] == [("cr_a", ""), ("cr_b", "")]
    assert [failure.path.stem for failure in found.failed] == ["cr_c"]
    scan = loading(dicom, found.items[0])
    assert (scan.kind, scan.affine, scan.directions) == ("picture", None, ("F", "L"))
    assert (scan.pixel_size, scan.pixel_size_at) == ((0.2, 0.2), "detector")


def test_a_presentation_state_is_noted_on_its_series_and_not_applied(write_dicom: Write, tmp_path: Path) -> None:
    write_series(write_dicom)
    write_series(write_dicom, name="other", SeriesInstanceUID="1.2.10")
    reference = Dataset()
    reference.SeriesInstanceUID = "1.2.9"
    write_dicom(
        "state.dcm",
        SOPClassUID=GrayscaleSoftcopyPresentationStateStorage,
        Modality="PR",
        SeriesInstanceUID="1.2.11",
        ReferencedSeriesSequence=[reference],
        PixelData=None,
    )
    found = finding(dicom, tmp_path)
    assert [entry.rule for entry in found.excluded] == ["presentation_state"]
    noted = {item.facts["series_uid"]: item.notes for item in found.items}
    assert noted == {"1.2.9": ("PresentationStateNotApplied",), "1.2.10": ()}


def test_a_colour_loop_of_ultrasound_keeps_its_axes(write_dicom: Write) -> None:
    """frame row column colour: 3 frames of 4 × 7 pixels, each with the values of its place."""
    values = np.arange(3 * 4 * 7 * 3, dtype=np.uint8).reshape(3, 4, 7, 3)
    path = write_dicom(
        "us.dcm", values, SOPClassUID=UltrasoundMultiFrameImageStorage, Modality="US", NumberOfFrames=3, Rows=4,
        Columns=7, SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0,
    )  # fmt: skip
    scan = only(path)
    assert (scan.kind, scan.affine, scan.is_colour) == ("frames", None, True)
    np.testing.assert_array_equal(scan.voxels, values)


def test_an_irregular_series_is_kept_resampled_or_refused_as_asked(write_dicom: Write, tmp_path: Path) -> None:
    for path in write_series(write_dicom)[2:3]:
        path.unlink()
    kept = only(tmp_path, on_irregular="keep")
    assert kept.voxels[:, 0, 0].tolist() == [0, 1, 3, 4]
    assert kept.positions is not None
    assert kept.positions[:, 2].tolist() == [0, 2.5, 7.5, 10]
    resampled = only(tmp_path, on_irregular="resample")
    np.testing.assert_allclose(resampled.voxels[:, 0, 0], [0, 1, 2, 3, 4])
    assert {failure.error.code for failure in finding(dicom, tmp_path).failed} == {"MissingSlice"}


def test_files_that_change_between_finding_and_loading_are_noticed(write_dicom: Write, tmp_path: Path) -> None:
    paths = write_series(write_dicom)
    (item,) = finding(dicom, tmp_path).items
    write_dicom("ct/002.dcm", np.zeros((3, 3), np.int16), Modality="CT", SOPClassUID=CTImageStorage)
    with pytest.raises(ReadError) as caught:
        loading(dicom, item)
    assert caught.value.stage == "series"
    assert caught.value.path is not None
    assert str(paths[0].parent) in caught.value.path
