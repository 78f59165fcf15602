"""Bad NIfTI files: one good file with one field changed (65 to 98). Reference: nifti1.h, whose offsets stand here."""

from __future__ import annotations

import gzip
import struct
from typing import TYPE_CHECKING, Any, Final

import nibabel as nib
import numpy as np
from catalogue.control import Case, Expected, written

if TYPE_CHECKING:
    from pathlib import Path

VOXELS: Final = np.arange(8 * 6 * 5, dtype=np.int16).reshape(8, 6, 5) * 3
"""Columns, rows and slices of the control, as NIfTI orders them."""

AFFINE: Final = np.array([[-0.5, 0, 0, 10], [0, 0.75, 0, -20], [0, 0, 2, 30], [0, 0, 0, 1]], dtype=np.float64)
"""Towards the left, the front, the head."""

DIM, DATATYPE, BITPIX, PIXDIM, VOX_OFFSET = 40, 70, 72, 76, 108
SLOPE, INTERCEPT, UNITS, QFORM_CODE, QUATERNION, SFORM, MAGIC = 112, 116, 123, 252, 256, 280, 344
FIRST_VOXEL: Final = 352


def nifti_bytes(voxels: np.ndarray = VOXELS, *, affine: np.ndarray | None = AFFINE, big_endian: bool = False) -> bytes:
    """A good `.nii` file with equal qform and sform (codes 1), or with neither."""
    header = nib.Nifti1Header(endianness=">" if big_endian else "<")
    header.set_data_shape(voxels.shape)
    header.set_data_dtype(voxels.dtype)
    header.set_xyzt_units("mm")
    if affine is not None:
        header.set_qform(affine, code=1)
        header.set_sform(affine, code=1)
    header["magic"] = b"n+1"
    header["vox_offset"] = FIRST_VOXEL
    header["scl_slope"], header["scl_inter"] = 1, 0
    stored = voxels.astype(voxels.dtype.newbyteorder(">" if big_endian else "<"))
    return header.binaryblock + bytes(4) + stored.tobytes(order="F")


def patched(offset: int, form: str, *values: Any, content: bytes | None = None) -> bytes:
    """The control, or other content, with one field overwritten."""
    whole = bytearray(nifti_bytes() if content is None else content)
    struct.pack_into(f"<{form}", whole, offset, *values)
    return bytes(whole)


def reading(values: np.ndarray = VOXELS, affine: np.ndarray | None = AFFINE) -> tuple[Expected, ...]:
    """One scan that holds these values where the affine says."""
    return (Expected(values=values.astype(np.float64), affine=affine, in_order=affine is not None),)


def empty_nifti(folder: Path) -> Case:
    return written(folder, b"", "a.nii")


def nifti_header_cut(folder: Path) -> Case:
    return written(folder, nifti_bytes()[:100], "a.nii")


def nifti_header_cut_by_one(folder: Path) -> Case:
    return written(folder, nifti_bytes()[:347], "a.nii")


