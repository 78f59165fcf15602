"""What is noticed in a DICOM image and not acted on, one word and a reason each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydicom.uid import UID

from medtransfer.core.types import Voxels
from medtransfer.data.loaders._dicom_tags import text
from medtransfer.data.loaders._signatures import begins_like

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

    from medtransfer.data.scan import Presentation

_MODALITIES: Final = {
    "CT Image Storage": "CT",
    "MR Image Storage": "MR",
    "Computed Radiography Image Storage": "CR",
    "Digital X-Ray Image Storage": "DX",
    "Digital Mammography X-Ray Image Storage": "MG",
    "Ultrasound Image Storage": "US",
    "Positron Emission Tomography Image Storage": "PT",
    "Nuclear Medicine Image Storage": "NM",
}


def header_notes(dataset: Dataset, path: Path) -> list[str]:
    """Notes on annotation, overlays, origin, contradictory modality or signedness, and the preamble."""
    notes: list[str] = []
    if text(dataset, "BurnedInAnnotation").upper() == "YES":
        notes.append("BurnedInAnnotation")
    if any(0x6000 <= tag.group < 0x6020 and tag.element == 0x3000 for tag in dataset.keys()):  # noqa: SIM118
        notes.append("OverlayIgnored")
    name, modality = UID(text(dataset, "SOPClassUID")).name, text(dataset, "Modality")
    if "Secondary Capture" in name:
        notes.append("SecondaryCapture")
    wanted = next((code for start, code in _MODALITIES.items() if name.startswith(start)), modality)
    if modality and modality != wanted:
        notes.append(f"ModalityConflict: {name} says {wanted}, Modality {modality}")
    if "PixelPaddingValue" in dataset:
        kind = dataset.get_item("PixelPaddingValue").VR
        if kind in {"SS", "US"} and (kind == "SS") != bool(dataset.PixelRepresentation):
            notes.append(f"SignednessConflict: padding is {kind}, PixelRepresentation {dataset.PixelRepresentation}")
    with path.open("rb") as handle:
        real = begins_like(handle.read(128))
    if real not in {None, "TIFF", "BigTIFF"}:
        notes.append(f"SuspiciousPreamble: begins like {real}")
    return notes


def value_notes(voxels: Voxels, presentation: Presentation) -> list[str]:
    """A note where stored values lie outside what the header allows."""
    low, high = presentation.stored_range
    smallest, largest = int(voxels.min()), int(voxels.max())
    if smallest < low or largest > high:
        return [f"ValuesOutOfRange: {smallest}…{largest}, the header allows {low}…{high}"]
    return []
