"""Pictures as squares of one size, true to the patient: a circle stays a circle where pixels are longer than wide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from jaxtyping import Float32
from PIL import Image

from medtransfer.core.errors import ReadError
from medtransfer.data.geometry import spacing_of
from medtransfer.data.orient import ALIKE
from medtransfer.data.triangle import resized

if TYPE_CHECKING:
    from medtransfer.data.scan import Scan

Shown = Float32[np.ndarray, "row column"] | Float32[np.ndarray, "row column 3"]
"""A picture in [0, 1], black 0; grey, or colour last."""

Stretched = Float32[np.ndarray, "_ _"] | Float32[np.ndarray, "_ _ 3"]
"""A picture of another size than the one it was made of."""

Square = Float32[np.ndarray, "size size"] | Float32[np.ndarray, "size size 3"]
"""A square picture in [0, 1]."""

_LONGEST: Final = 1000.0
"""No pixel is so many times longer than wide: then its header is wrong."""


def pad_and_resize(picture: Shown, *, size: int, ratio: float = 1.0) -> Square:
    """Pad with black to a centred square, then resize to `size` × `size`; in one step and antialiased.

    The square is one in millimetres: with R rows of height `ratio` and C columns of width 1 its side is
    max(R · ratio, C). Shrinking widens the triangle filter, so that every source pixel counts (Pillow's BILINEAR).
    Where pixels are square and padding is odd, the extra row or column comes last.

    Args:
        picture: Grey or colour.
        size: Side of the result.
        ratio: Height of a pixel over its width.
    """
    if picture.ndim == 3:
        return np.stack([pad_and_resize(picture[..., c], size=size, ratio=ratio) for c in range(3)], axis=-1)
    rows, columns = picture.shape
    if ratio != 1.0:
        side = float(max(rows * ratio, columns))
        return resized(picture, size, lengths=(side / ratio, side))
    side = max(rows, columns)
    above, left = (side - rows) // 2, (side - columns) // 2
    square = np.zeros((side, side), dtype=np.float32)
    square[above : above + rows, left : left + columns] = picture
    return _resized(square, size)


def with_square_pixels(picture: Shown, ratio: float) -> Stretched:
    """The picture in full resolution with its shorter pixel side repeated out: what a screen shows true to the patient.

    Args:
        picture: Grey or colour.
        ratio: Height of a pixel over its width.
    """
    if ratio == 1.0:
        return picture
    if picture.ndim == 3:
        return np.stack([with_square_pixels(picture[..., c], ratio) for c in range(3)], axis=-1)
    rows, columns = picture.shape
    size = (columns, round(rows * ratio)) if ratio > 1 else (round(columns / ratio), rows)
    image = Image.fromarray(np.ascontiguousarray(picture, dtype=np.float32))
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR), dtype=np.float32)


def pixel_ratio(scan: Scan) -> float:
    """Height of a pixel over its width: 1 where they are alike or nobody knows.

    DICOM and NIfTI round spacings differently, so that the longer side counts to four decimals of the shorter one:
    less than the twentieth of a pixel in 512.

    Raises:
        ReadError: `BadGeometry`: no pixel is that long.
    """
    if scan.affine is not None:
        _, height, width = spacing_of(scan.affine)
    elif scan.pixel_size is not None:
        height, width = scan.pixel_size
    else:
        return 1.0
    if not 1 / _LONGEST <= height / max(width, np.finfo(np.float64).tiny) <= _LONGEST:
        raise ReadError(
            f"pixels of {height:g} × {width:g} mm",
            code="BadGeometry",
            path=scan.path,
            hint="Correct the spacing in its header, or leave it out.",
        )
    longer = round(max(height / width, width / height), 4)
    if longer <= 1 + ALIKE:
        return 1.0
    return longer if height > width else 1 / longer


def _resized(plane: np.ndarray, size: int) -> np.ndarray:
    if plane.shape == (size, size):
        return plane
    image = Image.fromarray(np.ascontiguousarray(plane, dtype=np.float32))
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR), dtype=np.float32)
