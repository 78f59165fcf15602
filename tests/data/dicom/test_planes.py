"""Laws of planes: one a frame, described by its own functional groups over the shared ones over the top level."""

from __future__ import annotations

import os
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    EnhancedMRImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
)

from medtransfer.core.errors import ReadError
from medtransfer.data.dicom.header import full_header, read_header
from medtransfer.data.dicom.planes import Plane, planes_of
from medtransfer.data.dicom.stacks import Stack, stacks_of

if TYPE_CHECKING:
    from collections.abc import Callable

    WriteDicom = Callable[..., Path]

SLICE: dict[str, Any] = {
    "Modality": "MR",
    "ImagePositionPatient": [-10.5, 20, 30.25],
    "ImageOrientationPatient": [1, 0, 0, 0, 0, -1],
    "PixelSpacing": [0.5, 0.75],
    "SliceThickness": 4,
    "SpacingBetweenSlices": 5,
    "InstanceNumber": 7,
    "ImageType": ["ORIGINAL", "PRIMARY", "M", "ND"],
    "EchoTime": "30.0",
    "AcquisitionNumber": 2,
    "TemporalPositionIdentifier": 3,
    "TriggerTime": 12.5,
    "RescaleSlope": 2,
    "RescaleIntercept": -5,
    "WindowCenter": [40, 80],
    "WindowWidth": [400, 90],
}


def scans() -> Path:
    folder = os.environ.get("MEDTRANSFER_DATA")
    if not folder:
        pytest.skip("MEDTRANSFER_DATA names no folder with real scans")
    return Path(folder) / "scans"


def item(**elements: object) -> Dataset:
    """A data set; dictionaries become sequences of one item."""
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, Sequence([item(**value)]) if isinstance(value, dict) else value)
    return dataset


def groups(frames: list[dict[str, Any]], shared: dict[str, Any]) -> dict[str, Any]:
    return {
        "Modality": "MR",
        "SOPClassUID": EnhancedMRImageStorage,
        "NumberOfFrames": len(frames),
        "SharedFunctionalGroupsSequence": Sequence([item(**shared)]),
        "PerFrameFunctionalGroupsSequence": Sequence([item(**frame) for frame in frames]),
    }


def pixels(frames: int) -> np.ndarray:
    return np.zeros((frames, 16, 12), np.uint16)


def enhanced(write_dicom: WriteDicom, tags: dict[str, Any], **changes: Any) -> tuple[Plane, ...]:
    frames = len(tags["PerFrameFunctionalGroupsSequence"])
    path = write_dicom("e.dcm", pixels(frames), **{**tags, "Rows": 16, "Columns": 12, **changes})
    planes = planes_of(full_header(path), path)
    assert planes_of(read_header(path), path) == planes
    return planes


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("read", [read_header, full_header])
def test_a_single_frame_is_described_by_its_top_level(write_dicom: WriteDicom, read: Any, syntax: str) -> None:
    path = write_dicom("a.dcm", syntax=syntax, **SLICE)
    (plane,) = planes_of(read(path), path)
    assert (plane.shape, plane.samples, plane.frame, plane.frames) == ((16, 12), 1, 0, 1)
    assert (plane.position, plane.orientation) == ((-10.5, 20, 30.25), (1, 0, 0, 0, 0, -1))
    assert (plane.spacing, plane.thickness, plane.between, plane.order) == ((0.5, 0.75), 4, 5, 7)
    assert plane.keys == {
        "image_type": "ORIGINAL\\M\\ND",
        "echo": "30",
        "phase": "3",
        "trigger": "12.5",
        "acquisition": "2",
    }
    assert (plane.slope, plane.intercept, plane.window) == (2, -5, (40, 400))
    assert (plane.patient_id, plane.study_uid, plane.series_uid) == ("P1", "1.2.3.1", "1.2.3.2")
    assert plane.encoding == (16, 16, 0, "MONOCHROME2")


def test_what_is_absent_is_none(write_dicom: WriteDicom) -> None:
    path = write_dicom("a.dcm", ImagePositionPatient=[], PixelSpacing=None)
    (plane,) = planes_of(read_header(path), path)
    assert (plane.position, plane.orientation, plane.spacing, plane.thickness, plane.window) == (None,) * 5
    assert plane.keys == {}


