"""What is known of the geometry of a projection: no place in the patient, but directions and a scale.

| element | millimetres per pixel |
|---|---|
| PixelSpacing with PixelSpacingCalibrationType GEOMETRY or FIDUCIAL | in the patient, `calibrated` |
| ImagerPixelSpacing, NominalScannedPixelSpacing, or PixelSpacing equal to it | at the `detector` (magnified) |

Reference: DICOM PS3.3 10.7.1 (pixel spacing of projections), C.7.6.1.1.1 (PatientOrientation).
"""

from __future__ import annotations

from math import isclose
from typing import TYPE_CHECKING, Literal

from medtransfer.data.dicom.tags import numbers, text, words

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

    from medtransfer.data.dicom.elements import Elements

_LETTERS = frozenset("APRLHF")


def directions(dataset: Dataset | Elements) -> tuple[str, str]:
    """What row and column indices grow towards, as letters (`F`, `L`); empty where the file does not say.

    PatientOrientation has the direction of the rows first, which is the way that column indices grow.
    """
    said = words(dataset, "PatientOrientation")
    if len(said) != 2 or not all(word and set(word) <= _LETTERS for word in said):
        return "", ""
    along_row, along_column = said
    return along_column, along_row


def pixel_size(
    dataset: Dataset | Elements, path: Path, notes: list[str]
) -> tuple[tuple[float, float] | None, Literal["detector", "calibrated", ""]]:
    """Row and column spacing in millimetres, and where it holds; None where the file does not say.

    A spacing that is not positive is noted (`SpacingIgnored`) and not used.
    """
    found = {}
    for keyword in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        spacing = numbers(dataset, keyword, 2, path)
        if spacing is not None and min(spacing) <= 0:
            notes.append(f"SpacingIgnored: {keyword} is {spacing[0]:g} × {spacing[1]:g} mm")
        elif spacing is not None:
            found[keyword] = (spacing[0], spacing[1])
    at_detector = found.get("ImagerPixelSpacing") or found.get("NominalScannedPixelSpacing")
    plain = found.get("PixelSpacing")
    calibrated = text(dataset, "PixelSpacingCalibrationType").upper() in {"GEOMETRY", "FIDUCIAL"}
    if plain is not None and (calibrated or (at_detector is not None and not _same(plain, at_detector))):
        return plain, "calibrated"
    size = at_detector or plain
    return size, "" if size is None else "detector"


def _same(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return all(isclose(a, b, rel_tol=1e-4) for a, b in zip(one, other, strict=True))
