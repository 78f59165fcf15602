"""How the planes of one stack lie: evenly, tilted, in runs of different steps, with gaps, or twice at one place.

Planes are sorted by the position of their first voxel along the normal, d = IPP · n. The normal n = X × Y is signed so
that its largest component is positive in LPS+: stacks run from feet to head, right to left, front to back, whichever
way rows and columns run. InstanceNumber, SliceLocation and the gantry's tilt tag are not used.

| finding | criterion |
|---|---|
| twice at one place | two planes less than 5 % of a pixel apart along the normal |
| even | every d lies within 10 % of a step of the even grid that fits best |
| missing | a step that is 1.5 × its neighbourhood's or more, and no run: see below |
| mixed | neither even nor missing |
| tilted | the first voxels lie on a line at 0.1° or more to the normal, and drift by a quarter of a pixel or more |
| crooked | they lie a quarter of a pixel or more off a line, or the line is at 45° or more |

A run is two or more equal steps in succession (three slices; 10 %): head CT has a run of thin slices at the base and
one of thick slices above. A step in no run is compared with the larger of the nearest runs' steps; where there are no
runs, with the lower median of all steps. A run between two finer runs of which it is a multiple is no protocol, but
every other slice missing. A pixel is the smaller of row and column spacing.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from jaxtyping import Float64

Points = Float64[np.ndarray, "slice 3"]
Distances = Float64[np.ndarray, " slice"]
Direction = Float64[np.ndarray, "3"]
Steps = Float64[np.ndarray, " step"]

SAME_PLACE: Final = 0.05
EVEN: Final = 0.1
EXACTLY_EVEN: Final = 0.02
"""Above this share of a step, positions are kept although the stack counts as even."""
GAP: Final = 1.5
STRAIGHT: Final = 0.25
TILTED: Final = 0.1
STEEPEST: Final = 45.0


@dataclass(frozen=True, kw_only=True)
class Gap:
    """Missing slices between two that are there: index of the one before, and about how many."""

    after: int
    count: int


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What was found about planes in the order of their position.

    Attributes:
        twice: Indices of planes that lie where the one before them lies.
        gaps: Where slices are missing.
        mixed: Steps differ, and nothing is missing.
        uneven: Positions differ from the even grid by more than rounding (always, where `mixed` or with gaps).
        tilt: Degrees between the line of first voxels and the normal; 0 where there is no tilt.
        crooked: Why the first voxels lie on no line; empty where they do.
        crooked_at: Index of the plane farthest off it.
    """

    twice: tuple[int, ...] = ()
    gaps: tuple[Gap, ...] = ()
    mixed: bool = False
    uneven: bool = False
    tilt: float = 0.0
    crooked: str = ""
    crooked_at: int = 0

    @property
    def sound(self) -> bool:
        """Nothing is missing, doubled or crooked."""
        return not (self.twice or self.gaps or self.crooked)


def normal_of(orientation: tuple[float, ...]) -> Direction:
    """Unit normal of a plane in LPS+, its largest component positive."""
    normal = np.cross(orientation[:3], orientation[3:])
    normal /= np.linalg.norm(normal)
    return normal if normal[np.abs(normal).argmax()] > 0 else -normal


def layout_of(points: Points, normal: Direction, pixel: float) -> Layout:
    """Judge planes by the positions of their first voxels.

    Args:
        points: LPS+ millimetres, in the order of their distance along the normal.
        normal: Unit normal of the planes.
        pixel: Smaller of row and column spacing in millimetres.
    """
    distances = points @ normal
    steps = np.diff(distances)
    twice = tuple(int(index) + 1 for index in np.flatnonzero(steps <= SAME_PLACE * pixel))
    if len(points) < 2:
        return Layout()
    tilt, crooked, crooked_at = _line(points, distances, normal, pixel)
    if twice:
        return Layout(twice=twice, uneven=True, tilt=tilt, crooked=crooked, crooked_at=crooked_at)
    off = _off_grid(distances)
    if off <= EVEN:
        return Layout(uneven=off > EXACTLY_EVEN, tilt=tilt, crooked=crooked, crooked_at=crooked_at)
    gaps = gaps_in(steps)
    return Layout(gaps=gaps, mixed=not gaps, uneven=True, tilt=tilt, crooked=crooked, crooked_at=crooked_at)


def is_even(distances: Distances) -> bool:
    """True where sorted distances lie on one even grid."""
    return len(distances) < 3 or (float(np.diff(distances).min()) > 0 and _off_grid(distances) <= EVEN)


def runs_of(steps: Steps) -> list[tuple[int, int]]:
    """Successions of equal steps as (first, behind the last); a step in no run is one of length 1."""
    bounds = [0]
    for index in range(1, len(steps)):
        mean = float(steps[bounds[-1] : index].mean())
        if abs(float(steps[index]) - mean) > EVEN * min(mean, float(steps[index])):
            bounds.append(index)
    return list(pairwise([*bounds, len(steps)]))


def gaps_in(steps: Steps) -> tuple[Gap, ...]:
    """Where slices are missing, by the criterion above."""
    runs = runs_of(steps)
    size = [float(steps[first:behind].mean()) for first, behind in runs]
    long = [index for index, (first, behind) in enumerate(runs) if behind - first > 1]
    lower_median = float(np.sort(steps)[(len(steps) - 1) // 2])
    gaps: list[Gap] = []
    for index, (first, behind) in enumerate(runs):
        before = [size[other] for other in long if other < index][-1:]
        after = [size[other] for other in long if other > index][:1]
        if index not in long:
            usual = max([*before, *after], default=lower_median)
        elif before and after and _is_multiple(size[index], max(*before, *after)):
            usual = max(*before, *after)
        else:
            continue
        if size[index] >= GAP * usual:
            count = max(1, round(size[index] / usual) - 1)
            gaps += [Gap(after=step, count=count) for step in range(first, behind)]
    return tuple(gaps)


def _is_multiple(step: float, unit: float) -> bool:
    return round(step / unit) >= 2 and abs(step / unit - round(step / unit)) <= EVEN


def _off_grid(distances: Distances) -> float:
    """Largest distance from the even grid that fits best (least squares), as a share of its step."""
    index = np.arange(len(distances)) - (len(distances) - 1) / 2
    step = float(index @ distances / (index @ index))
    return float(np.abs(distances - distances.mean() - step * index).max() / step)


def _line(points: Points, distances: Distances, normal: Direction, pixel: float) -> tuple[float, str, int]:
    """Tilt in degrees, why the points lie on no line, and the point farthest off it.

    In-plane offsets are fitted as q(d) = q₀ + k·d by least squares; the tilt is atan ‖k‖.
    """
    aside = points - np.outer(distances, normal)
    centred = distances - distances.mean()
    spread = float(centred @ centred)
    slope = centred @ (aside - aside.mean(axis=0)) / spread if spread > 0 else np.zeros(3)
    off = np.linalg.norm(aside - aside.mean(axis=0) - np.outer(centred, slope), axis=1)
    worst = int(off.argmax())
    degrees = float(np.degrees(np.arctan(np.linalg.norm(slope))))
    drift = float(np.linalg.norm(slope) * np.ptp(distances))
    if off[worst] >= STRAIGHT * pixel:
        return 0.0, f"lies {off[worst]:.3g} mm beside the line of the others", worst
    if degrees >= STEEPEST and drift >= STRAIGHT * pixel:
        return 0.0, f"the slices are shifted against each other by {degrees:.0f} degrees", worst
    return (degrees if degrees >= TILTED and drift >= STRAIGHT * pixel else 0.0), "", worst
