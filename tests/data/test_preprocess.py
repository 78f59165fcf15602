"""Laws of preprocessing, against pydicom's own look-up tables and against geometry."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from pydicom.uid import ExplicitVRLittleEndian
from reading import finding, loading

from medtransfer.core.config.data import Preparation, PreprocessConfig
from medtransfer.core.config.toml import changed
from medtransfer.core.errors import ConfigError, ReadError
from medtransfer.data.loaders import dicom
from medtransfer.data.places import View
from medtransfer.data.preprocess import plane_of, prepare, to_display, to_grey, with_window
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


def planes_of(scan: Scan, preprocess: PreprocessConfig) -> np.ndarray:
    return prepare(scan, preprocess).planes


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


def test_prepared_pictures_are_16_bit_and_channel_first() -> None:
    grey = planes_of(scan_of(RAMP[:, :10], window=Window(centre=2000.0, width=2.0)), PreprocessConfig(size=32))
    assert (grey.shape, grey.dtype) == ((1, 1, 32, 32), np.uint16)
    assert (grey.min(), grey.max()) == (0, 65535)
    assert (grey[..., :5] == 0).all()
    assert to_grey(grey[0]) is not None
    assert np.array_equal(to_grey(grey[0]), grey[0])
    red = np.zeros((32, 32, 3), np.uint8)
    red[..., 0] = 255
    colour = planes_of(scan_of(red, stored_range=(0, 255)), PreprocessConfig(size=32))
    assert colour[0, :, 0, 0].tolist() == [65535, 0, 0]
    assert to_grey(colour[0])[0, 0, 0] == round(0.299 * 65535)


AXIAL = np.array([[0, 0, -1, 0], [0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1.0]])
"""As a radiologist reads: slices grow to S, rows to P, columns to L."""


def volume_of(voxels: np.ndarray, **changes: object) -> Scan:
    known = {
        name: changes.pop(name) for name in ("modality", "units", "suv_factor", "kind", "affine") if name in changes
    }
    return replace(scan_of(voxels, **changes), **{"kind": "volume", "affine": AXIAL, **known})  # type: ignore[arg-type]


DEEP = np.random.default_rng(0).normal(0, 400, (5, 32, 32)).astype(np.int16)


def test_a_volume_is_all_its_planes_in_their_order_and_a_picture_is_one() -> None:
    window = Window(centre=0.0, width=1000.0, function="LINEAR_EXACT")
    volume = planes_of(volume_of(DEEP, window=window), PreprocessConfig(size=32))
    assert volume.shape == (5, 1, 32, 32)
    for index in range(5):
        alone = planes_of(scan_of(DEEP[index], window=window), PreprocessConfig(size=32))
        np.testing.assert_array_equal(volume[index], alone[0])
    frames = np.random.default_rng(1).integers(0, 255, (3, 32, 32, 3), dtype=np.uint8)
    shown = planes_of(volume_of(frames, kind="frames", affine=None, stored_range=(0, 255)), PreprocessConfig(size=32))
    assert shown.shape == (3, 3, 32, 32)
    np.testing.assert_array_equal(shown, np.moveaxis(frames, -1, 1).astype(np.uint16) * 257)


@given(
    dtype=st.sampled_from(["int16", "uint16", "float32", "int32"]),
    air=st.booleans(),
    slope=st.sampled_from([1.0, -2.0]),
)
@settings(deadline=None, max_examples=20)
def test_percentiles_are_those_of_the_whole_volume(dtype: str, air: bool, slope: float) -> None:
    """A slice of air stays black beside others, and equal values are equally bright in every slice."""
    voxels = np.abs(DEEP).astype(dtype)
    if air:
        voxels[0] = 0
    scan = volume_of(voxels, slope=slope, stored_range=(-(2**15), 2**15))
    low, high = np.percentile(voxels.astype(np.float64) * slope, (0.5, 99.5))
    expected = np.clip((voxels.astype(np.float64) * slope - low) / (high - low), 0, 1)
    np.testing.assert_allclose(planes_of(scan, PreprocessConfig(size=32))[:, 0] / 65535, expected, atol=1e-5)
    settled = with_window(scan)
    for index in (0, 4):
        np.testing.assert_allclose(to_display(plane_of(settled, index)), expected[index], atol=1e-6)


def test_no_volume_is_copied() -> None:
    """What is allocated at once is a few planes in 64 bits, not the volume."""
    voxels = np.zeros((256, 128, 128), dtype=np.float32) + np.arange(128, dtype=np.float32)
    scan = volume_of(voxels)
    tracemalloc.start()
    prepared = planes_of(scan, PreprocessConfig(size=32))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak - prepared.nbytes < voxels.nbytes / 4


def test_deep_floats_are_spread_and_what_is_no_number_is_black() -> None:
    voxels = np.linspace(0, 1, 32 * 32, dtype=np.float32).reshape(1, 32, 32)
    voxels[0, 5, 5], voxels[0, 6, 6], voxels[0, 7, 7] = np.nan, np.inf, -np.inf
    for scan in (volume_of(voxels, stored_range=(0.0, 1.0)), scan_of(voxels[0], stored_range=(0.0, 1.0))):
        (shown,) = planes_of(scan, PreprocessConfig(size=32))[:, 0] / 65535
        assert (shown[5, 5], shown[6, 6], shown[7, 7]) == (0, 1, 0)
        low, high = np.nanpercentile(voxels[np.isfinite(voxels)].astype(float), (0.5, 99.5))
        assert shown[16, 0] == pytest.approx((voxels[0, 16, 0] - low) / (high - low), abs=1e-4)


def test_hounsfield_windows_are_of_ct_alone_and_come_before_the_files_own() -> None:
    settled = PreprocessConfig(size=32, hu_window=(40, 400))
    own = Window(centre=1.0, width=2.0)
    ct = {"modality": "CT", "units": "HU", "slope": 2.0, "intercept": -1024.0, "window": own}
    voxels = np.tile(np.array([432, 452, 532, 632, 640], np.int16), (2, 1))  # −160, −120, 40, 240, 256 HU
    shown = to_display(volume_of(voxels, kind="picture", **ct), settled)
    np.testing.assert_allclose(shown[0], [0, 0.1, 0.5, 1, 1], atol=1e-6)
    table = Lookup(first=0, values=np.array([0, 1], dtype=np.uint16), bits=1)
    np.testing.assert_array_equal(to_display(volume_of(voxels, kind="picture", voi_table=table, **ct), settled), shown)
    inverted = to_display(volume_of(voxels, kind="picture", inverted=True, padding=(640, 640), **ct), settled)
    np.testing.assert_allclose(inverted[0], [1, 0.9, 0.5, 0, 0], atol=1e-6)
    other = volume_of(voxels, kind="picture", **{**ct, "modality": "MR"})
    np.testing.assert_array_equal(to_display(other, settled), to_display(other))


@pytest.mark.parametrize("kind", ["picture", "volume"])
def test_a_ct_without_hounsfield_units_is_refused_where_they_are_needed(kind: str) -> None:
    scan = volume_of(DEEP if kind == "volume" else DEEP[0], kind=kind, modality="CT")
    with pytest.raises(ReadError) as caught:
        prepare(scan, PreprocessConfig(hu_window=(40, 400)))
    assert (caught.value.code, caught.value.stage, caught.value.path) == ("RescaleMissing", "prepare", "a.dcm")
    assert planes_of(scan, PreprocessConfig(size=32)).size


def test_uptake_is_value_times_factor() -> None:
    voxels = np.array([[0, 1000, 2000, 4000, 9000]], dtype=np.int16)
    pet = volume_of(voxels, kind="picture", modality="PT", units="BQML", slope=2.0, suv_factor=0.001)
    shown = to_display(pet, PreprocessConfig(suv_range=(2, 10)))  # SUV 0, 2, 4, 8, 18
    np.testing.assert_allclose(shown[0], [0, 0, 0.25, 0.75, 1], atol=1e-6)
    for factor, words in (("decay is not corrected", "decay is not corrected"), ("", "does not say")):
        with pytest.raises(ReadError, match=words) as caught:
            to_display(replace(pet, suv_factor=factor), PreprocessConfig(suv_range=(2, 10)))
        assert (caught.value.code, caught.value.stage) == ("SuvUnavailable", "prepare")
    assert to_display(replace(pet, modality="MR", suv_factor=""), PreprocessConfig(suv_range=(2, 10))).size


@pytest.mark.parametrize("shown", ["[5, 5]", "[10, 2]", "[nan, 2]"])
def test_an_empty_range_of_uptake_is_refused_before_anything_is_read(shown: str) -> None:
    with pytest.raises(ConfigError, match=r"preprocess\.suv_range.*no range") as refused:
        changed(Preparation(), [f"preprocess.suv_range={shown}"])
    assert refused.value.hint
    assert changed(Preparation(), ["preprocess.suv_range=[0, 10]"]).preprocess.suv_range == (0, 10)


def test_a_plane_lies_where_its_slice_lay() -> None:
    affine = np.array([[0, 0, 0.5, -10], [0, 0.5, 0, -20], [3, 0, 0, 7], [0, 0, 0, 1.0]])
    scan = volume_of(DEEP, affine=affine)
    plane = plane_of(scan, 2)
    assert plane.kind == "picture"
    np.testing.assert_array_equal(plane.affine @ [0, 4, 5, 1], affine @ [2, 4, 5, 1])  # type: ignore[operator]
    positions = np.array([[-10.0, -20.0, z] for z in (7, 10, 14, 19, 25)])
    uneven = plane_of(replace(scan, positions=positions), 3)
    np.testing.assert_array_equal(uneven.affine[:3, 3], positions[3])  # type: ignore[index]
    assert uneven.positions is None
    with pytest.raises(IndexError):
        plane_of(plane, 1)
    assert plane_of(plane, 0) is plane


def test_volumes_are_not_shown_as_one_picture() -> None:
    with pytest.raises(ReadError) as caught:
        to_display(volume_of(DEEP))
    assert (caught.value.code, caught.value.stage) == ("VolumeUnsupported", "prepare")


CUBE = np.random.default_rng(3).integers(0, 4096, (32, 32, 32)).astype(np.uint16)


def test_three_views_of_an_isotropic_volume_are_its_transposes() -> None:
    window = Window(centre=2048.0, width=4096.0, function="LINEAR_EXACT")
    found = prepare(volume_of(CUBE, window=window), PreprocessConfig(size=32, slices="triplanar"))
    assert found.views == (View("axial", 32), View("coronal", 32), View("sagittal", 32))
    axial, coronal, sagittal = np.split(found.planes[:, 0], 3)
    np.testing.assert_allclose(axial / 65_535, CUBE / 4096, atol=1e-5)
    np.testing.assert_array_equal(coronal, axial[::-1].transpose(1, 0, 2))  # rows from the head down
    np.testing.assert_array_equal(sagittal, axial[::-1].transpose(2, 0, 1))
    for slices, view in (("axial", axial), ("coronal", coronal), ("sagittal", sagittal)):
        alone = planes_of(volume_of(CUBE, window=window), PreprocessConfig(size=32, slices=slices))  # type: ignore[arg-type]
        np.testing.assert_array_equal(alone[:, 0], view)


@pytest.mark.parametrize("slices", ["acquired", "coronal", "triplanar"])
def test_as_many_planes_as_there_are_change_nothing(slices: Any) -> None:
    scan = volume_of(CUBE)
    np.testing.assert_array_equal(
        planes_of(scan, PreprocessConfig(size=32, slices=slices, planes=32)),
        planes_of(scan, PreprocessConfig(size=32, slices=slices)),
    )


@given(slices=st.integers(1, 12), planes=st.integers(1, 24))
@settings(deadline=None, max_examples=30)
def test_so_many_planes_are_those_that_pillow_makes_of_a_column(slices: int, planes: int) -> None:
    window = Window(centre=0.0, width=4000.0, function="LINEAR_EXACT")
    voxels = np.random.default_rng(slices).integers(-1900, 1900, (slices, 32, 32)).astype(np.int16)
    how = PreprocessConfig(size=32, planes=planes)
    found = prepare(volume_of(voxels, window=window), how)
    assert found.views == (View("axial", planes),)
    shown = (voxels / 4000 + 0.5).astype(np.float32).reshape(slices, -1)
    expected = np.asarray(Image.fromarray(shown).resize((shown.shape[1], planes), Image.Resampling.BILINEAR))
    np.testing.assert_allclose(found.planes.reshape(planes, -1) / 65_535, expected, atol=2e-5)


def test_unevenly_spaced_slices_are_told_by_their_place() -> None:
    """Brightness that grows along the patient grows evenly, wherever slices lie; by number it would not."""
    heights = np.array([0.0, 1, 2, 3, 4, 9, 14, 19, 24, 29])
    voxels = np.broadcast_to((heights * 100)[:, np.newaxis, np.newaxis], (10, 32, 32)).astype(np.int16)
    window = Window(centre=1450.0, width=2900.0, function="LINEAR_EXACT")
    positions = AXIAL[:3, 3] + np.outer(heights, [0, 0, 1])
    scan = replace(volume_of(voxels, window=window), positions=positions)
    shown = planes_of(scan, PreprocessConfig(size=32, planes=15))[:, 0, 0, 0] / 65_535
    np.testing.assert_allclose(np.diff(shown)[2:-2], 2 / 29, atol=0.002)
    kept = planes_of(scan, PreprocessConfig(size=32))[:, 0, 0, 0] / 65_535
    np.testing.assert_allclose(kept, heights / 29, atol=1e-4)


@pytest.mark.parametrize("slices", ["acquired", "axial", "coronal", "sagittal", "triplanar"])
@pytest.mark.parametrize("planes", [None, 1, 7])
@pytest.mark.parametrize("scaling", ["file", "percentile", "z_score"])
def test_a_volume_of_one_slice_can_be_prepared_whatever_is_asked_for(slices: Any, planes: int, scaling: Any) -> None:
    how = PreprocessConfig(size=32, slices=slices, planes=planes, mr_scaling=scaling)
    volume = volume_of(DEEP[:1], modality="MR")
    found = prepare(volume, how)
    assert found.views == (View("axial", planes or 1),)
    assert (found.planes == found.planes[0]).all()
    picture = prepare(replace(volume, kind="picture", voxels=DEEP[0]), how)
    assert picture.views == found.views
    np.testing.assert_array_equal(picture.planes, found.planes)


def test_frames_and_projections_are_never_cut_nor_resampled() -> None:
    how = PreprocessConfig(size=32, slices="triplanar", planes=2)
    assert prepare(volume_of(DEEP, kind="frames", affine=None), how).views == (View("", 5),)
    assert prepare(scan_of(DEEP[0]), how).views == (View("", 1),)


@pytest.mark.parametrize("kind", ["int16", ">i2", "uint16", "int8", "uint8"])
@pytest.mark.parametrize("inverted", [False, True])
def test_greys_that_are_looked_up_are_those_that_are_computed(
    monkeypatch: pytest.MonkeyPatch, kind: str, inverted: bool
) -> None:
    limits = np.iinfo(kind)
    voxels = np.random.default_rng(4).integers(limits.min, limits.max, (4, 40, 36), endpoint=True).astype(kind)
    scan = volume_of(voxels, padding=(0, 5), inverted=inverted, slope=0.7, intercept=-3.0, modality="CT", units="HU")
    found = []
    for many in (0, voxels.size + 1):
        monkeypatch.setattr("medtransfer.data.preprocess._MANY", many)
        found += [planes_of(scan, PreprocessConfig(size=32, hu_window=window)) for window in (None, (40, 400))]
    np.testing.assert_array_equal(found[:2], found[2:])


def test_three_views_and_three_windows_are_made_in_little_memory() -> None:
    """Besides the result, some planes at a time: a long series needs no more than a short one."""
    voxels = np.zeros((160, 160, 160), dtype=np.int16) + np.arange(160, dtype=np.int16)
    scan = volume_of(voxels, modality="CT", units="HU")
    how = PreprocessConfig(size=32, slices="triplanar", planes=20, ct_windows=("brain", "bone", "lungs"))
    tracemalloc.start()
    prepared = planes_of(scan, how)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert prepared.shape == (60, 3, 32, 32)
    assert peak - prepared.nbytes < voxels.nbytes / 2
