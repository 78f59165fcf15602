"""Which attributes cut a series into stacks: positions decide, attributes only name the parts.

An attribute cuts planes of one orientation and format only where they make no sound stack together (`dicom/layout`):

- where several lie at one place, an attribute (or two, or three) may cut them into at most as many parts as there are
  planes at one place, so that an acquisition number or a trigger time of its own for every slice cuts nothing;
- where nothing lies twice but a gap is seen, an attribute may cut them into parts that follow each other along the
  normal, of three slices or more each, none of which has a gap: two blocks of one acquisition each;
- any attribute may cut them into parts of three slices or more, each on an even grid of its own: stations that overlap,
  and volumes that lie in and out. In and out on one even grid they are cut only by an attribute that no volume has two
  of (echo, b-value, kernel, …): an acquisition number may be that of every other slice.

Of several ways to cut, the one is taken that leaves the fewest planes twice at one place, then the fewest gaps, then
the fewest parts, then the fewest and most telling attributes. Where no attribute is shared by the slices of a volume
(trigger times that drift from slice to slice), the rank at each place counts: the k-th at each place make one part.
Where the file says how many volumes there are (NumberOfTemporalPositions) and nothing else, InstanceNumber may tell
them apart, if it runs through whole volumes, or through all planes of a place, one after the other.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from medtransfer.data.dicom.keys import KEYS, PHASES, number_of
from medtransfer.data.dicom.layout import SAME_PLACE, Direction, layout_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from medtransfer.data.dicom.planes import Plane

_RANKED: Final = ("trigger", "phase", "frame_time", "acquisition")
_MOST_KEYS: Final = 3
_SMALLEST_BLOCK: Final = 3
_TELLING: Final = ("component", "echo", "echo_number", "b_value", "energy", "kernel", "stack")
"""Attributes that no volume has two of."""


def cut(planes: Sequence[Plane], normal: Direction, pixel: float) -> tuple[list[list[Plane]], str]:
    """Cut planes of one orientation and format into stacks, each sorted along the normal.

    Args:
        planes: Planes with positions.
        normal: Their unit normal.
        pixel: Smaller of row and column spacing in millimetres.

    Returns:
        The parts, and what told them apart; empty where nothing was cut.
    """
    whole = in_order(planes, normal)
    layout = layout_of(_points(whole), normal, pixel)
    if layout.sound:
        return _in_and_out(whole, KEYS if layout.mixed else _TELLING, normal, pixel) or ([whole], "")
    places = _places(whole, normal, pixel)
    most = max(Counter(places).values())
    limit = most if most > 1 else len(whole) // _SMALLEST_BLOCK
    varying = [key for key in KEYS if key != PHASES and 1 < len({plane.keys.get(key) for plane in whole}) <= limit]
    best, told = [whole], ""
    score = (*_faults([whole], normal, pixel), 1)
    for count in range(1, min(_MOST_KEYS, len(varying)) + 1):
        for keys in combinations(varying, count):
            parts = _by_value(whole, keys)
            if not (len(parts) <= most if most > 1 else _are_blocks(parts, normal) or _are_even(parts, normal, pixel)):
                continue
            rated = (*_faults(parts, normal, pixel), len(parts))
            if rated < score and rated[:2] < score[:2]:
                best, told, score = parts, ", ".join(keys), rated
        if score[:2] == (0, 0):
            break
    if score[:2] == (0, 0):
        return best, told
    ranked = _by_rank_or_order(whole, places, most, normal, pixel) if score[0] and most > 1 else None
    return _in_and_out(whole, KEYS, normal, pixel) or ranked or (best, told)


def in_order(planes: Sequence[Plane], normal: Direction) -> list[Plane]:
    """Planes sorted along the normal; those at one place by their attributes, then InstanceNumber and name."""
    along, across, up = normal.tolist()

    def place(plane: Plane) -> float:
        x, y, z = plane.position or (0.0, 0.0, 0.0)
        return x * along + y * across + z * up

    return sorted(
        planes,
        key=lambda plane: (
            place(plane),
            plane.order if plane.order is not None else -1,
            str(plane.path),
            plane.frame,
        ),
    )


def _in_and_out(
    planes: Sequence[Plane], keys: Iterable[str], normal: Direction, pixel: float
) -> tuple[list[list[Plane]], str] | None:
    """Parts that overlap along the normal, each on an even grid, and the attribute that tells them; None without."""
    for key in keys:
        values = {plane.keys.get(key) for plane in planes}
        if key == PHASES or not 1 < len(values) <= len(planes) // _SMALLEST_BLOCK:
            continue
        parts = _by_value(planes, (key,))
        if _are_even(parts, normal, pixel) and not _are_blocks(parts, normal):
            return parts, key
    return None


def _points(planes: Sequence[Plane]) -> np.ndarray:
    return np.array([plane.position for plane in planes], dtype=np.float64)


def _places(planes: Sequence[Plane], normal: Direction, pixel: float) -> list[int]:
    """For each of the sorted planes the number of its place along the normal, from 0."""
    steps = np.diff(_points(planes) @ normal) > SAME_PLACE * pixel
    return [0, *np.cumsum(steps).tolist()]


def _faults(parts: Sequence[Sequence[Plane]], normal: Direction, pixel: float) -> tuple[int, int]:
    """Planes that lie twice at one place, and parts that have gaps or lie on no line."""
    layouts = [layout_of(_points(part), normal, pixel) for part in parts]
    return sum(len(layout.twice) for layout in layouts), sum(bool(layout.gaps or layout.crooked) for layout in layouts)


def _by_value(planes: Sequence[Plane], keys: tuple[str, ...]) -> list[list[Plane]]:
    parts: dict[tuple[str, ...], list[Plane]] = defaultdict(list)
    for plane in planes:
        parts[tuple(plane.keys.get(key, "") for key in keys)].append(plane)
    return [parts[values] for values in sorted(parts, key=lambda values: [_natural(value) for value in values])]


def _natural(value: str) -> tuple[int, float, str]:
    number = number_of(value)
    return (1, 0.0, value) if number is None else (0, number, "")


def _are_even(parts: Sequence[Sequence[Plane]], normal: Direction, pixel: float) -> bool:
    """True where each of the parts has several planes and lies on an even grid."""
    if min(len(part) for part in parts) < _SMALLEST_BLOCK:
        return False
    layouts = [layout_of(_points(part), normal, pixel) for part in parts]
    return all(layout.sound and not layout.mixed for layout in layouts)


def _are_blocks(parts: Sequence[Sequence[Plane]], normal: Direction) -> bool:
    """True where parts of several planes each follow each other along the normal."""
    if min(len(part) for part in parts) < _SMALLEST_BLOCK:
        return False
    ends = sorted((_points(part) @ normal)[[0, -1]].tolist() for part in parts)
    return all(before[1] < after[0] for before, after in pairwise(ends))


def _by_rank(planes: Sequence[Plane], places: Sequence[int], most: int) -> list[list[Plane]]:
    """The k-th at each place by an attribute that tells all planes of each place apart; empty where none does."""
    for key in _RANKED:
        values = [number_of(plane.keys.get(key, "")) for plane in planes]
        parts = _ranked(planes, places, values, most)
        if parts:
            return parts
    return []


def _by_rank_or_order(
    planes: Sequence[Plane], places: Sequence[int], most: int, normal: Direction, pixel: float
) -> tuple[list[list[Plane]], str] | None:
    for parts, by in ((_by_rank(planes, places, most), "rank"), (_by_order(planes, places, most), "InstanceNumber")):
        if parts and _faults(parts, normal, pixel)[0] == 0:
            return parts, by
    return None


def _by_order(planes: Sequence[Plane], places: Sequence[int], most: int) -> list[list[Plane]]:
    """Volumes by InstanceNumber, where the file says how many there are; empty where it does not or they do not fit."""
    if {plane.keys.get(PHASES) for plane in planes} != {str(most)}:
        return []
    parts = _ranked(planes, places, [plane.order for plane in planes], most)
    if not parts:
        return []
    orders = [sorted(plane.order or 0 for plane in part) for part in parts]
    by_volume = all(before[-1] < after[0] for before, after in pairwise(orders))
    spans: dict[int, list[int]] = defaultdict(list)
    for place, plane in zip(places, planes, strict=True):
        spans[place].append(plane.order or 0)
    ends = sorted((min(span), max(span)) for span in spans.values())
    by_place = all(before[1] < after[0] for before, after in pairwise(ends))
    return parts if by_volume or by_place else []


def _ranked(
    planes: Sequence[Plane], places: Sequence[int], values: Sequence[float | None], most: int
) -> list[list[Plane]]:
    """Parts by rank of a value at each place; empty where a place lacks planes or two have one value."""
    at: dict[int, list[tuple[float, Plane]]] = defaultdict(list)
    for place, value, plane in zip(places, values, planes, strict=True):
        if value is None:
            return []
        at[place].append((value, plane))
    if any(len(here) != most or len({value for value, _ in here}) != most for here in at.values()):
        return []
    ranked = [sorted(here, key=lambda pair: pair[0]) for _, here in sorted(at.items())]
    return [[here[rank][1] for here in ranked] for rank in range(most)]
