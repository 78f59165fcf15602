"""What is noticed in a DICOM image and not acted on, one word and a reason each; and who could be recognised by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from medtransfer.core.types import Voxels
from medtransfer.data.dicom.elements import Elements
from medtransfer.data.dicom.facts import modality_of_class
from medtransfer.data.dicom.rules import class_name
from medtransfer.data.dicom.tags import number, text
from medtransfer.data.dicom.wanted import IDENTIFYING, IDENTIFYING_TAGS, OVERLAYS
from medtransfer.data.loaders._signatures import begins_like

if TYPE_CHECKING:
    from pathlib import Path

    from medtransfer.data.dicom.header import Description, Header
    from medtransfer.data.scan import Presentation


def header_notes(header: Header | Description, path: Path) -> list[str]:
    """Notes on annotation, overlays, origin, contradictory modality or signedness, and the preamble."""
    dataset = header.dataset
    notes: list[str] = []
    if text(dataset, "BurnedInAnnotation").upper() == "YES":
        notes.append("BurnedInAnnotation")
    if _has_overlays(dataset):
        notes.append("OverlayIgnored")
    name, modality = class_name(header.sop_class), text(dataset, "Modality")
    if "Secondary Capture" in name:
        notes.append("SecondaryCapture")
    wanted = modality_of_class(header.sop_class) or modality
    if modality and modality != wanted:
        notes.append(f"ModalityConflict: {name} says {wanted}, Modality {modality}")
    kind, signed = _vr(dataset, "PixelPaddingValue"), number(dataset, "PixelRepresentation", path) or 0
    if kind in {"SS", "US"} and (kind == "SS") != bool(signed):
        notes.append(f"SignednessConflict: padding is {kind}, PixelRepresentation {signed:g}")
    real = begins_like(header.preamble)
    if real not in {None, "TIFF", "BigTIFF"}:
        notes.append(f"SuspiciousPreamble: begins like {real}")
    return notes


def identifying(dataset: Any) -> tuple[str, ...]:
    """Names of the elements that say who the patient is, or who saw them where, and are not empty.

    Args:
        dataset: Elements, or a pydicom data set.

    Reference: DICOM PS3.15, table E.1-1.
    """
    if isinstance(dataset, Elements):
        return dataset.filled(IDENTIFYING_TAGS)
    return tuple(keyword for keyword in IDENTIFYING if dataset.get(keyword))


def value_notes(voxels: Voxels, presentation: Presentation) -> list[str]:
    """A note where stored values lie outside what the header allows."""
    low, high = presentation.stored_range
    smallest, largest = int(voxels.min()), int(voxels.max())
    if smallest < low or largest > high:
        return [f"ValuesOutOfRange: {smallest}…{largest}, the header allows {low}…{high}"]
    return []


def _has_overlays(dataset: Any) -> bool:
    if isinstance(dataset, Elements):
        return dataset.with_overlays()
    return any(tag in dataset for tag in OVERLAYS)


def _vr(dataset: Any, keyword: str) -> str:
    """VR of an element as it is written; empty where it is absent."""
    if isinstance(dataset, Elements):
        return dataset.vr(keyword)
    return dataset.get_item(keyword).VR if keyword in dataset else ""