@pytest.mark.parametrize("value", [[1, 2], [1, 2, 3, 4]])
def test_a_position_of_the_wrong_length_is_not_taken_for_none(write_dicom: WriteDicom, value: list[float]) -> None:
    path = write_dicom("a.dcm", **{**SLICE, "ImagePositionPatient": value})
    (plane,) = planes_of(read_header(path), path)
    assert plane.position is not None
    assert np.isnan(plane.position).all()
    (answer,) = stacks_of([plane])
    assert not isinstance(answer, Stack)
    assert answer.error.code == "BadGeometry"


@pytest.mark.parametrize(
    ("group", "creator", "element", "value", "expected"),
    [
        (0x0043, "GEMS_PARM_01", 0x39, [1_000_000_050, 8, 0, 0], "50"),
        (0x0043, "GEMS_PARM_01", 0x39, [700, 8, 0, 0], "700"),
        (0x0019, "SIEMENS MR HEADER", 0x0C, 1000, "1000"),
        (0x0043, "SOMEBODY ELSE", 0x39, [700, 8, 0, 0], None),
    ],
)
def test_private_b_values_count_where_the_creator_matches(
    write_dicom: WriteDicom, group: int, creator: str, element: int, value: Any, expected: str | None
) -> None:
    import pydicom

    path = write_dicom("a.dcm", **SLICE)
    dataset = pydicom.dcmread(path)
    dataset.private_block(group, creator, create=True).add_new(element, "IS", value)
    dataset.save_as(path)
    for read in (read_header, full_header):
        (plane,) = planes_of(read(path), path)
        assert plane.keys.get("b_value") == expected


@pytest.mark.parametrize("keyword", ["EchoTime", "KVP", "InstanceNumber"])
@pytest.mark.parametrize("content", [b"nan ", b"inf ", b"12-a"])
def test_numbers_that_are_none_raise_nothing_of_another_library(
    write_dicom: WriteDicom, keyword: str, content: bytes
) -> None:
    path = write_dicom("a.dcm", **{**SLICE, keyword: "9876"})
    path.write_bytes(path.read_bytes().replace(b"9876", content))
    if keyword == "InstanceNumber":
        with pytest.raises(ReadError, match="InstanceNumber") as caught:
            planes_of(read_header(path), path)
        assert caught.value.code == "BadTag"
    else:
        (plane,) = planes_of(read_header(path), path)
        assert plane.order == 7


def test_the_public_b_value_goes_before_the_private_one(write_dicom: WriteDicom) -> None:
    path = write_dicom("a.dcm", **SLICE, DiffusionBValue=800.0)
    (plane,) = planes_of(read_header(path), path)
    assert plane.keys["b_value"] == "800"


