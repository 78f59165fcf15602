"""Laws of the NIfTI loader: every voxel keeps its value and its place in the patient."""

from __future__ import annotations

import gzip
import os
import tracemalloc
from itertools import permutations, product
from pathlib import Path
from typing import Any

import nibabel
import nibabel.tests
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nibabel.eulerangles import euler2mat
from nibabel.orientations import aff2axcodes
from nifti_files import AFFINE, VOXELS, names, nifti_bytes, read_nifti, write_nifti
from reading import finding, loading

from medtransfer.core.errors import ReadError
from medtransfer.data.loaders import nifti
from medtransfer.data.values import transformed

TURNS = list(product(permutations(range(3)), product((1, -1), repeat=3)))


def canonical(path: Path, volume: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """nibabel's own answer: values and affine, axes z, y, x."""
    image: Any = nibabel.load(path)
    image = image.slicer[..., volume] if image.ndim == 4 else image
    turned = nibabel.as_closest_canonical(image)
    return np.asarray(turned.dataobj).T, turned.affine[:, [2, 1, 0, 3]]


@settings(deadline=None, max_examples=40)
@given(
    turn=st.sampled_from(TURNS),
    angles=st.tuples(*[st.floats(-0.6, 0.6)] * 3),
    spacing=st.tuples(*[st.floats(0.2, 5)] * 3),
    shape=st.tuples(*[st.integers(2, 5)] * 3),
    version=st.sampled_from([1, 2]),
    order=st.sampled_from("<>"),
    compressed=st.booleans(),
    coded=st.sampled_from(["sform_code", "qform_code", None]),
)
def test_any_axes_flips_and_obliques_are_the_same_voxels_at_the_same_millimetres(
    tmp_path_factory: pytest.TempPathFactory, turn, angles, spacing, shape, version, order, compressed, coded
) -> None:
    """Every value is unique, so that it names its voxel; the file's affine says where that lies."""
    axes, signs = turn
    affine = np.eye(4)
    affine[:3, :3] = (euler2mat(*angles) @ np.diag(spacing))[:, axes] * signs
    affine[:3, 3] = -31.5, 12.25, 7
    voxels = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    path = tmp_path_factory.mktemp("turn") / f"a.nii{'.gz' if compressed else ''}"
    how = {coded: 0} if coded else {}
    scan = read_nifti(write_nifti(path, voxels, affine, version=version, order=order, **how))
    assert scan.affine is not None
    there = np.argwhere(np.ones(shape, dtype=bool))
    world = there @ affine[:3, :3].T + affine[:3, 3]
    ours = np.argwhere(np.ones(scan.voxels.shape, dtype=bool))
    places = ours @ scan.affine[:3, :3].T + scan.affine[:3, 3]
    by_value = places[np.argsort(scan.voxels[tuple(ours.T)])]
    near_half_turns_in_single_precision = coded == "sform_code" and version == 1
    tolerance = 0.01 if near_half_turns_in_single_precision else 2e-4
    np.testing.assert_allclose(by_value, world[np.argsort(voxels[tuple(there.T)])], rtol=0, atol=tolerance)
    assert aff2axcodes(scan.affine[:, [2, 1, 0, 3]]) == ("R", "A", "S")
    assert scan.voxels.flags.c_contiguous
    assert scan.notes == ()


def test_axes_and_affine_are_those_of_nibabels_closest_canonical_image(tmp_path: Path) -> None:
    for number, (axes, signs) in enumerate(TURNS):
        affine = AFFINE.copy()
        affine[:3, :3] = AFFINE[:3, axes] * signs
        path = write_nifti(tmp_path / f"{number}.nii", affine=affine)
        voxels, expected = canonical(path)
        scan = read_nifti(path)
        np.testing.assert_array_equal(scan.voxels, voxels)
        np.testing.assert_allclose(np.asarray(scan.affine), expected, atol=1e-4)


@pytest.mark.parametrize("kind", ["u1", "i1", "u2", "i2", "u4", "i4", "i8", "u8", "f4", "f8"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_integers_stay_what_they_are_and_floats_become_single(tmp_path: Path, kind: str, order: str) -> None:
    voxels = (VOXELS % 100).astype(kind)
    scan = read_nifti(write_nifti(tmp_path / "a.nii", voxels, order=order))
    assert scan.voxels.dtype == (np.float32 if kind[0] == "f" else np.dtype(kind))
    np.testing.assert_array_equal(scan.voxels, voxels.T[:, :, ::-1])
    low, high = scan.presentation.stored_range
    limits = np.finfo(np.float32) if kind[0] == "f" else np.iinfo(kind)
    assert (low, high) == (int(limits.min), int(limits.max))


def test_slope_and_intercept_are_kept_beside_the_stored_values(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "a.nii", scl_slope=0.5, scl_inter=-7.25)
    scan = read_nifti(path)
    assert scan.voxels.dtype == np.int16
    assert (scan.presentation.slope, scan.presentation.intercept) == (0.5, -7.25)
    assert scan.presentation.window is None
    np.testing.assert_array_equal(transformed(scan), canonical(path)[0].astype(np.float32))


@pytest.mark.parametrize(
    ("slope", "expected", "notes"), [(0, 1.0, []), (np.nan, 1.0, ["SlopeIgnored"]), (-2.0, -2.0, [])]
)
def test_a_slope_of_zero_or_no_number_scales_nothing(tmp_path: Path, slope, expected, notes) -> None:
    scan = read_nifti(write_nifti(tmp_path / "a.nii", scl_slope=slope, scl_inter=5))
    assert (scan.presentation.slope, scan.presentation.intercept) == (expected, 5 if expected != 1 else 0)
    assert names(scan.notes) == notes


@pytest.mark.parametrize(("code", "factor"), [(1, 1000), (2, 1), (3, 0.001), (2 | 8, 1)])
def test_units_become_millimetres(tmp_path: Path, code: int, factor: float) -> None:
    scan = read_nifti(write_nifti(tmp_path / "a.nii", xyzt_units=code))
    assert scan.affine is not None
    np.testing.assert_allclose(np.diag(scan.affine[::-1, :3][1:]), np.array([3, 2.5, 2]) * factor)
    np.testing.assert_allclose(scan.affine[:3, 3], np.array([90 - 7 * 2, -120, -70]) * factor)
    assert scan.notes == ()


def test_an_unknown_unit_is_taken_for_millimetres_and_noted(tmp_path: Path) -> None:
    scan = read_nifti(write_nifti(tmp_path / "a.nii", xyzt_units=0))
    np.testing.assert_array_equal(
        np.asarray(scan.affine), np.asarray(read_nifti(write_nifti(tmp_path / "b.nii")).affine)
    )
    assert names(scan.notes) == ["UnitUnknown"]


def test_the_sform_holds_and_a_conflict_is_noted(tmp_path: Path) -> None:
    moved: dict[str, Any] = {"qoffset_x": 93.0}
    scan = read_nifti(write_nifti(tmp_path / "a.nii", **moved))
    assert names(scan.notes) == ["GeometryDisagreement"]
    assert "3 units apart" in scan.notes[0]
    np.testing.assert_allclose(scan.affine[:3, 3], [90 - 7 * 2, -120, -70])  # type: ignore[index]
    by_qform = read_nifti(write_nifti(tmp_path / "b.nii", sform_code=0, **moved))
    np.testing.assert_allclose(by_qform.affine[:3, 3], [93 - 7 * 2, -120, -70])  # type: ignore[index]
    assert by_qform.notes == ()
    stretched = read_nifti(write_nifti(tmp_path / "c.nii", qform_code=0, pixdim=[1, 2, 2.5, 3.3, 1, 1, 1, 1]))
    assert names(stretched.notes) == ["GeometryDisagreement"]


def test_without_sform_and_qform_nothing_is_said_of_left_and_right(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "a.nii", sform_code=0, qform_code=0)
    (item,) = finding(nifti, path).items
    scan = read_nifti(path)
    assert (scan.kind, scan.affine, names(scan.notes)) == ("volume", None, ["NoOrientation"])
    np.testing.assert_array_equal(scan.voxels, VOXELS.T)
    assert item.facts == {"matrix": "7 × 8 × 6", "spacing": "2.5 × 2 × 3", "bit_depth": "16"}


def test_facts_are_those_of_the_file(tmp_path: Path) -> None:
    (item,) = finding(nifti, write_nifti(tmp_path / "a.nii.gz", db_name=b"Doe^Jane")).items
    assert item.facts == {
        "matrix": "7 × 8 × 6",
        "spacing": "2.5 × 2 × 3",
        "orientation": "SAL",
        "bit_depth": "16",
    }
    assert item.identifiers == ("db_name",)


@pytest.mark.parametrize(
    ("axis", "affine_columns"), [(2, [2, 1, 0]), (1, [1, 2, 0]), (0, [0, 2, 1])], ids=["axial", "coronal", "sagittal"]
)
def test_one_slice_is_a_picture_whose_affine_holds_for_slice_0(tmp_path: Path, axis: int, affine_columns) -> None:
    """The remaining axes keep the order head, front, right, and grow that way."""
    voxels = np.take(VOXELS, [3], axis=axis)
    scan = read_nifti(write_nifti(tmp_path / "a.nii", voxels, np.diag([2, 2.5, 3, 1])))
    assert (scan.kind, scan.voxels.ndim) == ("picture", 2)
    np.testing.assert_array_equal(scan.voxels, np.take(voxels, 0, axis=axis).T)
    np.testing.assert_allclose(np.asarray(scan.affine)[:, :3], np.diag([2, 2.5, 3, 1])[:, affine_columns])


def test_a_file_of_two_axes_is_a_picture(tmp_path: Path) -> None:
    header, voxels = nifti_bytes(VOXELS[:, :, :1], dim=[2, 8, 7, 0, 0, 0, 0, 0], pixdim=[-1, 2, 2.5, 0, 0, 0, 0, 0])
    (tmp_path / "a.nii").write_bytes(header + voxels)
    scan = read_nifti(tmp_path / "a.nii")
    assert scan.kind == "picture"
    np.testing.assert_array_equal(scan.voxels, VOXELS[::-1, :, 0].T)


def test_a_volume_of_several_is_read_only_when_chosen(tmp_path: Path) -> None:
    four = np.stack([VOXELS, VOXELS + 1, VOXELS + 2], axis=-1)
    for name in ("a.nii", "a.nii.gz"):
        path = write_nifti(tmp_path / name, four)
        for volume in range(3):
            np.testing.assert_array_equal(read_nifti(path, volume=volume).voxels, canonical(path, volume)[0])
        for chosen in (None, 3):
            with pytest.raises(ReadError) as caught:
                read_nifti(path, volume=chosen)
            assert caught.value.code == "WrongRank"
    one = read_nifti(write_nifti(tmp_path / "one.nii", four[..., :1]))
    np.testing.assert_array_equal(one.voxels, canonical(tmp_path / "a.nii")[0])
    along_two = write_nifti(tmp_path / "b.nii", np.stack([four, four], axis=-1))
    with pytest.raises(ReadError, match="several axes"):
        read_nifti(along_two, volume=0)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("suffixes", [(".hdr", ".img"), (".hdr.gz", ".img.gz"), (".hdr", ".img.gz"), (".HDR", ".IMG")])
def test_a_pair_is_one_item_of_two_files(tmp_path: Path, suffixes: tuple[str, str], version: int) -> None:
    for suffix, content in zip(suffixes, nifti_bytes(pair=True, version=version), strict=True):
        (tmp_path / f"scan.1{suffix}").write_bytes(gzip.compress(content) if suffix.endswith("gz") else content)
    found = finding(nifti, tmp_path)
    (item,) = found.items
    assert found.failed == ()
    assert item.paths == tuple(tmp_path / f"scan.1{suffix}" for suffix in suffixes)
    scan = loading(nifti, item)
    np.testing.assert_array_equal(scan.voxels, VOXELS[::-1].T)
    assert scan.notes == ()


def test_contents_count_and_not_the_name(tmp_path: Path) -> None:
    plain, compressed = write_nifti(tmp_path / "a.nii"), write_nifti(tmp_path / "b.nii.gz")
    expected = read_nifti(plain).voxels
    for path, name in ((plain, "c.nii.gz"), (compressed, "d.nii"), (plain, "scan"), (plain, "e.hdr"), (plain, "f.img")):
        renamed = tmp_path / name
        renamed.write_bytes(path.read_bytes())
        scan = read_nifti(renamed)
        np.testing.assert_array_equal(scan.voxels, expected)
        assert names(scan.notes) == ["SuffixConflict"], name


def test_other_files_are_left_to_other_loaders(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("a,b\n")
    (tmp_path / "other.gz").write_bytes(gzip.compress(b"".join(nifti_bytes())))
    (tmp_path / "archive.tar.gz").write_bytes(gzip.compress(bytes(1024)))
    (tmp_path / "a.dcm").write_bytes(bytes(128) + b"DICM" + bytes(212) + b"n+1\0" + bytes(100))
    found = finding(nifti, tmp_path)
    assert (found.items, found.failed, found.excluded) == ((), (), ())


def test_swapped_bytes_are_suspicious_and_noise_or_masks_are_not(tmp_path: Path) -> None:
    i, j, k = np.meshgrid(np.arange(40), np.arange(40), np.arange(6), indexing="ij")
    smooth = (900 * np.sin(i / 9) + 700 * np.cos(j / 7) + 40 * k).astype(np.int16)
    mask = ((i - 20) ** 2 + (j - 20) ** 2 < 100).astype(np.int16)
    single = (smooth / 7).astype(np.float32)
    noise = np.random.default_rng(0).integers(-32768, 32767, smooth.shape).astype(np.int16)
    path = tmp_path / "mixed.nii"
    for voxels in (smooth, mask, single):
        header, _ = nifti_bytes(voxels, order=">")
        path.write_bytes(header + voxels.astype(voxels.dtype.newbyteorder("<")).tobytes("F"))
        assert names(read_nifti(path).notes) == ["ByteOrderSuspicious"]
    grainy = np.random.default_rng(0).normal(size=(20, 20, 20)).astype(np.float32)  # some are not finite when swapped
    path.write_bytes(nifti_bytes(grainy, order=">")[0] + grainy.tobytes("F"))
    with pytest.raises(ReadError, match="byte order") as caught:
        read_nifti(path)
    assert caught.value.code == "NonFinite"
    for voxels in (smooth, mask, single, noise, (mask * 255).astype(np.int16)):
        for order in "<>":
            assert read_nifti(write_nifti(tmp_path / "good.nii", voxels, order=order)).notes == ()


def test_trailing_bytes_and_constant_images_are_noted(tmp_path: Path) -> None:
    content = b"".join(nifti_bytes())
    (tmp_path / "a.nii").write_bytes(content + bytes(20))
    (tmp_path / "b.nii.gz").write_bytes(gzip.compress(content + bytes(20)))
    (tmp_path / "c.nii.gz").write_bytes(gzip.compress(content) + b"more")
    expected = read_nifti(write_nifti(tmp_path / "good.nii")).voxels
    for name in ("a.nii", "b.nii.gz", "c.nii.gz"):
        scan = read_nifti(tmp_path / name)
        assert names(scan.notes) == ["TrailingData"], name
        np.testing.assert_array_equal(scan.voxels, expected)
    for kind in (np.int16, np.float32):
        scan = read_nifti(write_nifti(tmp_path / "constant.nii", np.full((4, 4, 4), 7, dtype=kind)))
        assert scan.notes == ("ConstantImage: every voxel is 7",)


def test_extensions_are_passed_over(tmp_path: Path) -> None:
    extension = np.array([32, 2], dtype="<i4").tobytes() + b"attributes".ljust(24)
    for name in ("a.nii", "a.nii.gz"):
        path = write_nifti(tmp_path / name, extensions=extension * 2)
        np.testing.assert_array_equal(read_nifti(path).voxels, VOXELS[::-1].T)
        assert finding(nifti, path).items[0].identifiers == ("extension 2 (DICOM attributes)",)


@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, -1, 1)])
@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1)])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_the_array_is_all_the_memory_that_reading_takes(tmp_path: Path, axes, signs, name: str) -> None:
    voxels = np.random.default_rng(0).integers(0, 9, (192, 160, 300)).astype(np.int16)
    affine = np.eye(4)
    affine[:3, :3] = np.eye(3)[:, axes] * signs
    path = write_nifti(tmp_path / name, voxels, affine, scl_slope=2)
    read_nifti(write_nifti(tmp_path / "first.nii.gz"))
    tracemalloc.start()
    scan = read_nifti(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert scan.voxels.nbytes == voxels.nbytes
    assert peak <= 1.2 * voxels.nbytes


def test_double_precision_is_never_whole_in_memory(tmp_path: Path) -> None:
    voxels = np.random.default_rng(0).normal(size=(128, 128, 200))
    path = write_nifti(tmp_path / "a.nii", voxels)
    tracemalloc.start()
    scan = read_nifti(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(scan.voxels, voxels.astype(np.float32)[::-1].T)
    assert peak <= 1.2 * scan.voxels.nbytes


REFERENCES = {
    "anatomical.nii",
    "example4d.nii.gz",
    "example_nifti2.nii.gz",
    "functional.nii",
    "reoriented_anat_moved.nii",
    "standard.nii.gz",
}


def check_against_nibabel(path: Path) -> None:
    scan = read_nifti(path, volume=0)
    voxels, affine = canonical(path)
    np.testing.assert_allclose(transformed(scan), voxels.astype(np.float32), rtol=1e-6, atol=0)
    np.testing.assert_array_equal(np.asarray(scan.affine), affine)
    assert not {"GeometryDisagreement", "ByteOrderSuspicious", "TrailingData"} & set(names(scan.notes))


@pytest.mark.parametrize("name", sorted(REFERENCES))
def test_nibabels_own_files_read_as_nibabel_reads_them(name: str) -> None:
    check_against_nibabel(Path(nibabel.tests.__file__).parent / "data" / name)


@pytest.mark.real_data
@pytest.mark.parametrize(("folder", "count"), [("niivue", 8), ("nih_mr/nifti_reference", 6)])
def test_real_files_read_as_nibabel_reads_them(folder: str, count: int) -> None:
    root = os.environ.get("MEDTRANSFER_DATA")
    if not root:
        pytest.skip("MEDTRANSFER_DATA is not set")
    paths = sorted(Path(root, "scans", folder).glob("*.nii*"))
    assert len(paths) == count
    for path in paths:
        check_against_nibabel(path)
