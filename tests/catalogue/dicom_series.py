"""Bad series: each slice can be read, together they are not what they seem (4b, 42, 47 to 52, 54c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from catalogue.control import INTERCEPT, PIXELS, Case, Expected, axial, ct_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SLICES = 8
STEP = 2.0


def slice_pixels(k: int) -> np.ndarray:
    """Values that tell the slices apart."""
    return (PIXELS + 1000 * k).astype(np.int16)


def slice_bytes(k: int, **tags: Any) -> bytes:
    """Slice k of the good series, with some tags changed."""
    facts: dict[str, Any] = {
        "SOPInstanceUID": f"1.2.3.3.{k + 1}",
        "InstanceNumber": k + 1,
        "ImagePositionPatient": [0, 0, STEP * k],
        "pixels": slice_pixels(k),
    }
    return ct_bytes(**{**facts, **tags})


def put(folder: Path, contents: Iterable[bytes]) -> list[Path]:
    """Write slices under numbered names."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for k, content in enumerate(contents):
        paths.append(folder / f"{k:03d}.dcm")
        paths[-1].write_bytes(content)
    return paths


def volume(*, slices: int = SLICES, scaled: float = 1.0) -> Expected:
    """What the good series holds."""
    stored = np.stack([slice_pixels(k) for k in range(slices)])
    return Expected(values=stored * scaled + INTERCEPT, affine=axial(step=STEP))


def series_one_cut(folder: Path) -> Case:
    return _series(folder, [slice_bytes(k)[: -100 if k == 4 else None] for k in range(SLICES)], named=4)


def series_slope_varies(folder: Path) -> Case:
    slopes = np.arange(1, SLICES + 1)
    paths = put(folder / "series", [slice_bytes(k, RescaleSlope=int(s)) for k, s in enumerate(slopes)])
    stored = np.stack([slice_pixels(k) for k in range(SLICES)]).astype(float)
    expected = Expected(values=stored * slopes[:, None, None] + INTERCEPT, affine=axial(step=STEP))
    return Case(place=folder / "series", named=paths[0], expected=(expected,))


def series_gap(folder: Path) -> Case:
    return _series(folder, [slice_bytes(k) for k in range(SLICES) if k != 4])


def series_duplicate(folder: Path) -> Case:
    return _series(folder, [slice_bytes(k, ImagePositionPatient=[0, 0, STEP * min(k, 6)]) for k in range(SLICES)])


def series_mixed_shape(folder: Path) -> Case:
    contents = [slice_bytes(k) for k in range(SLICES)]
    contents[4] = slice_bytes(4, pixels=slice_pixels(4)[:8, :8])
    return _series(folder, contents)


def series_two(folder: Path) -> Case:
    places = [
        {"SeriesInstanceUID": f"1.2.3.2.{k % 2}", "ImagePositionPatient": [0, 0, STEP * (k // 2)]}
        for k in range(SLICES)
    ]
    paths = put(folder / "series", [slice_bytes(k, **place) for k, place in enumerate(places)])
    stored = np.stack([slice_pixels(k) for k in range(SLICES)]) + INTERCEPT
    expected = tuple(Expected(values=stored[start::2], affine=axial(step=STEP)) for start in (0, 1))
    return Case(place=folder / "series", named=paths[0], expected=expected)


def series_two_patients(folder: Path) -> Case:
    return _series(folder, [slice_bytes(k, PatientID="P2" if k == 4 else "P1") for k in range(SLICES)])


def series_instance_order(folder: Path) -> Case:
    paths = put(folder / "series", [slice_bytes(k, InstanceNumber=SLICES - k) for k in range(SLICES)])
    return Case(place=folder / "series", named=paths[0], expected=(volume(),))


def series_orientation_missing(folder: Path) -> Case:
    return _series(folder, [slice_bytes(k, ImageOrientationPatient=None) for k in range(SLICES)])


def _series(folder: Path, contents: list[bytes], *, named: int = 0) -> Case:
    paths = put(folder / "series", contents)
    return Case(place=folder / "series", named=paths[named], expected=())