def test_functional_groups_of_the_frame_go_before_the_shared_ones(write_dicom: WriteDicom) -> None:
    frames = [
        {
            "PlanePositionSequence": {"ImagePositionPatient": [0, 0, 3 * index]},
            "FrameContentSequence": {"TemporalPositionIndex": 1, "StackID": "1", "FrameAcquisitionNumber": 4},
            "MREchoSequence": {"EffectiveEchoTime": 12.5},
            "MRDiffusionSequence": {
                "DiffusionBValue": 100.0 * index,
                "DiffusionGradientDirectionSequence": {"DiffusionGradientOrientation": [0.0, 0.0, 1.0]},
            },
            "CardiacSynchronizationSequence": {"NominalCardiacTriggerDelayTime": 30.0 * index},
            "PixelValueTransformationSequence": {
                "RescaleSlope": index + 1,
                "RescaleIntercept": -index,
                "RescaleType": "US",
            },
            "FrameVOILUTSequence": {"WindowCenter": 10 * index, "WindowWidth": 100},
            "MRImageFrameTypeSequence": {
                "FrameType": ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"],
                "ComplexImageComponent": "MAGNITUDE",
            },
            "ReferencedImageSequence": {"ReferencedFrameNumber": 9},
        }
        for index in range(3)
    ]
    shared = {
        "PlanePositionSequence": {"ImagePositionPatient": [9, 9, 9]},
        "PlaneOrientationSequence": {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]},
        "PixelMeasuresSequence": {"PixelSpacing": [0.5, 0.75], "SliceThickness": 3},
    }
    planes = enhanced(write_dicom, groups(frames, shared), PixelSpacing=[8, 8])
    assert [plane.position for plane in planes] == [(0, 0, 0), (0, 0, 3), (0, 0, 6)]
    assert {(plane.orientation, plane.spacing, plane.thickness) for plane in planes} == {
        ((1, 0, 0, 0, 1, 0), (0.5, 0.75), 3)
    }
    assert [(plane.frame, plane.frames, plane.order) for plane in planes] == [(0, 3, 1), (1, 3, 2), (2, 3, 3)]
    assert [(plane.slope, plane.intercept, plane.rescale_type) for plane in planes] == [
        (1, 0, "US"),
        (2, -1, "US"),
        (3, -2, "US"),
    ]
    assert [plane.window for plane in planes] == [(0, 100), (10, 100), (20, 100)]
    assert planes[1].keys == {
        "image_type": "DERIVED\\DIFFUSION\\ADC",
        "component": "MAGNITUDE",
        "echo": "12.5",
        "b_value": "100",
        "direction": "0\\0\\1",
        "phase": "1",
        "stack": "1",
        "trigger": "30",
        "acquisition": "4",
    }
    assert planes[1].name == "e.dcm, frame 2"


def test_private_sequences_of_a_frame_say_nothing_of_it(write_dicom: WriteDicom) -> None:
    """Philips keeps whole headers of single slices in (2005,xx0F)."""
    frame = item(PlanePositionSequence={"ImagePositionPatient": [1, 2, 3]})
    block = frame.private_block(0x2005, "Philips MR Imaging DD 005", create=True)
    block.add_new(0x0F, "SQ", [item(PixelSpacing=[9, 9], RescaleSlope=7, ImageOrientationPatient=[0, 1, 0, 0, 0, -1])])
    shared = item(
        PixelMeasuresSequence={"PixelSpacing": [0.5, 0.75]},
        PlaneOrientationSequence={"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]},
        PixelValueTransformationSequence={"RescaleSlope": 2, "RescaleIntercept": 0},
    )
    path = write_dicom(
        "private.dcm",
        SOPClassUID=EnhancedMRImageStorage,
        Modality="MR",
        NumberOfFrames=1,
        SharedFunctionalGroupsSequence=Sequence([shared]),
        PerFrameFunctionalGroupsSequence=Sequence([frame]),
    )
    (plane,) = planes_of(full_header(path), path)
    assert (plane.spacing, plane.slope) == ((0.5, 0.75), 2.0)
    assert plane.orientation == (1, 0, 0, 0, 1, 0)


def test_a_projection_has_no_place_whatever_its_header_says(write_dicom: WriteDicom) -> None:
    path = write_dicom("a.dcm", **{**SLICE, "Modality": "DX", "SOPClassUID": DigitalXRayImageStorageForPresentation})
    (plane,) = planes_of(read_header(path), path)
    assert plane.position is None


@pytest.mark.parametrize("said", ["", "OT"])
def test_slices_are_known_by_their_class_where_modality_says_nothing(write_dicom: WriteDicom, said: str) -> None:
    path = write_dicom("a.dcm", **{**SLICE, "Modality": said, "SOPClassUID": CTImageStorage})
    (plane,) = planes_of(read_header(path), path)
    assert plane.modality == "CT"


@pytest.mark.parametrize("claimed", [2, 4])
def test_as_many_groups_as_frames_are_needed(write_dicom: WriteDicom, claimed: int) -> None:
    tags = groups([{"PlanePositionSequence": {"ImagePositionPatient": [0, 0, index]}} for index in range(3)], {})
    with pytest.raises(ReadError, match=rf"{claimed} frames and describes 3") as caught:
        enhanced(write_dicom, tags, NumberOfFrames=claimed)
    assert caught.value.code == "BadFrames"
    assert caught.value.path


def test_a_million_frames_in_a_few_bytes_are_not_listed(write_dicom: WriteDicom) -> None:
    path = write_dicom("a.dcm", Modality="US", NumberOfFrames=1_000_000)
    with pytest.raises(ReadError, match="1000000 frames in") as caught:
        planes_of(read_header(path), path)
    assert caught.value.code == "BadFrames"


def test_frames_without_groups_have_no_place(write_dicom: WriteDicom) -> None:
    path = write_dicom(
        "a.dcm", pixels(4), **{**SLICE, "Rows": 16, "Columns": 12, "Modality": "US", "NumberOfFrames": 4}
    )
    planes = planes_of(full_header(path), path)
    assert [(plane.frame, plane.position) for plane in planes] == [(index, None) for index in range(4)]
    (stack,) = stacks_of(planes)
    assert isinstance(stack, Stack)
    assert (stack.kind, stack.affine, stack.notes) == ("frames", None, ())


def test_an_enhanced_series_with_a_frame_that_has_no_place_is_refused(write_dicom: WriteDicom) -> None:
    frames = [{"PlanePositionSequence": {"ImagePositionPatient": [0, 0, index]}} for index in range(3)] + [{}]
    shared = {
        "PlaneOrientationSequence": {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]},
        "PixelMeasuresSequence": {"PixelSpacing": [0.5, 0.75]},
    }
    (answer,) = stacks_of(enhanced(write_dicom, groups(frames, shared)))
    assert not isinstance(answer, Stack)
    assert answer.error.code == "GeometryMissing"
    assert "frame 4" in answer.error.message


