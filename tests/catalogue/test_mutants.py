"""Headers with random bytes in them: an error of ours, or the pixels that were there.

A mutant that is read may show other pixels only where a byte of an element that says how pixels are stored
was changed: then the bits must still be those of the original wherever the shape is. Anything else (a name, a
date, a length that moves the parser) may refuse the file, never change its pixels.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pydicom.data
import pytest
from catalogue.outcomes import ACCIDENT, outcome_of
from pydicom.filereader import dcmread

if TYPE_CHECKING:
    from medtransfer.data.scan import Scan

SOURCES: Final = ("CT_small.dcm", "MR_small_implicit.dcm", "MR_small_RLE.dcm", "MR_small_bigendian.dcm")
DESCRIBING: Final = {
    0x00020010: "TransferSyntaxUID",
    0x00280002: "SamplesPerPixel",
    0x00280004: "PhotometricInterpretation",
    0x00280006: "PlanarConfiguration",
    0x00280008: "NumberOfFrames",
    0x00280010: "Rows",
    0x00280011: "Columns",
    0x00280100: "BitsAllocated",
    0x00280101: "BitsStored",
    0x00280102: "HighBit",
    0x00280103: "PixelRepresentation",
}
"""Elements that say how the pixel data are to be read."""

SEED: Final = 20260101


def source(name: str) -> Path:
    return next(Path(pydicom.data.__file__).parent.rglob(name))


def describing_bytes(path: Path) -> tuple[set[int], int]:
    """Offsets of the bytes that belong to describing elements, and where the pixel data begin."""
    dataset = dcmread(path)
    found: set[int] = set()
    for part in (dataset.file_meta, dataset):
        for element in part:
            if element.tag in DESCRIBING and element.file_tell is not None:
                length = 2 if element.VR == "US" else len(str(element.value)) + 1
                found.update(range(element.file_tell - 8, element.file_tell + length))
    start = dataset["PixelData"].file_tell
    assert start is not None
    return found, start


def mutant(content: bytes, end: int, rng: np.random.Generator) -> tuple[bytes, set[int]]:
    """One to three bytes of the header set to other values."""
    changed = bytearray(content)
    places = {int(place) for place in rng.integers(0, end, size=rng.integers(1, 4))}
    for place in places:
        changed[place] = (changed[place] + int(rng.integers(1, 256))) % 256
    return bytes(changed), places


def bits_of(scan: Scan) -> np.ndarray:
    """Stored values without their sign."""
    return scan.voxels.astype(np.int64) & 0xFFFF


def check_mutants(name: str, count: int, folder: Path) -> None:
    path = source(name)
    (original,) = outcome_of(path).scans
    describing, end = describing_bytes(path)
    content, rng = path.read_bytes(), np.random.default_rng(SEED)
    place = folder / "mutant.dcm"
    wrong: list[tuple[int, list[int]]] = []
    n_read = 0
    for number in range(count):
        changed, places = mutant(content, end, rng)
        place.write_bytes(changed)
        outcome = outcome_of(place)
        assert [error.path for error in outcome.errors if error.path != str(place)] == []
        accidents = [row.reason for row in outcome.ledger.rows if ACCIDENT.search(row.reason) and row.stage != "pixels"]
        assert accidents == []  # a decoder's own complaint about its code stream is no accident
        for scan in outcome.scans:
            n_read += 1
            is_same = np.array_equal(scan.voxels, original.voxels)
            may_differ = bool(places & describing)
            has_its_bits = scan.voxels.shape != original.voxels.shape or np.array_equal(
                bits_of(scan), bits_of(original)
            )
            if not (is_same or (may_differ and has_its_bits)):
                wrong.append((number, sorted(places)))
    assert wrong == []
    assert n_read > count // 10


@pytest.mark.parametrize("name", SOURCES)
def test_changed_headers_never_change_pixels(name: str, tmp_path: Path) -> None:
    check_mutants(name, 75, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", SOURCES)
def test_many_changed_headers_never_change_pixels(name: str, tmp_path: Path) -> None:
    check_mutants(name, 1250, tmp_path)
