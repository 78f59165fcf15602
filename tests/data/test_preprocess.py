"""Laws of preprocessing, against pydicom's own look-up tables and against geometry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from pydicom.uid import ExplicitVRLittleEndian
from reading import finding, loading

from medtransfer.core.errors import ReadError
from medtransfer.data.loaders import dicom
from medtransfer.data.preprocess import pad_and_resize, prepare, to_display, to_grey
from medtransfer.data.scan import Identifiers, Lookup, Presentation, Scan, Window

if TYPE_CHECKING:
    from collections.abc import Callable

    Write = Callable[..., Path]

RAMP = np.arange(16 * 16, dtype=np.uint16).reshape(16, 16) * 16


def scan_of(voxels: np.ndarray, affine: np.ndarray | None = None, **presentation: object) -> Scan:
    how = Presentation(**{"stored_range": (0, 4095), **presentation})
    return Scan(
        voxels=voxels,
        affine=affine,
        modality="DX",
        presentation=how,
        identifiers=Identifiers(),
        path=Path("a.dcm"),
        attributes={},
    )


@given(
    function=st.sampled_from(["LINEAR", "LINEAR_EXACT", "SIGMOID"]),
    centre=st.floats(-500, 4500),
    width=st.floats(1.5, 5000),
    slope=st.sampled_from([1.0, 0.5, 2.0]),
    intercept=st.sampled_from([0.0, -1024.0]),
)
@settings(deadline=None, max_examples=60)
def test_windows_equal_pydicoms(function: str, centre: float, width: float, slope: float, intercept: float) -> None:
    """pydicom's output range is that of the stored values, rescaled; ours is [0, 1]."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsStored, dataset.PixelRepresentation = 12, 0
    dataset.RescaleSlope, dataset.RescaleIntercept = slope, intercept
    dataset.VOILUTFunction = function
    dataset.WindowCenter, dataset.WindowWidth = f"{centre:.8g}", f"{width:.8g}"
    window = Window(centre=float(dataset.WindowCenter), width=float(dataset.WindowWidth), function=function)  # type: ignore[arg-type]
    low, high = intercept, 4095 * slope + intercept
    with np.errstate(over="ignore"):  # pydicom's sigmoid overflows to the right value
        theirs = (apply_voi_lut(apply_modality_lut(RAMP, dataset), dataset) - low) / (high - low)
    ours = to_display(scan_of(RAMP, slope=slope, intercept=intercept, window=window))
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)


def test_tables_equal_pydicoms(write_dicom: Write) -> None:
    def table(first: int, values: np.ndarray, bits: int) -> list[Dataset]:
        item = Dataset()
        item.LUTDescriptor = [len(values), first, bits]
        item["LUTDescriptor"].VR = "US"
        item.add_new("LUTData", "OW", values.astype("<u2").tobytes())
        return [item]

    path = write_dicom(
        "a.dcm",
        RAMP,
        ModalityLUTSequence=table(100, np.arange(200) * 5, 16),
        VOILUTSequence=table(50, np.arange(900) ** 2 % 1024, 10),
        WindowCenter=1,
        WindowWidth=2,
    )
    (item,) = finding(dicom, path).items
    scan = loading(dicom, item)
    from pydicom import dcmread

    dataset = dcmread(path)
    theirs = apply_voi_lut(apply_modality_lut(dataset.pixel_array, dataset), dataset) / 1023
    np.testing.assert_allclose(to_display(scan), theirs, rtol=1e-6)
    assert scan.presentation.window is None


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"WindowCenter": 2000, "WindowWidth": 1000},
        {"WindowCenter": 2000, "WindowWidth": 1000, "VOILUTFunction": "SIGMOID"},
    ],
)
def test_monochrome1_equals_its_monochrome2_twin(write_dicom: Write, tags: dict[str, object]) -> None:
    """Stored 4095 − v with MONOCHROME1 is the image v with MONOCHROME2, its window mirrored too."""
    mirrored = dict(tags)
    if tags:
        shift = 0 if tags.get("VOILUTFunction") else 1
        mirrored["WindowCenter"] = 4095 + shift - 2000
    shown = []
    for name, pixels, photometric, own in (
        ("a.dcm", RAMP, "MONOCHROME2", tags),
        ("b.dcm", 4095 - RAMP, "MONOCHROME1", mirrored),
    ):
        path = write_dicom(name, pixels.astype(np.uint16), BitsStored=12, PhotometricInterpretation=photometric, **own)
        (item,) = finding(dicom, path).items
        shown.append(to_display(loading(dicom, item)))
    np.testing.assert_allclose(shown[0], shown[1], atol=1e-6)
    assert shown[0].max() > shown[0].min()


@pytest.mark.parametrize("inverted", [False, True])
def test_padding_is_black_after_the_inversion_and_not_counted_before(inverted: bool) -> None:
    voxels = RAMP.copy()
    voxels[:4] = 4095
    scan = scan_of(voxels, padding=(4095, 4095), inverted=inverted)
    shown = to_display(scan)
    assert (shown[:4] == 0).all()
    alone = to_display(scan_of(voxels[4:], inverted=inverted))
    np.testing.assert_array_equal(shown[4:], alone)


