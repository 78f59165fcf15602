"""From the planes of one series to stacks that can each be read as one scan, or refusals that name a file.

| what a series holds | what becomes of it |
|---|---|
| two PatientIDs, two StudyInstanceUIDs | `MixedPatient`, `MixedStudy`: all refused |
| planes of a projection without a place | each a picture; frames of one file: frames |
| one cross-sectional plane without a place | a picture, noted `GeometryMissing` |
| several, or some without | `GeometryMissing`: all refused |
| frames of one file without places | frames, noted `GeometryMissing` (nuclear medicine has none: not noted) |
| nuclear medicine, none with a place | planar pictures, frames |
| spacing, orientation or position that make no sense | `BadGeometry`: all refused |
| a volume tiled into one picture (Siemens mosaic) | `Mosaic`: refused |
| orientations more than 0.1° apart | stacks of their own |
| matrix, spacing (10⁻³), samples or bits that differ | stacks of their own |
| … but together on one even grid, in and out, or one odd slice | `MixedShape`: all of them refused |
| attributes that differ (echo, b-value, phase, acquisition, …) | stacks where positions say so: `dicom/splitting` |
| one plane | a picture with an affine |
| first voxels off a line, or 45° and more aslant | `BadGeometry`: refused |

Every stack is sorted along its normal and judged as `dicom/layout` states; then `on_irregular` decides:

| | `rule` | `keep` | `resample` | `refuse` |
|---|---|---|---|---|
| two planes at one place | `DuplicateSlice` | noted | noted, resampled | `DuplicateSlice` |
| missing slices | `MissingSlice` | noted | noted, resampled | `MissingSlice` |
| mixed spacing | noted | noted | noted, resampled | `MixedSpacing` |
| gantry tilt | noted | noted | noted, resampled | `GantryTilt` |

Reference: DICOM PS3.3 C.7.6.2 (image plane), C.7.3.1 (series).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from itertools import pairwise
from math import cos, isclose, radians
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from medtransfer.core.errors import ReadError
from medtransfer.core.types import Affine, Positions
from medtransfer.data.dicom.geometry import affine_of, geometry_problem, positions_of
from medtransfer.data.dicom.irregular import irregularities, place
from medtransfer.data.dicom.keys import MOSAIC
from medtransfer.data.dicom.layout import SAME_PLACE, is_even, layout_of, normal_of
from medtransfer.data.dicom.planes import Plane
from medtransfer.data.dicom.splitting import cut, in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Irregular = Literal["rule", "keep", "resample", "refuse"]

CROSS_SECTIONAL: Final = frozenset({"CT", "MR", "PT", "NM"})
"""Modalities whose images are slices that lie somewhere in the patient."""

SAME_DIRECTION: Final = cos(radians(0.1))
SAME_SPACING: Final = 1e-3

_AGAIN: Final = "Export the series again from its source."
_REFUSED_BY_RULE: Final = frozenset({"DuplicateSlice", "MissingSlice"})


@dataclass(frozen=True, kw_only=True)
class Stack:
    """Planes that make one scan.

    Attributes:
        planes: In reading order: along the normal, whose largest LPS+ component counts as positive (feet, right, front
            first); frames of a file in their order.
        affine: (slice, row, column, 1) → RAS+ millimetres; None where the planes have no place.
        positions: RAS+ millimetres of each plane's first voxel where the planes are unevenly spaced.
        kind: As in `Scan`.
        part: Tells the stacks of one series apart, such as `stack 2 of 3`; empty where there is one.
        notes: What was noticed and not refused, and what told the stacks apart.
        resample: The scan is to be put on a regular grid (`data/resample.py`).
    """

    planes: tuple[Plane, ...]
    affine: Affine | None = None
    positions: Positions | None = None
    kind: Literal["picture", "volume", "frames"]
    part: str = ""
    notes: tuple[str, ...] = ()
    resample: bool = False


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Planes that make no scan, and why; the error's path is the offending file."""

    planes: tuple[Plane, ...]
    error: ReadError


