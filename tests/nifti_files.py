"""Small NIfTI files: nibabel writes the header, then single fields are set to whatever a test wants."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from nibabel.nifti1 import Nifti1Header, Nifti1PairHeader
from nibabel.nifti2 import Nifti2Header, Nifti2PairHeader
from reading import finding, loading

from medtransfer.core.errors import ReadError
from medtransfer.data.loaders import nifti

if TYPE_CHECKING:
    from pathlib import Path

    from medtransfer.data.scan import Scan

VOXELS = np.random.default_rng(7).integers(-1000, 3000, (8, 7, 6)).astype(np.int16)
"""Axes i, j, k, as NIfTI has them."""

AFFINE = np.array([[-2.0, 0, 0, 90], [0, 2.5, 0, -120], [0, 0, 3, -70], [0, 0, 0, 1]])
"""Columns grow to the left."""


def nifti_bytes(
    voxels: np.ndarray = VOXELS,
    affine: np.ndarray = AFFINE,
    *,
    version: int = 1,
    order: Literal["<", ">"] = "<",
    extensions: bytes = b"",
    pair: bool = False,
    **fields: Any,
) -> tuple[bytes, bytes]:
    """Header (with extensions) and voxels; sform and qform both hold unless `fields` say otherwise."""
    kinds = (Nifti1PairHeader, Nifti2PairHeader) if pair else (Nifti1Header, Nifti2Header)
    header = kinds[version - 1](endianness=order)
    header.set_data_dtype(voxels.dtype)
    header.set_data_shape(voxels.shape)
    header.set_qform(affine, code=1)
    header.set_sform(affine, code=1)
    header.set_xyzt_units("mm")
    header["scl_slope"], header["scl_inter"] = 1, 0
    header["vox_offset"] = 0 if pair else len(header.binaryblock) + 4 + len(extensions)
    for name, value in fields.items():
        header[name] = value
    first = header.binaryblock + (b"\1\0\0\0" if extensions else bytes(4)) + extensions
    return first, voxels.astype(voxels.dtype.newbyteorder(order)).tobytes(order="F")


def write_nifti(path: Path, voxels: np.ndarray = VOXELS, affine: np.ndarray = AFFINE, **how: Any) -> Path:
    """Write a single file; compressed where its name ends in `.gz`."""
    content = b"".join(nifti_bytes(voxels, affine, **how))
    path.write_bytes(gzip.compress(content, 1) if path.suffix == ".gz" else content)
    return path


def read_nifti(path: Path, **settings: Any) -> Scan:
    """The one image at `path`; an error where finding or loading it fails."""
    found = finding(nifti, path, **settings)
    if found.failed:
        raise found.failed[0].error
    (item,) = found.items
    return loading(nifti, item, **settings)


def code_of(path: Path, **settings: Any) -> str:
    """Code of the error that `path` ends in, empty where it is read, `Nameless` if it lacks file, stage or cure."""
    try:
        read_nifti(path, **settings)
    except ReadError as error:
        is_whole = error.path == str(path) and error.stage in {"header", "pixels"} and error.hint
        return error.code if is_whole else "Nameless"
    return ""


def names(notes: tuple[str, ...]) -> list[str]:
    """The notes' names without what they say."""
    return [note.split(":")[0] for note in notes]
