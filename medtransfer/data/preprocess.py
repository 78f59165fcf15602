"""From stored values to the planes a network sees. Pure functions on arrays, a few planes in memory at a time.

    values of interest settled for the whole scan           (data/windows.py)
    volumes cut along planes of the patient, planes turned  (data/orient.py)
    stored value
      → modality transformation    slope · v + intercept, or a table       PS3.3 C.11.1
      → values of interest         window or table, to [0, 1]              PS3.3 C.11.2
      → one inversion              1 − y, for MONOCHROME1                  PS3.3 C.7.6.3.1.2
      → padding black              0 where the stored value is padding     PS3.3 C.7.5.1.1.2
      → pad to a square, resize    true to the patient, antialiased        (data/squares.py)
      → so many planes             where asked for, antialiased            (data/triangle.py)

Padding is set after the inversion: before it, the background of a MONOCHROME1 image would turn white.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Final

import numpy as np
from jaxtyping import Float32, UInt16

from medtransfer.core.config.data import PreprocessConfig
from medtransfer.core.errors import ReadError, at_stage
from medtransfer.core.types import PreparedPicture, PreparedPlanes
from medtransfer.data.orient import as_read, cuts
from medtransfer.data.places import View
from medtransfer.data.squares import Shown, pad_and_resize, pixel_ratio
from medtransfer.data.triangle import filtered, triangle_weights, weights_by_place
from medtransfer.data.windows import padding_of, presentations, stored_planes, values_of_interest

if TYPE_CHECKING:
    from medtransfer.data.scan import Presentation, Scan

DEFAULTS = PreprocessConfig()
"""How scans are prepared where nobody says otherwise."""

FULL = 65_535
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)

_BLOCK: Final = 16
"""Planes that are brought together at a time: neighbouring planes across slices lie in the same cache lines."""

_MANY: Final = 1 << 20
"""Voxels from which on it pays to look greys up."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What the cache keeps of a scan.

    Attributes:
        planes: `plane channel row column`: one channel for grey, three for colour and CT windows; 65,535 stands for 1.
        views: What the planes are, one view after the other.
    """

    planes: PreparedPlanes
    views: tuple[View, ...]


def prepare(scan: Scan, preprocess: PreprocessConfig = DEFAULTS) -> Prepared:
    """Every plane as a reader would look at it, square, in 16 bits.

    A picture is one plane. A volume is cut along the planes of the patient that are asked for, so that DICOM and NIfTI
    give the same; frames keep their order.

    Args:
        scan: A picture, a volume or frames.
        preprocess: Size, what is shown of CT, PET and MR, how volumes are cut.

    Raises:
        ReadError: `RescaleMissing`: a CT without Hounsfield units is to be windowed in them; `SuvUnavailable`;
            `OrientationUnknown` and `BadGeometry`: the volume cannot be cut as asked for.
    """
    with at_stage("prepare"):
        channels = presentations(scan, preprocess)
        views = cuts(scan, preprocess.slices)
        into = preprocess.planes if scan.kind == "volume" or scan.affine is not None else None
        counted = tuple(View(axis, into or len(stored_planes(view))) for axis, view in views)
        shape = (sum(view.planes for view in counted), 3 if scan.is_colour else len(channels))
        planes = np.empty((*shape, preprocess.size, preprocess.size), dtype=np.uint16)
        squares = chain.from_iterable(_squares(view, channels, preprocess.size, into) for _, view in views)
        for target, square in zip(planes, squares, strict=True):
            target[...] = np.rint(np.clip(square, 0, 1) * FULL)
    return Prepared(planes=planes, views=counted)


def to_display(scan: Scan, preprocess: PreprocessConfig = DEFAULTS) -> Shown:
    """What a reader would look at, in [0, 1]: one picture in full resolution.

    Where there is nothing to tell apart (all values equal), grey is middle grey. Colours are spread over the range of
    their bits. Of several CT windows the first is shown. Of a volume, take
    `plane_of(with_window(scan, preprocess), index)`.

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
    scan = as_read(with_window(scan, preprocess))
    return _shown(scan.voxels, scan.presentation, colour=scan.is_colour)


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

    Raises:
        ReadError: As `prepare`.
    """
    with at_stage("prepare"):
        return replace(scan, presentation=presentations(scan, preprocess)[0])


def to_grey(prepared: PreparedPicture) -> UInt16[np.ndarray, "1 size size"]:
    """One channel: Y = 0.299 R + 0.587 G + 0.114 B. Reference: ITU-R BT.601."""
    if prepared.shape[0] == 1:
        return prepared
    return np.rint(np.tensordot(_LUMA, prepared.astype(np.float32), axes=1)).astype(np.uint16)[np.newaxis]


def _squares(
    view: Scan, channels: tuple[Presentation, ...], size: int, into: int | None
) -> Iterator[Float32[np.ndarray, "channel size size"]]:
    """The planes of a view, as many as are wanted."""
    ratio = pixel_ratio(view)
    shades = [_shade(view, how) for how in channels]
    squares = (_square([shade(stored) for shade in shades], size=size, ratio=ratio) for stored in _in_blocks(view))
    return squares if into is None else filtered(squares, along(view, into))


def _square(shown: list[Shown], *, size: int, ratio: float) -> Float32[np.ndarray, "channel size size"]:
    """One grey picture a channel, or one in colour."""
    squares = [pad_and_resize(picture, size=size, ratio=ratio) for picture in shown]
    return np.moveaxis(squares[0], -1, 0) if squares[0].ndim == 3 else np.stack(squares)


def _shade(view: Scan, how: Presentation) -> Callable[[np.ndarray], Shown]:
    """From the stored values of a plane to a picture in [0, 1].

    Where values have up to 16 bits and are many, the grey of each is computed once and looked up: the same bits, in a
    tenth of the time.
    """
    kind = view.voxels.dtype
    if view.is_colour or kind.kind not in "iu" or kind.itemsize > 2 or view.voxels.size < _MANY:
        return partial(_shown, how=how, colour=view.is_colour)
    bits = np.dtype(f"u{kind.itemsize}")
    every = np.arange(1 << 8 * kind.itemsize).astype(bits).view(kind)
    greys = _shown(every[np.newaxis], how, colour=False)[0]
    return lambda stored: greys[stored.view(bits)]


def _in_blocks(view: Scan) -> Iterator[np.ndarray]:
    """Stored values of each plane, contiguous; some are copied together where they lie across the memory."""
    planes = stored_planes(view)
    for start in range(0, len(planes), _BLOCK):
        yield from np.ascontiguousarray(planes[start : start + _BLOCK])


def along(view: Scan, count: int) -> np.ndarray:
    """Weights from slices to planes: by their number, or by their place where they are unevenly spaced."""
    if view.positions is None:
        return triangle_weights(len(stored_planes(view)), count)
    steps = view.positions - view.positions[0]
    return weights_by_place(steps @ steps[-1], count)


def _shown(stored: np.ndarray, how: Presentation, *, colour: bool) -> Shown:
    """One plane whose window is settled, in [0, 1]."""
    if colour:
        low, high = how.stored_range
        return np.clip((stored.astype(np.float64) - low) / (high - low), 0, 1).astype(np.float32)
    shown = values_of_interest(stored, how)
    if how.inverted:
        shown = 1 - shown
    padding = padding_of(how)
    if padding is not None:
        shown[padding(stored)] = 0
    if stored.dtype.kind == "f":
        shown[np.isnan(stored)] = 0
    return shown.astype(np.float32)