def stacks_of(planes: Sequence[Plane], *, on_irregular: Irregular = "rule") -> tuple[Stack | Refusal, ...]:
    """Cut the planes of one series into stacks; every plane ends in exactly one stack or refusal.

    The answer does not depend on the order of `planes`, and the planes of a stack, given again, make that stack.

    Args:
        planes: All planes of one SeriesInstanceUID.
        on_irregular: See the table above.
    """
    # The order of files must not matter, and where directions scatter not even their names should.
    ordered = sorted(planes, key=lambda plane: (str(plane.orientation), str(plane.path), plane.frame))
    mixed = _mixed(ordered, "patient_id", "MixedPatient") or _mixed(ordered, "study_uid", "MixedStudy")
    if mixed:
        return (mixed,)
    answers = _answers(ordered, on_irregular)
    answers.sort(key=lambda answer: (answer.planes[0].order or 0, str(answer.planes[0].path), answer.planes[0].frame))
    if len(answers) == 1:
        return tuple(answers)
    return tuple(
        replace(answer, part=f"stack {index} of {len(answers)}") if isinstance(answer, Stack) else answer
        for index, answer in enumerate(answers, start=1)
    )


def _answers(planes: list[Plane], on_irregular: Irregular) -> list[Stack | Refusal]:
    placed = [plane for plane in planes if _has_place(plane)]
    lost = [plane for plane in planes if not _has_place(plane)]
    with_places = {plane.path for plane in placed}
    slices = [
        plane
        for plane in lost
        if plane.modality in CROSS_SECTIONAL
        and ((plane.frames == 1 and (placed or plane.modality != "NM")) or plane.path in with_places)
    ]
    if slices and len(planes) > 1:
        return [_geometry_missing(slices[0], planes)]
    answers: list[Stack | Refusal] = list(_without_place(lost))
    for test, code in ((geometry_problem, "BadGeometry"), (_mosaic, "Mosaic")):
        bad = next(((plane, why) for plane in placed if (why := test(plane))), None)
        if bad is not None:
            hint = "Convert mosaics to one file a slice (enhanced MR, or dcm2niix)." if code == "Mosaic" else _AGAIN
            return [*answers, _refusal(placed, bad[0], bad[1], code, hint)]
    for group in _grouped(placed, _same_direction):
        formats = _grouped(group, _same_format)
        if len(formats) > 1 and (refusal := _mixed_shape(group, formats)):
            answers.append(refusal)
            continue
        for members in formats:
            normal, pixel = normal_of(members[0].orientation or ()), min(members[0].spacing or ())
            parts, told = cut(members, normal, pixel)
            answers += [_stack(part, told, on_irregular) for part in parts]
    return answers


def _stack(planes: list[Plane], told: str, on_irregular: Irregular) -> Stack | Refusal:
    """One part of a series as a stack, or why it is none."""
    normal, pixel = normal_of(planes[0].orientation or ()), min(planes[0].spacing or ())
    layout = layout_of(np.array([plane.position for plane in planes], dtype=np.float64), normal, pixel)
    found = irregularities(planes, layout, normal, pixel)
    for finding in found:
        by_rule = finding.code in _REFUSED_BY_RULE and on_irregular == "rule"
        if finding.code == "BadGeometry" or by_rule or on_irregular == "refuse":
            return _refusal(planes, finding.plane, finding.message, finding.code, finding.hint)
    notes = [f"{finding.code}: {finding.message}" for finding in found]
    affine = affine_of(planes, notes)
    return Stack(
        planes=tuple(planes),
        affine=affine,
        positions=positions_of(planes) if layout.uneven else None,
        kind="volume" if len(planes) > 1 else "picture",
        notes=(*notes, *([f"StacksBy: {told}"] if told else [])),
        resample=bool(found) and on_irregular == "resample",
    )


def _without_place(planes: Sequence[Plane]) -> list[Stack]:
    """Pictures and frames whose place in the patient is not known."""
    files: dict[str, list[Plane]] = defaultdict(list)
    for plane in planes:
        files[str(plane.path)].append(plane)
    stacks: list[Stack] = []
    for frames in files.values():
        first = frames[0]
        expected = first.modality in CROSS_SECTIONAL and first.modality != "NM"
        note = f"GeometryMissing: {', '.join(_absent(first))}"
        stacks.append(
            Stack(
                planes=tuple(sorted(frames, key=lambda plane: plane.frame)),
                kind="picture" if first.frames == 1 else "frames",
                notes=(note,) if expected else (),
            )
        )
    return stacks


def _has_place(plane: Plane) -> bool:
    return not _absent(plane)