@given(
    pixels=st.lists(st.integers(0, 4095), min_size=4, max_size=4),
    inverted=st.booleans(),
    padding=st.sampled_from([None, (0, 10), (4000, 4095)]),
    window=st.sampled_from([None, Window(centre=1000.0, width=1.0), Window(centre=1000.0, width=500.0)]),
    slope=st.sampled_from([1.0, -1.0, 0.1]),
)
@settings(deadline=None, max_examples=80)
def test_display_values_lie_between_0_and_1(
    pixels: list[int],
    inverted: bool,
    padding: tuple[int, int] | None,
    window: Window | None,
    slope: float,
) -> None:
    voxels = np.array(pixels, dtype=np.uint16).reshape(2, 2)
    shown = to_display(scan_of(voxels, inverted=inverted, padding=padding, window=window, slope=slope))
    assert np.isfinite(shown).all()
    assert shown.min() >= 0
    assert shown.max() <= 1


def test_eight_bits_are_divided_by_255() -> None:
    grey = np.array([[10, 20], [30, 250]], dtype=np.uint8)
    shown = to_display(scan_of(grey, stored_range=(0, 255)))
    np.testing.assert_allclose(shown, grey / 255, rtol=1e-6)
    colour = np.dstack([grey, grey.T, grey])
    np.testing.assert_allclose(to_display(scan_of(colour, stored_range=(0, 255))), colour / 255, rtol=1e-6)


def test_deep_values_are_spread_over_their_percentiles_whatever_the_scale() -> None:
    once, twice = to_display(scan_of(RAMP)), to_display(scan_of(RAMP * 3 + 7))
    np.testing.assert_allclose(once, twice, atol=1e-6)
    assert (once.min(), once.max()) == (0, 1)


@pytest.mark.parametrize("inverted", [False, True])
def test_no_contrast_is_middle_grey(inverted: bool) -> None:
    assert (to_display(scan_of(np.full((3, 3), 900, np.uint16), inverted=inverted)) == 0.5).all()


def test_a_table_is_clamped_at_its_ends() -> None:
    table = Lookup(first=100, values=np.array([0, 1, 3], dtype=np.uint16), bits=2)
    shown = to_display(scan_of(np.array([[0, 100, 101, 102, 4000]], dtype=np.uint16), voi_table=table))
    np.testing.assert_allclose(shown, [[0, 0, 1 / 3, 1, 1]], rtol=1e-6)


@given(rows=st.integers(1, 40), columns=st.integers(1, 40), size=st.sampled_from([8, 16, 33]))
@settings(deadline=None, max_examples=50)
def test_padding_keeps_the_mean_and_resizing_keeps_the_range(rows: int, columns: int, size: int) -> None:
    picture = np.random.default_rng(rows * 41 + columns).random((rows, columns), dtype=np.float32)
    square = pad_and_resize(picture, size=max(rows, columns))
    above, left = (len(square) - rows) // 2, (len(square) - columns) // 2
    np.testing.assert_array_equal(square[above : above + rows, left : left + columns], picture)
    np.testing.assert_allclose(square.sum(dtype=float), picture.sum(dtype=float), rtol=1e-5)
    resized = pad_and_resize(picture, size=size)
    assert resized.shape == (size, size)
    assert resized.min() >= -1e-6
    assert resized.max() <= picture.max() + 1e-6


def test_shrinking_is_antialiased() -> None:
    """A chequerboard shrunk eightfold is grey, not a few of its squares."""
    board = (np.indices((64, 64)).sum(axis=0) % 2).astype(np.float32)
    inner = pad_and_resize(board, size=8)[1:-1, 1:-1]
    np.testing.assert_allclose(inner, 0.5, atol=0.01)


def test_prepared_pictures_are_16_bit_and_channel_first() -> None:
    grey = prepare(scan_of(RAMP[:, :10], window=Window(centre=2000.0, width=2.0)), size=16)
    assert (grey.shape, grey.dtype) == ((1, 16, 16), np.uint16)
    assert (grey.min(), grey.max()) == (0, 65535)
    assert (grey[:, :, :3] == 0).all()
    assert to_grey(grey) is grey
    red = np.zeros((4, 4, 3), np.uint8)
    red[..., 0] = 255
    colour = prepare(scan_of(red, stored_range=(0, 255)), size=4)
    assert colour[:, 0, 0].tolist() == [65535, 0, 0]
    assert to_grey(colour)[0, 0, 0] == round(0.299 * 65535)


def test_volumes_are_refused() -> None:
    for voxels, affine in ((np.zeros((5, 4, 4), np.int16), None), (np.zeros((5, 4, 3), np.int16), np.eye(4))):
        with pytest.raises(ReadError) as caught:
            prepare(scan_of(voxels, affine), size=8)
        assert caught.value.code == "VolumeUnsupported"