def voxels_cut_half(folder: Path) -> Case:
    return written(folder, nifti_bytes()[: FIRST_VOXEL + VOXELS.nbytes // 2], "a.nii")


def voxels_cut_by_one(folder: Path) -> Case:
    return written(folder, nifti_bytes()[:-1], "a.nii")


def not_gzip(folder: Path) -> Case:
    return written(folder, nifti_bytes(), "a.nii.gz", expected=reading())


def gzip_named_nii(folder: Path) -> Case:
    return written(folder, gzip.compress(nifti_bytes(), mtime=0), "a.nii", expected=reading())


def nifti_magic_wrong(folder: Path) -> Case:
    return _patched(folder, MAGIC, "4s", b"xyz\0")


def nifti_random(folder: Path) -> Case:
    return written(folder, np.random.default_rng(1).bytes(5000), "a.nii")


def sizeof_hdr_zero(folder: Path) -> Case:
    return _patched(folder, 0, "i", 0)


def dim0_zero(folder: Path) -> Case:
    return _patched(folder, DIM, "h", 0)


def dim0_nine(folder: Path) -> Case:
    return _patched(folder, DIM, "h", 9)


def dim_negative(folder: Path) -> Case:
    return _patched(folder, DIM + 2, "h", -8)


def dim_zero(folder: Path) -> Case:
    return written(folder, patched(DIM + 2, "h", 0)[:FIRST_VOXEL], "a.nii")


def dim_bomb(folder: Path) -> Case:
    """Seven axes of 32,767: 8·10³¹ bytes."""
    return _patched(folder, DIM, "8h", 7, *[32767] * 7)


def dim_4_gib(folder: Path) -> Case:
    """Just below the limit on size: 1024 × 1024 × 2047 voxels of two bytes."""
    return _patched(folder, DIM, "4h", 3, 1024, 1024, 2047)


def vox_offset_nan(folder: Path) -> Case:
    return _patched(folder, VOX_OFFSET, "f", np.nan)


def vox_offset_negative(folder: Path) -> Case:
    return _patched(folder, VOX_OFFSET, "f", -352)


def vox_offset_past_end(folder: Path) -> Case:
    return _patched(folder, VOX_OFFSET, "f", 1e6)


def vox_offset_zero(folder: Path) -> Case:
    return _patched(folder, VOX_OFFSET, "f", 0)


def datatype_unknown(folder: Path) -> Case:
    return _patched(folder, DATATYPE, "h", 9999)


def datatype_rgb(folder: Path) -> Case:
    content = patched(DATATYPE, "2h", 128, 24)
    return written(folder, content[:FIRST_VOXEL] + bytes(3 * VOXELS.size), "a.nii")


def datatype_complex(folder: Path) -> Case:
    return written(folder, nifti_bytes(VOXELS.astype(np.complex64)), "a.nii")


def bitpix_wrong(folder: Path) -> Case:
    return _patched(folder, BITPIX, "h", 8)


def scl_slope_nan(folder: Path) -> Case:
    return _patched(folder, SLOPE, "f", np.nan)


def scl_slope_infinite(folder: Path) -> Case:
    return _patched(folder, SLOPE, "f", np.inf)


def scl_slope_huge(folder: Path) -> Case:
    return _patched(folder, SLOPE, "f", 1e38)


def scl_slope_zero(folder: Path) -> Case:
    return _patched(folder, SLOPE, "2f", 0, 5)


def voxels_nan(folder: Path) -> Case:
    return written(folder, nifti_bytes(np.full(VOXELS.shape, np.nan, dtype=np.float32)), "a.nii")


def voxel_infinite(folder: Path) -> Case:
    voxels = VOXELS.astype(np.float32)
    voxels[3, 2, 1] = np.inf
    return written(folder, nifti_bytes(voxels), "a.nii")


def voxels_constant(folder: Path) -> Case:
    voxels = np.full_like(VOXELS, 7)
    return written(folder, nifti_bytes(voxels), "a.nii", expected=reading(voxels))


def sform_singular(folder: Path) -> Case:
    return _patched(folder, SFORM, "12f", *np.array([[1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0]]).ravel())


def sform_nan(folder: Path) -> Case:
    return _patched(folder, SFORM, "f", np.nan)


def quaternion_long(folder: Path) -> Case:
    content = patched(QFORM_CODE, "2h", 1, 0)
    return written(folder, patched(QUATERNION, "3f", 2, 2, 2, content=content), "a.nii")


def forms_conflict(folder: Path) -> Case:
    """The sform looks into a mirror: left where the qform says right."""
    return _patched(folder, SFORM, "f", 0.5)


def no_orientation(folder: Path) -> Case:
    return written(folder, nifti_bytes(affine=None), "a.nii", expected=reading(affine=None))


def pixdim_zero(folder: Path) -> Case:
    return _patched(folder, PIXDIM + 4, "3f", 0, 0, 0)


def pixdim_negative(folder: Path) -> Case:
    return _patched(folder, PIXDIM + 4, "f", -0.5)


def extension_zero(folder: Path) -> Case:
    return _extension(folder, 0)


def extension_negative(folder: Path) -> Case:
    return _extension(folder, -16)


def extension_2_gb(folder: Path) -> Case:
    return _extension(folder, 0x7FFFFFF0)


def big_endian(folder: Path) -> Case:
    return written(folder, nifti_bytes(big_endian=True), "a.nii", expected=reading())


def mixed_endian(folder: Path) -> Case:
    content = nifti_bytes(big_endian=True)[:FIRST_VOXEL] + nifti_bytes()[FIRST_VOXEL:]
    return written(folder, content, "a.nii", expected=reading(VOXELS.byteswap()))


def mixed_endian_real(folder: Path) -> Case:
    """Little-endian normal numbers; read the wrong way round, some exponents are all ones."""
    voxels = np.random.default_rng(0).normal(size=(16, 16, 8)).astype("<f4")
    assert not np.isfinite(voxels.view(">f4")).all()
    return written(folder, nifti_bytes(voxels, big_endian=True)[:FIRST_VOXEL] + voxels.tobytes(), "a.nii")


def pair_missing(folder: Path) -> Case:
    content = patched(VOX_OFFSET, "f", 0, content=patched(MAGIC, "4s", b"ni1\0"))
    return written(folder, content[:348], "a.hdr")


def trailing_bytes(folder: Path) -> Case:
    return written(folder, nifti_bytes() + b"garbage!" * 256, "a.nii", expected=reading())


def four_axes(folder: Path) -> Case:
    voxels = np.stack([VOXELS, VOXELS + 1000], axis=-1)
    return written(folder, nifti_bytes(voxels), "a.nii", expected=reading(voxels[..., 1]))


def four_axes_one_volume(folder: Path) -> Case:
    return written(folder, nifti_bytes(VOXELS[..., None]), "a.nii", expected=reading())


def unit_micron(folder: Path) -> Case:
    """Code 3 of xyzt_units: lengths of the header are in microns."""
    return written(
        folder, patched(UNITS, "B", 3), "a.nii", expected=reading(affine=np.diag([1e-3, 1e-3, 1e-3, 1]) @ AFFINE)
    )


def unit_unknown(folder: Path) -> Case:
    return _patched(folder, UNITS, "B", 0)


def _patched(folder: Path, offset: int, form: str, *values: Any) -> Case:
    return written(folder, patched(offset, form, *values), "a.nii", expected=reading())


def _extension(folder: Path, size: int) -> Case:
    content = patched(VOX_OFFSET, "f", FIRST_VOXEL + 16)
    extension = b"\x01\0\0\0" + struct.pack("<2i", size, 6) + b"comment!"
    return written(folder, content[:348] + extension + content[FIRST_VOXEL:], "a.nii")