def _absent(plane: Plane) -> list[str]:
    named = {
        "ImagePositionPatient": plane.position,
        "ImageOrientationPatient": plane.orientation,
        "PixelSpacing": plane.spacing,
    }
    return [name for name, values in named.items() if values is None]


def _mosaic(plane: Plane) -> str:
    tiled = MOSAIC in plane.keys.get("image_type", "").split("\\")
    return "is a mosaic: the slices of a volume side by side in one picture" if tiled else ""


def _geometry_missing(culprit: Plane, planes: Sequence[Plane]) -> Refusal:
    message = f"lacks {', '.join(_absent(culprit))}, without which a series cannot be put in order"
    return _refusal(planes, culprit, message, "GeometryMissing", _AGAIN)


def _mixed(planes: Sequence[Plane], attribute: str, code: str) -> Refusal | None:
    """Refuse a series with two values of an identifier, naming a file that has the rarer one."""
    counts = Counter(getattr(plane, attribute) for plane in planes)
    if len(counts) < 2:
        return None
    rarest = min(counts, key=lambda value: (counts[value], value))
    culprit = next(plane for plane in planes if getattr(plane, attribute) == rarest)
    name = "PatientID" if code == "MixedPatient" else "StudyInstanceUID"
    message = f"{len(counts)} values of {name} in one series; {counts[rarest]} of {len(planes)} slices have this one's"
    return _refusal(planes, culprit, message, code, "Put the files of each into a series of their own.")


def _mixed_shape(group: Sequence[Plane], formats: list[list[Plane]]) -> Refusal | None:
    """Refuse formats whose slices lie in and out on one even grid, or of which one has a single slice on it."""
    normal, pixel = normal_of(group[0].orientation or ()), min(min(plane.spacing or ()) for plane in group)
    ordered = in_order(group, normal)
    distances = np.array([np.dot(plane.position or (), normal) for plane in ordered])
    if np.diff(distances).min() <= SAME_PLACE * pixel or not is_even(distances):
        return None
    member = {id(plane): index for index, planes in enumerate(formats) for plane in planes}
    labels = [member[id(plane)] for plane in ordered]
    runs = 1 + sum(before != after for before, after in pairwise(labels))
    odd = min(formats, key=len)
    if runs == len(formats) and len(odd) > 1:
        return None
    culprit, usual = odd[0], max((planes for planes in formats if planes is not odd), key=len)[0]
    message = f"is {_format(culprit)} where the other slices are {_format(usual)}"
    return _refusal(group, culprit, message, "MixedShape", "Export slices of each format as a series of their own.")


def _format(plane: Plane) -> str:
    allocated, stored, signed, photometric = plane.encoding
    spacing = " × ".join(f"{value:g}" for value in plane.spacing or ())
    kind = f"{stored} of {allocated} bits{', signed' if signed else ''}, {photometric}"
    return f"{plane.shape[0]} × {plane.shape[1]} pixels of {spacing} mm ({kind})"


def _refusal(planes: Sequence[Plane], culprit: Plane, message: str, code: str, hint: str) -> Refusal:
    series = f"series {culprit.series_uid}" if culprit.series_uid else "a series without UID"
    named = f"{series}, slice {culprit.name}{place(culprit)}: {message}"
    return Refusal(planes=tuple(planes), error=ReadError(named, code=code, path=culprit.path, hint=hint))


def _grouped(planes: Sequence[Plane], alike: Callable[[Plane, Plane], bool]) -> list[list[Plane]]:
    """Planes with the first group whose first plane they are like."""
    groups: list[list[Plane]] = []
    for plane in planes:
        home = next((group for group in groups if alike(group[0], plane)), None)
        if home is None:
            groups.append([plane])
        else:
            home.append(plane)
    return groups


def _same_direction(one: Plane, other: Plane) -> bool:
    if one.orientation == other.orientation:
        return True
    a, b = np.asarray(one.orientation), np.asarray(other.orientation)
    return bool(min(a[:3] @ b[:3], a[3:] @ b[3:]) >= SAME_DIRECTION)


def _same_format(one: Plane, other: Plane) -> bool:
    return (one.shape, one.samples, one.encoding) == (other.shape, other.samples, other.encoding) and all(
        isclose(a, b, rel_tol=SAME_SPACING) for a, b in zip(one.spacing or (), other.spacing or (), strict=True)
    )
