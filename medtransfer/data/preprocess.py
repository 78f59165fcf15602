"""From stored values to the pictures a network sees. Pure functions on arrays, one plane in memory at a time.

    planes turned as a radiologist looks at them  (data/orient.py)
    stored value
      → modality transformation    slope · v + intercept, or a table       PS3.3 C.11.1
      → values of interest         window or table, to [0, 1]              PS3.3 C.11.2
      → one inversion              1 − y, for MONOCHROME1                  PS3.3 C.7.6.3.1.2
      → padding black              0 where the stored value is padding     PS3.3 C.7.5.1.1.2
      → pad to a square, resize    black, centred; antialiased

Padding is set after the inversion: before it, the background of a MONOCHROME1 image would turn white.

What decides the values of interest, in this order: `hu_window` (CT) and `suv_range` (PET) of the settings; the file's
table; the file's window; the range of the bits where values have up to 8 of them, since such pictures were made for
display; else the 0.5th to 99.5th percentile of what is neither padding nor infinite, since a detector uses a small and
unknown part of its range. The percentiles of a volume are those of all its slices together: one slice through air must
not be stretched into something, and equal tissue is equally bright in every slice.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32, UInt16
from PIL import Image
from scipy.special import expit

from medtransfer.core.config.data import PreprocessConfig
from medtransfer.core.errors import ReadError, at_stage
from medtransfer.core.types import PreparedPicture, PreparedPlanes
from medtransfer.data.orient import as_read
from medtransfer.data.percentiles import percentiles
from medtransfer.data.scan import Window

if TYPE_CHECKING:
    from medtransfer.data.scan import Lookup, Scan

Shown = Float32[np.ndarray, "row column"] | Float32[np.ndarray, "row column 3"]
"""A picture in [0, 1], black 0; grey, or colour last."""

Square = Float32[np.ndarray, "size size"] | Float32[np.ndarray, "size size 3"]
"""A square picture in [0, 1]."""

DEFAULTS = PreprocessConfig()
"""How scans are prepared where nobody says otherwise."""

FULL = 65_535
_TAILS = (0.5, 99.5)
_SHALLOW_BITS = 8
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def prepare(scan: Scan, preprocess: PreprocessConfig = DEFAULTS) -> PreparedPlanes:
    """What the cache keeps of a scan: every plane as a reader would look at it, square, in 16 bits.

    Planes whose place in the patient is known are turned first (`as_read`), so that DICOM and NIfTI give one picture.

    Args:
        scan: A picture, a volume or frames.
        preprocess: Size, and what is shown of CT and PET.

    Returns:
        `plane channel row column`: one plane for a picture, else all slices or frames in the scan's order; one channel
        for grey, three for colour; 65,535 stands for 1.

    Raises:
        ReadError: `RescaleMissing`: a CT without Hounsfield units is to be windowed in them; `SuvUnavailable`.
    """
    scan = with_window(as_read(scan), preprocess)
    size, count = preprocess.size, 1 if scan.kind == "picture" else len(scan.voxels)
    prepared = np.empty((count, 3 if scan.is_colour else 1, size, size), dtype=np.uint16)
    for index in range(count):
        picture = pad_and_resize(_shown(plane_of(scan, index)), size=size)
        channels = picture[np.newaxis] if picture.ndim == 2 else np.moveaxis(picture, -1, 0)
        prepared[index] = np.rint(np.clip(channels, 0, 1) * FULL)
    return prepared


def to_display(scan: Scan, preprocess: PreprocessConfig = DEFAULTS) -> Shown:
    """What a reader would look at, in [0, 1]: one picture in full resolution.

    Where there is nothing to tell apart (all values equal), grey is middle grey. Colours are spread over the range of
    their bits. Of a volume, take `plane_of(with_window(scan, preprocess), index)`.

    Raises:
        ReadError: `VolumeUnsupported`: the scan has slices or frames; or as `prepare`.
    """
    if scan.kind != "picture":
        raise ReadError(
            f"holds {len(scan.voxels)} planes",
            code="VolumeUnsupported",
            path=scan.path,
            hint="Show one plane of it at a time.",
            stage="prepare",
        )
    return _shown(with_window(as_read(scan), preprocess))


def plane_of(scan: Scan, index: int) -> Scan:
    """One slice or frame as a picture; a picture is its own plane 0.

    What the file says about display goes along. Where it says nothing, a window is chosen for the plane alone, unless
    `with_window` has settled one for the whole scan before.

    Raises:
        IndexError: The scan has no such plane.
    """
    if scan.kind == "picture":
        if index:
            msg = f"a picture has one plane, not {index + 1}"
            raise IndexError(msg)
        return scan
    affine = None if scan.affine is None else scan.affine.copy()
    if affine is not None:
        place = scan.affine @ np.array([index, 0, 0, 1.0]) if scan.positions is None else (*scan.positions[index], 1.0)
        affine[:, 3] = place
    return replace(scan, voxels=scan.voxels[index], kind="picture", affine=affine, positions=None)


def with_window(scan: Scan, preprocess: PreprocessConfig = DEFAULTS) -> Scan:
    """The scan with its values of interest settled once, so that all its planes share them.

    Hounsfield window (c, w): values from c − w/2 to c + w/2 become 0 to 1. SUV range (a, b): body-weight SUVs from a to
    b become 0 to 1, in the file's own units values from a / factor to b / factor.

    Raises:
        ReadError: As `prepare`.
    """
    with at_stage("prepare"):
        if scan.modality == "CT" and preprocess.hu_window is not None:
            return _replaced(scan, *_hounsfield(scan, preprocess.hu_window))
        if scan.modality == "PT" and preprocess.suv_range is not None:
            return _replaced(scan, *_uptake(scan, preprocess.suv_range))
    how = scan.presentation
    if scan.is_colour or how.voi_table is not None or how.window is not None:
        return scan
    return _replaced(scan, *_range(scan))


def pad_and_resize(picture: Shown, *, size: int) -> Square:
    """Pad with black to a centred square, then resize to `size` × `size`.

    Where padding is odd, the extra row or column comes last. Shrinking is antialiased: the triangle
    filter is widened by the factor, so that every source pixel counts (Pillow's BILINEAR).
    """
    rows, columns = picture.shape[:2]
    side = max(rows, columns)
    above, left = (side - rows) // 2, (side - columns) // 2
    square = np.zeros((side, side, *picture.shape[2:]), dtype=np.float32)
    square[above : above + rows, left : left + columns] = picture
    if square.ndim == 2:
        return _resized(square, size)
    return np.stack([_resized(square[..., channel], size) for channel in range(3)], axis=-1)


def to_grey(prepared: PreparedPicture) -> UInt16[np.ndarray, "1 size size"]:
    """One channel: Y = 0.299 R + 0.587 G + 0.114 B. Reference: ITU-R BT.601."""
    if prepared.shape[0] == 1:
        return prepared
    return np.rint(np.tensordot(_LUMA, prepared.astype(np.float32), axes=1)).astype(np.uint16)[np.newaxis]


def windowed(values: np.ndarray, window: Window) -> np.ndarray:
    """Values through a window, to [0, 1]. Reference: DICOM PS3.3 C.11.2.1.2.1 and C.11.2.1.3.

    With centre c and width w, and y clamped to [0, 1] where it is linear:

        LINEAR        y = (x − (c − 0.5)) / (w − 1) + 0.5
        LINEAR_EXACT  y = (x − c) / w + 0.5
        SIGMOID       y = 1 / (1 + exp(−4 (x − c) / w))

    LINEAR with w = 1 is a step: 0 up to c − 0.5, then 1.
    """
    centre, width = window.centre, window.width
    if window.function == "SIGMOID":
        return expit(4 * (values - centre) / width)
    if window.function == "LINEAR_EXACT":
        return np.clip((values - centre) / width + 0.5, 0, 1)
    if width == 1:
        return (values > centre - 0.5).astype(np.float64)
    return np.clip((values - (centre - 0.5)) / (width - 1) + 0.5, 0, 1)


def looked_up(values: np.ndarray, table: Lookup) -> np.ndarray:
    """Entries of the table for `values`, clamped to its ends. Reference: DICOM PS3.3 C.11.1.1.1."""
    index = np.clip(np.rint(values).astype(np.int64) - table.first, 0, table.values.size - 1)
    return table.values[index].astype(np.float64)


def _shown(scan: Scan) -> Shown:
    """A picture whose window is settled, in [0, 1]."""
    how = scan.presentation
    if scan.is_colour:
        low, high = how.stored_range
        return np.clip((scan.voxels.astype(np.float64) - low) / (high - low), 0, 1).astype(np.float32)
    shown = _of_interest(_modality(scan.voxels, scan), scan)
    if how.inverted:
        shown = 1 - shown
    if how.padding is not None:
        shown[(scan.voxels >= how.padding[0]) & (scan.voxels <= how.padding[1])] = 0
    if scan.voxels.dtype.kind == "f":
        shown[np.isnan(scan.voxels)] = 0
    return shown.astype(np.float32)


def _of_interest(values: np.ndarray, scan: Scan) -> np.ndarray:
    how = scan.presentation
    if how.voi_table is not None:
        return looked_up(values, how.voi_table) / ((1 << how.voi_table.bits) - 1)
    if how.window is None or how.window.width == np.inf:
        return np.full(values.shape, 0.5)
    return windowed(values, how.window)


def _replaced(scan: Scan, low: float, high: float) -> Scan:
    """Values from `low` to `high` become 0 to 1; where they are equal, everything is middle grey."""
    width = high - low if high > low else np.inf
    window = Window(centre=(low + high) / 2, width=width, function="LINEAR_EXACT")
    return replace(scan, presentation=replace(scan.presentation, window=window, voi_table=None))


def _hounsfield(scan: Scan, window: tuple[float, float]) -> tuple[float, float]:
    if scan.units != "HU":
        raise ReadError(
            f"a CT whose values are {scan.units or 'of unknown unit'} cannot be windowed in Hounsfield units",
            code="RescaleMissing",
            path=scan.path,
            hint="Export it with rescale slope and intercept, leave it out, or plan without preprocess.hu_window.",
        )
    centre, width = window
    return centre - width / 2, centre + width / 2


def _uptake(scan: Scan, shown: tuple[float, float]) -> tuple[float, float]:
    if not isinstance(scan.suv_factor, float) or not scan.suv_factor > 0:
        raise ReadError(
            f"no standardised uptake value: {scan.suv_factor or 'the file does not say how to compute it'}",
            code="SuvUnavailable",
            path=scan.path,
            hint="Export it with dose, weight and decay correction, or plan without preprocess.suv_range.",
        )
    return shown[0] / scan.suv_factor, shown[1] / scan.suv_factor


def _range(scan: Scan) -> tuple[float, float]:
    """Range of the bits or percentiles, in output units of the modality transformation."""
    how = scan.presentation
    lowest, highest = how.stored_range
    if scan.voxels.dtype.kind in "iu" and highest - lowest < 1 << _SHALLOW_BITS:
        low, high = sorted(_modality(np.array([lowest, highest]), scan).tolist())
        return low, high
    planes = scan.voxels[np.newaxis] if scan.kind == "picture" else scan.voxels
    low, high = percentiles(
        planes, _TAILS, transform=lambda stored: _modality(stored, scan), padding=scan.presentation.padding
    )
    return low, high


def _modality(stored: np.ndarray, scan: Scan) -> np.ndarray:
    how = scan.presentation
    if how.modality_table is not None:
        return looked_up(stored, how.modality_table)
    return stored.astype(np.float64) * how.slope + how.intercept


def _resized(plane: np.ndarray, size: int) -> np.ndarray:
    if plane.shape == (size, size):
        return plane
    image = Image.fromarray(np.ascontiguousarray(plane, dtype=np.float32))
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR), dtype=np.float32)
