"""Which picture stands in a report: the one on display, else the slice that mattered most, else the middle one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from apps.exports.planes import Plane, acquired, plane_called
from apps.exports.snapshot import Snapshot, displayed, finite, snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

    import medtransfer as mt
    from apps.readers.reading import Reading

_THOUSAND: Final = 1_000


def taken(reading: Reading, shown: Mapping[str, Any]) -> Snapshot | None:
    """The picture; None where no image could be read.

    Args:
        reading: The study that is open.
        shown: As a browser sent it, slices counted from 1: what is no number of the right size is passed over.
    """
    views = reading.views.views
    if not views:
        return None
    number = next((i for i, view in enumerate(views) if view.key == shown.get("series")), None)
    view = views[number or 0]
    if number is None:
        shown = {}
    plane, index = _place(view, shown, _attention(reading, number or 0))
    stored = plane.cut(view, index)
    colour = stored.ndim == 3
    centre = finite(shown.get("centre"), view.window.centre)
    width = max(finite(shown.get("width"), view.window.width), 1e-6)
    inverted = (shown["inverted"] is True if "inverted" in shown else view.inverted) and not colour
    picture = displayed(
        stored,
        slope=view.slope,
        intercept=view.intercept,
        centre=centre,
        width=width,
        function=view.window.function,
        inverted=inverted,
        padding=None if colour else view.padding,
    )
    where = [view.label or view.modality]
    if view.slices > 1:
        where.append(f"{plane.name or 'slice'} {index + 1} of {view.voxels.shape[plane.axis]}")
    if not colour:
        turned = ", inverted" if inverted != view.inverted else ""
        where.append(f"{_window(view, centre, width)}{turned}")
    return snapshot(picture, " · ".join(where), ratio=plane.ratio(view), letters=plane.letters(view))


def _window(view: mt.View, centre: float, width: float) -> str:
    """`W 400 · L 40`, rounded as the viewer does (`viewer/value.js`)."""
    whole = float(view.slope).is_integer() and float(view.intercept).is_integer()
    shown = (_written(width, whole=whole and width >= 10), _written(centre, whole=whole and centre.is_integer()))
    return f"W {shown[0]} · L {shown[1]}"


def _written(value: float, *, whole: bool) -> str:
    """Three digits that matter, and a true minus sign."""
    text = f"{math.floor(value + 0.5)}" if whole or abs(value) >= _THOUSAND else f"{float(f'{value:.3g}'):g}"
    return text.replace("-", "\N{MINUS SIGN}")


def _place(view: mt.View, shown: Mapping[str, Any], attention: np.ndarray | None) -> tuple[Plane, int]:
    plane = plane_called(view, shown.get("plane"))
    at = finite(shown.get("slice"), 0) - 1
    if 0 <= at < view.voxels.shape[plane.axis] and at == int(at):
        return plane, int(at)
    if attention is not None and len(attention) == view.slices:
        return acquired(view), int(np.argmax(attention))
    return acquired(view), view.slices // 2


def _attention(reading: Reading, number: int) -> np.ndarray | None:
    """Weights of the view's slices, where the bundle's pooling has some."""
    weights = reading.result.attention
    if not weights or len(weights) != len(reading.views.views) or weights[number] is None:
        return None
    return np.asarray(weights[number], dtype=np.float64)