def series_in(folder: Path) -> list[list[Plane]]:
    series: dict[str, list[Plane]] = defaultdict(list)
    for path in sorted(folder.rglob("*.dcm")):
        for plane in planes_of(read_header(path), path):
            series[plane.series_uid].append(plane)
    return list(series.values())


def stacks_in(planes: list[Plane]) -> list[Stack]:
    answers = stacks_of(planes)
    assert all(isinstance(answer, Stack) for answer in answers), answers
    return [answer for answer in answers if isinstance(answer, Stack)]


def rows_flipped(affine: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Our (slice, row, column) for an affine of dcm2niix: (column, row from the bottom, slice)."""
    swap = np.zeros((4, 4))
    swap[0, 2] = swap[2, 0] = swap[3, 3] = 1
    swap[1, 1], swap[1, 3] = -1, shape[1] - 1
    return affine @ swap


@pytest.mark.real_data
@pytest.mark.parametrize("number", [4, 5])
def test_ge_series_lie_where_dcm2niix_says(number: int) -> None:
    folder = scans() / "nih_mr"
    (planes,) = series_in(folder / "dicom" / "20180918GE" / f"mr_{number:04}")
    reference: Any = nibabel.load(folder / "nifti_reference" / f"DCM2NIIX_regression_test_{number}.nii")
    stacks = stacks_in(planes)
    assert (len(stacks[0].planes), len(stacks)) == reference.shape[2:]
    for stack in stacks:
        assert stack.affine is not None
        np.testing.assert_allclose(stack.affine, rows_flipped(reference.affine, reference.shape), atol=1e-3)
    orders = [[plane.order or 0 for plane in stack.planes] for stack in stacks]
    assert sorted(order for stack in orders for order in stack) == list(range(1, 151))
    assert all(max(before) < min(after) for before, after in pairwise(orders))


@pytest.mark.real_data
def test_siemens_mosaics_are_refused_by_name() -> None:
    series = series_in(scans() / "nih_mr" / "dicom" / "20180918Si")
    answers = [answer for planes in series for answer in stacks_of(planes)]
    assert len(answers) == 4
    assert {answer.error.code for answer in answers if not isinstance(answer, Stack)} == {"Mosaic"}


@pytest.mark.real_data
def test_an_enhanced_ct_is_a_volume_ordered_by_position() -> None:
    path = scans() / "pydicom_data" / "eCT_Supplemental.dcm"
    (stack,) = stacks_in(list(planes_of(full_header(path), path)))
    assert (stack.kind, [plane.frame for plane in stack.planes]) == ("volume", [0, 1])
    expected = [[0, 0, 0.388672, -99.5], [0, -0.388672, 0, 301.5], [10, 0, 0, -159], [0, 0, 0, 1]]
    np.testing.assert_allclose(np.asarray(stack.affine), expected)
    assert [(plane.slope, plane.intercept, plane.window) for plane in stack.planes] == [(1, -1024, (49, 102))] * 2


@pytest.mark.real_data
def test_an_enhanced_mr_without_functional_groups_is_frames_and_says_so() -> None:
    path = scans() / "pydicom_data" / "emri_small.dcm"
    (stack,) = stacks_in(list(planes_of(full_header(path), path)))
    assert (stack.kind, len(stack.planes), stack.affine) == ("frames", 10, None)
    assert stack.notes[0].startswith("GeometryMissing")


@pytest.mark.real_data
def test_a_ct_series_lies_where_highdicom_says() -> None:
    import highdicom
    import pydicom

    folder = scans() / "medio_ct" / "data" / "dcm"
    (planes,) = series_in(folder)
    (stack,) = stacks_in(planes)
    assert len(stack.planes) == 150
    datasets = [pydicom.dcmread(plane.path) for plane in planes]
    for dataset in datasets:  # absent from these files, and asked for by highdicom
        dataset.FrameOfReferenceUID = "1.2.3"
    volume = highdicom.get_volume_from_series(datasets, rtol=1e-2).to_patient_orientation("HPL")
    ours = np.diag([-1.0, -1, 1, 1]) @ np.asarray(stack.affine)
    corners = np.array([[s, r, c, 1] for s in (0, 149) for r in (0, 149) for c in (0, 149)], dtype=float).T
    theirs = volume.affine @ corners
    mine = ours @ corners
    assert {tuple(point) for point in mine.T.round(3)} == {tuple(point) for point in theirs.T.round(3)}


@pytest.mark.real_data
def test_a_ct_series_lies_where_dcm2niix_says(tmp_path: Path) -> None:
    dcm2niix = pytest.importorskip("dcm2niix")
    import subprocess

    folder = scans() / "medio_ct" / "data" / "dcm"
    subprocess.run(
        [str(dcm2niix.bin), "-o", str(tmp_path), "-f", "out", "-b", "n", str(folder)],
        check=True,
        capture_output=True,
        timeout=120,
    )
    reference: Any = nibabel.load(tmp_path / "out.nii")
    (planes,) = series_in(folder)
    (stack,) = stacks_in(planes)
    expected = rows_flipped(reference.affine, reference.shape)
    corners = np.array([[s, r, c, 1] for s in (0, 149) for r in (0, 149) for c in (0, 149)], dtype=float).T
    mine = (np.asarray(stack.affine) @ corners)[:3].T.round(2)
    theirs = (expected @ corners)[:3].T.round(2)
    assert {tuple(point) for point in mine + 0.0} == {tuple(point) for point in theirs + 0.0}


DAMAGED = {
    "50_series_good": 8,
    "51_series_gap": "MissingSlice",
    "52_series_dup": "DuplicateSlice",
    "53_series_mixed_shape": "MixedShape",
    "55_series_instance_order_lies": 8,
    "56_series_slope_varies": 8,
    "57_series_two_patients": "MixedPatient",
}


@pytest.mark.real_data
@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_series_are_read_right_or_refused_by_name(name: str) -> None:
    (planes,) = series_in(scans().parent / "damaged" / "dicom" / name)
    (answer,) = stacks_of(planes)
    if isinstance(answer, Stack):
        assert len(answer.planes) == DAMAGED[name]
        assert [plane.path.name for plane in answer.planes] == [f"{index:03}.dcm" for index in range(8)]
        if name == "56_series_slope_varies":
            assert len({plane.slope for plane in answer.planes}) > 1
    else:
        assert answer.error.code == DAMAGED[name]
        assert answer.error.path
        assert Path(answer.error.path).name in answer.error.message
