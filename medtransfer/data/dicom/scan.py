"""Headers and pixels of one item, put together as a scan.

Slices that share slope and intercept keep their stored values; where rescale differs from slice to slice (PET), each
slice is transformed by its own, and the scan's presentation has slope 1. The first slice says how all are shown.
"""

from __future__ import annotations

from dataclasses import replace
from math import ceil, floor
from typing import TYPE_CHECKING

import numpy as np

from medtransfer.core.errors import ReadError, at_stage
from medtransfer.core.types import Voxels
from medtransfer.data.dicom.facts import attributes, header_facts, identifiers
from medtransfer.data.dicom.header import full_header
from medtransfer.data.dicom.notes import header_notes, value_notes
from medtransfer.data.dicom.pixels import stored_values
from medtransfer.data.dicom.planes import planes_of
from medtransfer.data.dicom.presentation import colour_range, grey_presentation, window_of
from medtransfer.data.dicom.projection import directions, pixel_size
from medtransfer.data.dicom.source import pixel_source
from medtransfer.data.dicom.stacks import CROSS_SECTIONAL, Stack, stacks_of
from medtransfer.data.dicom.suv import suv_factor
from medtransfer.data.dicom.tags import text
from medtransfer.data.loaders._containment import contained
from medtransfer.data.resample import regular
from medtransfer.data.scan import Presentation, Scan

if TYPE_CHECKING:
    from pathlib import Path

    from medtransfer.core.config.data import ReadConfig
    from medtransfer.data.dicom.header import Header
    from medtransfer.data.dicom.planes import Plane
    from medtransfer.data.found import Item


def scan_of(item: Item, headers: dict[Path, Header], *, settings: ReadConfig) -> Scan:
    """Decode an item.

    Args:
        item: What was found.
        headers: Of each of its files, checked.
        settings: How files become scans.

    Raises:
        ReadError: The slices do not go together (any more), or a file cannot be decoded.
    """
    path = item.path
    notes: list[str] = [note for header in headers.values() for note in header.notes]
    with at_stage("series"), contained(path, notes, library="Pydicom", doing="reading the geometry"):
        stack = _stack(item, headers, settings)
        notes.extend(note for file, header in headers.items() for note in header_notes(header, file))
    sources = [pixel_source(headers[plane.path], plane.path).at(plane.frame) for plane in stack.planes]
    with at_stage("pixels"), contained(path, notes, library="Pydicom", doing="decoding the pixels"):
        voxels = stored_values(sources, settings=settings, notes=notes)
        first = headers[stack.planes[0].path]
        if sources[0].is_colour:
            presentation = Presentation(stored_range=colour_range(first.dataset, voxels, path))
        else:
            presentation = grey_presentation(first.dataset, sources[0].photometric_now, path, notes)
            presentation = _of_groups(stack, first, presentation, notes)
            if any(source.encapsulated for source in sources):
                notes.extend(value_notes(voxels, presentation))
            voxels, presentation = _rescaled(stack, voxels, presentation)
    scan = _scan(item, stack, first, voxels, presentation, notes)
    return regular(scan) if stack.resample else scan


def _stack(item: Item, headers: dict[Path, Header], settings: ReadConfig) -> Stack:
    """The one stack that the item's planes make."""
    planes = [plane for path, header in headers.items() for plane in planes_of(header, path)]
    if item.frames:
        planes = [planes[frame] for frame in item.frames]
    answers = stacks_of(planes, on_irregular=settings.on_irregular)
    refused = next((answer for answer in answers if not isinstance(answer, Stack)), None)
    if refused is not None:
        raise refused.error
    (stack, *others) = (answer for answer in answers if isinstance(answer, Stack))
    if others:
        raise ReadError(
            f"its files make {len(others) + 1} stacks, not one",
            code="SeriesChanged",
            path=item.path,
            hint="The files have changed since the folder was looked at: look again.",
        )
    return stack


