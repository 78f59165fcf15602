"""Voxels in a type that a browser draws: int16, uint16 or uint8, with the slope and intercept that undo it.

| stored | sent as |
|---|---|
| uint8, int16, uint16 | they themselves |
| whole numbers in any other type, no more than 65,535 apart | shifted, without loss |
| other floats, wider integers | q = rint((x − low) / s) − 32,767 with s = (high − low) / 65,534, and noted |
| through a modality or VOI table | the table's entries, and noted; a browser then windows those |
| colour | eight bits a channel, its range of bits spread over them |

What is background, and what is no number, is −32,768 where voxels had to be made anew. Planes are made one at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from medtransfer.core.config.data import PreprocessConfig
from medtransfer.core.types import Voxels
from medtransfer.data.scan import Window
from medtransfer.data.windows import looked_up, modality, padding_of, presentations, stored_planes

if TYPE_CHECKING:
    from medtransfer.data.scan import Presentation, Scan

_FILE: Final = PreprocessConfig()
"""What the file says about display, and percentiles where it says nothing."""

_LOWEST, _HIGHEST = -32_767, 32_767
_BACKGROUND: Final = -32_768
_STEPS: Final = _HIGHEST - _LOWEST
_NARROW: Final = frozenset({"u1", "i2", "u2"})


class Sent(NamedTuple):
    """Voxels with an axis of planes, and how a browser shows them."""

    voxels: Voxels
    slope: float
    intercept: float
    units: str
    window: Window
    padding: tuple[int, int] | None
    notes: tuple[str, ...] = ()


def sent(scan: Scan) -> Sent:
    """The scan's voxels as they are sent, in little-endian order.

    Raises:
        ReadError: As `presentations`.
    """
    (how,) = presentations(scan, _FILE)
    planes = stored_planes(scan)
    if scan.is_colour:
        return _colour(planes, how)
    if how.voi_table is not None:
        return _through_voi_table(planes, how)
    if how.modality_table is not None:
        return _through_modality_table(planes, how, scan.units)
    made = _narrow(planes, how)
    return made._replace(units=scan.units, window=_drawable(how.window))


def _colour(planes: Voxels, how: Presentation) -> Sent:
    window = Window(centre=127.5, width=255.0, function="LINEAR_EXACT")
    low, high = how.stored_range
    if planes.dtype == np.uint8 and (low, high) == (0, 255):
        return Sent(np.ascontiguousarray(planes), 1.0, 0.0, "", window, None)
    spread = _made(planes, np.dtype("u1"), lambda p: np.clip((p.astype(np.float64) - low) / (high - low), 0, 1) * 255)
    return Sent(spread, 1.0, 0.0, "", window, None, (f"EightBits: colours of {low:g} to {high:g}",))


def _through_voi_table(planes: Voxels, how: Presentation) -> Sent:
    """Entries of the table: the numbers that stood before it are gone, and so is their unit."""
    table = how.voi_table
    if table is None:  # the caller has looked
        raise AssertionError
    top = (1 << table.bits) - 1
    black = float(top if how.inverted else 0)
    voxels = _made(planes, np.dtype("<u2"), _blackened(lambda p: looked_up(modality(p, how), table), how, black))
    window = Window(centre=top / 2, width=float(top), function="LINEAR_EXACT")
    return Sent(voxels, 1.0, 0.0, "", window, None, (f"TableApplied: VOI LUT of {table.values.size} entries",))


def _through_modality_table(planes: Voxels, how: Presentation, units: str) -> Sent:
    table = how.modality_table
    if table is None:
        raise AssertionError
    black = float(table.values.max() if how.inverted else table.values.min())
    voxels = _made(planes, np.dtype("<u2"), _blackened(lambda p: modality(p, how), how, black))
    note = f"TableApplied: modality LUT of {table.values.size} entries"
    return Sent(voxels, 1.0, 0.0, units, _drawable(how.window), None, (note,))


def _narrow(planes: Voxels, how: Presentation) -> Sent:
    """In at most 16 bits: the stored values themselves, shifted, or in steps."""
    kind = planes.dtype
    if kind.str[1:] in _NARROW:
        little = np.ascontiguousarray(planes, dtype=kind.newbyteorder("<"))
        padding = None if how.padding is None else (int(how.padding[0]), int(how.padding[1]))
        return Sent(little, how.slope, how.intercept, "", Window(centre=0.0, width=1.0), padding)
    low, high, whole = _extent(planes, how)
    exact = whole and high - low <= _STEPS
    step = 1.0 if exact else (high - low) / _STEPS
    offset = 0.0 if exact and low >= _LOWEST and high <= _HIGHEST else low - step * _LOWEST
    hidden = padding_of(how)

    def quantised(plane: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", over="ignore"):
            steps = np.clip((plane.astype(np.float64) - offset) / step, _LOWEST, _HIGHEST)
        background = np.isnan(steps) if hidden is None else np.isnan(steps) | hidden(plane)
        steps[background] = _BACKGROUND
        return steps

    voxels = _made(planes, np.dtype("<i2"), quantised)
    notes = () if exact else (f"Quantised: {kind.name} values are shown in steps of {abs(how.slope) * step:.3g}",)
    slope, intercept = how.slope * step, how.slope * offset + how.intercept
    background = (_BACKGROUND, _BACKGROUND)
    return Sent(voxels, slope, intercept, "", Window(centre=0.0, width=1.0), background, notes)


def _extent(planes: Voxels, how: Presentation) -> tuple[float, float, bool]:
    """Smallest and largest finite stored value that is no background, and whether all of them are whole numbers."""
    low, high, whole = np.inf, -np.inf, True
    hidden = padding_of(how)
    for plane in planes:
        values = plane[np.isfinite(plane)] if hidden is None else plane[np.isfinite(plane) & ~hidden(plane)]
        if values.size:
            low, high = min(low, float(values.min())), max(high, float(values.max()))
            whole = whole and (values.dtype.kind != "f" or bool((values == np.rint(values)).all()))
    return (low, high, whole) if low <= high else (0.0, 0.0, True)


def _blackened(
    transform: Callable[[np.ndarray], np.ndarray], how: Presentation, black: float
) -> Callable[[np.ndarray], np.ndarray]:
    """The transformation with background as dark as can be: behind a table no stored value is left to tell it by."""
    hidden = padding_of(how)
    return transform if hidden is None else lambda plane: np.where(hidden(plane), black, transform(plane))


def _made(planes: Voxels, kind: np.dtype, transform: Callable[[np.ndarray], np.ndarray]) -> Voxels:
    made = np.empty(planes.shape, dtype=kind)
    for target, plane in zip(made, planes, strict=True):
        target[...] = np.rint(transform(plane))
    return made


def _drawable(window: Window | None) -> Window:
    """A window of finite width: where there is nothing to tell apart, its centre is middle grey."""
    if window is None:
        return Window(centre=0.5, width=1.0, function="LINEAR_EXACT")
    return replace(window, width=1.0, function="LINEAR_EXACT") if window.width == np.inf else window
