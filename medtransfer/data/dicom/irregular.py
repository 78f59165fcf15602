"""What is irregular about the planes of a stack, in words that name slices by file and millimetres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from medtransfer.data.dicom.layout import STRAIGHT, Direction, normal_of, runs_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from medtransfer.data.dicom.layout import Layout
    from medtransfer.data.dicom.planes import Plane

_COMPLETE: Final = "Export the series again, complete; or allow it with on_irregular."
_ALLOW: Final = "Allow it with on_irregular (keep, or resample onto a regular grid)."
_NAMED: Final = 5


@dataclass(frozen=True, kw_only=True)
class Irregularity:
    """One finding: a code, the plane to name, what is wrong with it, and the cure."""

    code: str
    plane: Plane
    message: str
    hint: str


def irregularities(
    planes: Sequence[Plane], layout: Layout, normal: Direction, pixel: float
) -> tuple[Irregularity, ...]:
    """Findings about planes in the order of their position, the gravest first.

    Codes are `BadGeometry`, `DuplicateSlice`, `MissingSlice`, `MixedSpacing` and `GantryTilt`.
    """
    distances = np.array([np.dot(plane.position or (), normal) for plane in planes])
    found: list[Irregularity] = []
    beside = _beside(planes, layout, pixel)
    if layout.crooked or beside:
        plane, message = beside or (planes[layout.crooked_at], layout.crooked)
        found.append(Irregularity(code="BadGeometry", plane=plane, message=message, hint="Export the series again."))
    if layout.twice and not beside:
        found.append(_twice(planes, layout))
    if layout.gaps:
        found.append(_missing(planes, layout, distances))
    if layout.mixed:
        steps = np.diff(distances)
        said = ", ".join(f"{b - a} × {steps[a:b].mean():.4g} mm" for a, b in runs_of(steps)[: 2 * _NAMED])
        message = f"the slices are {said} apart"
        found.append(Irregularity(code="MixedSpacing", plane=planes[0], message=message, hint=_ALLOW))
    if layout.tilt:
        message = f"{layout.tilt:.1f} degrees"
        found.append(Irregularity(code="GantryTilt", plane=planes[0], message=message, hint=_ALLOW))
    return tuple(found)


def place(plane: Plane) -> str:
    """Where a plane lies along its normal, such as ` at 12.5 mm S`; empty where nobody knows."""
    if (
        plane.position is None
        or plane.orientation is None
        or not np.isfinite([*plane.position, *plane.orientation]).all()
    ):
        return ""
    normal = np.cross(plane.orientation[:3], plane.orientation[3:])
    if not np.linalg.norm(normal):
        return ""
    normal = normal_of(plane.orientation)
    return f" at {_along(float(np.dot(plane.position, normal)), normal)}"


def _along(distance: float, normal: Direction) -> str:
    return f"{distance:.2f} mm towards {'LPS'[int(np.abs(normal).argmax())]}"


def _beside(planes: Sequence[Plane], layout: Layout, pixel: float) -> tuple[Plane, str] | None:
    """A plane that lies in the plane of another, but beside it."""
    for index in layout.twice:
        apart = float(np.linalg.norm(np.subtract(planes[index].position or (), planes[index - 1].position or ())))
        if apart >= STRAIGHT * pixel:
            return planes[index], f"lies {apart:.3g} mm beside {planes[index - 1].name} in the same plane"
    return None


def _twice(planes: Sequence[Plane], layout: Layout) -> Irregularity:
    index = layout.twice[0]
    message = f"lies where {planes[index - 1].name} lies"
    if len(layout.twice) > 1:
        message += f"; {len(layout.twice)} of {len(planes)} slices lie twice at one place"
    hint = "Remove the copies; or allow them with on_irregular."
    return Irregularity(code="DuplicateSlice", plane=planes[index], message=message, hint=hint)


def _missing(planes: Sequence[Plane], layout: Layout, distances: np.ndarray) -> Irregularity:
    normal = normal_of(planes[0].orientation or ())
    said: list[str] = []
    for gap in layout.gaps[:_NAMED]:
        low, high = float(distances[gap.after]), float(distances[gap.after + 1])
        named = range(1, min(gap.count, _NAMED) + 1)  # a position may lie, and claim a gap of millions
        where = ", ".join(_along(low + (high - low) * index / (gap.count + 1), normal) for index in named)
        said.append(f"{gap.count} before {planes[gap.after + 1].name} (at {where})")
    total = sum(gap.count for gap in layout.gaps)
    more = f", and {len(layout.gaps) - _NAMED} more gaps" if len(layout.gaps) > _NAMED else ""
    lacking = "1 slice is" if total == 1 else f"{total} slices are"
    message = f"after it, of {total + len(planes)}, {lacking} missing: {'; '.join(said)}{more}"
    return Irregularity(code="MissingSlice", plane=planes[layout.gaps[0].after], message=message, hint=_COMPLETE)
