"""Bad gzip streams around good NIfTI files (68 to 70, 99). Reference: RFC 1952."""

from __future__ import annotations

import gzip
import struct
import zlib
from typing import TYPE_CHECKING, Final

import numpy as np
from catalogue.control import CLOSED, Case, deflated, repeated_zeros, written
from catalogue.nifti_files import DIM, FIRST_VOXEL, nifti_bytes, patched, reading

if TYPE_CHECKING:
    from pathlib import Path

_HEAD: Final = b"\x1f\x8b\x08\0\0\0\0\0\x02\xff"
_GIBIBYTE: Final = 1 << 30


def gzip_cut(folder: Path) -> Case:
    stream = _noise()
    return written(folder, stream[: len(stream) // 2], "a.nii.gz")


def gzip_trailer_cut(folder: Path) -> Case:
    return written(folder, _noise()[:-8], "a.nii.gz")


def gzip_checksum_wrong(folder: Path) -> Case:
    stream = _noise()
    return written(folder, stream[:-8] + bytes(b ^ 0xFF for b in stream[-8:-4]) + stream[-4:], "a.nii.gz")


def gzip_byte_flipped(folder: Path) -> Case:
    stream = bytearray(_noise())
    stream[len(stream) // 2] ^= 0xFF
    return written(folder, bytes(stream), "a.nii.gz")


def gzip_bomb(folder: Path) -> Case:
    """1024 × 1024 × 512 voxels of two bytes, all zero, as the header says."""
    return _followed_by_zeros(folder, patched(DIM, "4h", 3, 1024, 1024, 512)[:FIRST_VOXEL])


def gzip_bomb_trailing(folder: Path) -> Case:
    return _followed_by_zeros(folder, nifti_bytes())


def _noise() -> bytes:
    """A volume that hardly shrinks, so that most of the stream is data."""
    voxels = np.random.default_rng(2).integers(0, 1000, size=(16, 16, 8), dtype=np.int16)
    return gzip.compress(nifti_bytes(voxels), mtime=0)


def _followed_by_zeros(folder: Path, content: bytes) -> Case:
    checksum = zlib.crc32(content)
    block = bytes(16 << 20)
    for _ in range(_GIBIBYTE // len(block)):
        checksum = zlib.crc32(block, checksum)
    length = (len(content) + _GIBIBYTE) & 0xFFFFFFFF
    stream = deflated(content, close=False) + repeated_zeros(1024) + CLOSED
    return written(folder, _HEAD + stream + struct.pack("<2I", checksum, length), "a.nii.gz", expected=reading())