def _of_groups(stack: Stack, header: Header, presentation: Presentation, notes: list[str]) -> Presentation:
    """Slope, intercept and window that functional groups give the first plane, where the data set itself has none."""
    plane = stack.planes[0]
    if presentation.modality_table is None and plane.slope is not None:
        presentation = replace(presentation, slope=plane.slope, intercept=plane.intercept or 0.0)
    if plane.window is not None and "WindowCenter" not in header.dataset and presentation.voi_table is None:
        window = window_of(*plane.window, plane.window_function, notes)
        presentation = replace(presentation, window=window)
    return presentation


def _rescaled(stack: Stack, voxels: Voxels, presentation: Presentation) -> tuple[Voxels, Presentation]:
    """Each slice by its own slope and intercept, where they differ; padding keeps a value of its own.

    Raises:
        ReadError: `RescaleMissing`: some slices have them and some have none.
    """
    lacking = [plane for plane in stack.planes if plane.slope is None]
    if 0 < len(lacking) < len(stack.planes):
        raise ReadError(
            f"slice {lacking[0].name} has no RescaleSlope, as {len(lacking)} of {len(stack.planes)} slices; others do",
            code="RescaleMissing",
            path=lacking[0].path,
            hint="Export the series again from its source.",
        )
    scales = [_scale(plane) for plane in stack.planes]
    if len(set(scales)) == 1:
        return voxels, presentation
    low, high = presentation.stored_range
    bounds = [slope * value + intercept for slope, intercept in scales for value in (low, high)]
    rescaled = np.empty(voxels.shape, dtype=np.float32)
    for index, (slope, intercept) in enumerate(scales):
        np.multiply(voxels[index], np.float32(slope), out=rescaled[index])
        rescaled[index] += np.float32(intercept)
    padding = presentation.padding
    if padding is not None:  # one value for all slices, below all others
        padded = (voxels >= padding[0]) & (voxels <= padding[1])
        padding = (floor(min(bounds)) - 1.0,) * 2
        rescaled[padded] = padding[0]
    return rescaled, replace(
        presentation,
        slope=1.0,
        intercept=0.0,
        padding=padding,
        stored_range=(floor(min(bounds)), ceil(max(bounds))),
    )


def _scale(plane: Plane) -> tuple[float, float]:
    return (1.0 if plane.slope is None else plane.slope, plane.intercept or 0.0)


def _scan(
    item: Item, stack: Stack, header: Header, voxels: Voxels, presentation: Presentation, notes: list[str]
) -> Scan:
    facts = header_facts(header)
    path, modality = stack.planes[0].path, facts.get("modality", "OT")
    units = _units(stack, header, modality, presentation)
    if modality == "CT" and not units:
        notes.append("RescaleMissing: Hounsfield units are not known")
    if stack.kind == "picture" and voxels.shape[0] == 1:
        voxels = voxels[0]
    size, size_at = (None, "") if modality in CROSS_SECTIONAL else pixel_size(header.dataset, path, notes)
    return Scan(
        voxels=voxels,
        affine=stack.affine,
        positions=stack.positions,
        kind=stack.kind,
        modality=modality,
        presentation=presentation,
        units=units,
        suv_factor=_suv(item, modality),
        identifiers=identifiers(facts),
        path=path,
        attributes=attributes(facts),
        directions=directions(header.dataset),
        pixel_size=size,
        pixel_size_at=size_at,
        notes=tuple(dict.fromkeys((*item.notes, *notes, *stack.notes))),
    )


def _units(stack: Stack, header: Header, modality: str, presentation: Presentation) -> str:
    """HU only where a CT says how all its values are rescaled, and not to something else."""
    said = (stack.planes[0].rescale_type or text(header.dataset, "RescaleType")).upper()
    rescaled = all(plane.slope is not None and plane.intercept is not None for plane in stack.planes)
    known = rescaled or presentation.modality_table is not None
    if modality == "CT":
        return "HU" if known and said in {"", "HU"} else ""
    return text(header.dataset, "Units") if modality == "PT" else said


def _suv(item: Item, modality: str) -> float | str:
    if modality != "PT":
        return ""
    return suv_factor((full_header(path).dataset for path in item.paths), item.path)
