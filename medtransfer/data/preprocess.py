"""From stored values to the picture a network sees. Pure functions on arrays.

    stored value
      → modality transformation    slope · v + intercept, or a table       PS3.3 C.11.1
      → values of interest         window or table, to [0, 1]              PS3.3 C.11.2
      → one inversion              1 − y, for MONOCHROME1                  PS3.3 C.7.6.3.1.2
      → padding black              0 where the stored value is padding     PS3.3 C.7.5.1.1.2
      → pad to a square, resize    black, centred; antialiased

Padding is set after the inversion: before it, the background of a MONOCHROME1 image would turn white.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32, UInt16
from PIL import Image
from scipy.special import expit

from medtransfer.core.errors import ReadError

if TYPE_CHECKING:
    from medtransfer.data.scan import Lookup, Scan, Window

Shown = Float32[np.ndarray, "row column"] | Float32[np.ndarray, "row column 3"]
"""A picture in [0, 1], black 0; grey, or colour last."""

Square = Float32[np.ndarray, "size size"] | Float32[np.ndarray, "size size 3"]
"""A square picture in [0, 1]."""

Prepared = UInt16[np.ndarray, "1 size size"] | UInt16[np.ndarray, "3 size size"]
"""A square picture as the cache keeps it: 65,535 stands for 1."""

FULL = 65_535
_TAILS = (0.5, 99.5)
_SHALLOW_BITS = 8
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def to_display(scan: Scan) -> Shown:
    """What a reader would look at, in [0, 1].

    Where the file names neither window nor table: values of up to 8 bits are spread over the range that
    the bits allow, since such pictures were made for display; deeper values over the 0.5th to 99.5th
    percentile of what is not padding, since a detector uses a small and unknown part of its range. An
    image without contrast becomes middle grey. Colours are spread over the range of their bits.

    Raises:
        ReadError: `VolumeUnsupported`: the scan has slices.
    """
    voxels = scan.voxels
    is_colour = voxels.ndim == 3 and voxels.shape[-1] == 3 and scan.affine is None
    if voxels.ndim != 2 and not is_colour:
        raise ReadError(
            f"holds a volume of shape {voxels.shape}",
            code="VolumeUnsupported",
            path=scan.path,
            hint="This version prepares two-dimensional images.",
        )
    if is_colour:
        low, high = scan.presentation.stored_range
        return np.clip((voxels.astype(np.float64) - low) / (high - low), 0, 1).astype(np.float32)
    shown = _of_interest(scan)
    if scan.presentation.inverted:
        shown = 1 - shown
    padded = _padding(scan)
    if padded is not None:
        shown[padded] = 0
    return shown.astype(np.float32)


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


def prepare(scan: Scan, *, size: int) -> Prepared:
    """`to_display`, `pad_and_resize`, and 16 bits: what the cache keeps of a scan.

    Returns:
        `channel row column`: one channel for a grey image, three for colour; 65,535 stands for 1.

    Raises:
        ReadError: `VolumeUnsupported`: the scan has slices.
    """
    picture = pad_and_resize(to_display(scan), size=size)
    channels = picture[np.newaxis] if picture.ndim == 2 else np.moveaxis(picture, -1, 0)
    return np.ascontiguousarray(np.rint(np.clip(channels, 0, 1) * FULL).astype(np.uint16))


def to_grey(prepared: Prepared) -> UInt16[np.ndarray, "1 size size"]:
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


def _of_interest(scan: Scan) -> np.ndarray:
    how = scan.presentation
    values = _modality(scan.voxels, scan)
    if how.voi_table is not None:
        return looked_up(values, how.voi_table) / ((1 << how.voi_table.bits) - 1)
    if how.window is not None:
        return windowed(values, how.window)
    lowest, highest = how.stored_range
    if highest - lowest < 1 << _SHALLOW_BITS:
        low, high = sorted(_modality(np.array([lowest, highest]), scan).tolist())
    else:
        padded = _padding(scan)
        kept = values if padded is None or padded.all() else values[~padded]
        low, high = np.percentile(kept, _TAILS).tolist()
    if high <= low:
        return np.full(values.shape, 0.5)
    return np.clip((values - low) / (high - low), 0, 1)


def _modality(stored: np.ndarray, scan: Scan) -> np.ndarray:
    how = scan.presentation
    if how.modality_table is not None:
        return looked_up(stored, how.modality_table)
    return stored.astype(np.float64) * how.slope + how.intercept


def _padding(scan: Scan) -> np.ndarray | None:
    bounds = scan.presentation.padding
    return None if bounds is None else (scan.voxels >= bounds[0]) & (scan.voxels <= bounds[1])


def _resized(plane: np.ndarray, size: int) -> np.ndarray:
    if plane.shape == (size, size):
        return plane
    image = Image.fromarray(np.ascontiguousarray(plane, dtype=np.float32))
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR), dtype=np.float32)
