"""Which DICOM files are left out, by rules that have names.

| rule | what |
|---|---|
| `dicomdir` | a directory of other files |
| `presentation_state` | how to show another image |
| `dose_report` | a table of radiation doses, as a structured report or as a picture |
| `structured_report` | findings or measurements without an image |
| `segmentation` | regions drawn on another image |
| `parametric_map` | values computed from other images |
| `not_an_image` | a waveform, plan, dose, document, or pixels of computed values |
| `no_pixel_data` | an image's header without its pixels |
| `localizer` | a scout image: ImageType holds LOCALIZER, SCOUT, TOPOGRAM, … |
| `for_processing` | a detector's raw image, meant for algorithms and not for readers |
| `secondary_capture` | a screenshot of a slice, or of a console |

Secondary captures of projections, photographs and films are read, with the note `SecondaryCapture`: public radiograph
collections are often stored as such. A secondary capture is left out where its modality makes slices (CT, MR, PT, NM)
and ImageType does not say that its pixels are the acquired ones (PRIMARY), or where it says that it is a screenshot.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from pydicom.uid import UID, MediaStorageDirectoryStorage

from medtransfer.data.dicom.tags import first, text, words
from medtransfer.data.dicom.walker import truncated
from medtransfer.data.found import Excluded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from medtransfer.data.dicom.header import Description, Header

_SLICES: Final = frozenset({"CT", "MR", "PT", "NM"})
_SCOUTS: Final = frozenset({"LOCALIZER", "SCOUT", "TOPOGRAM", "SURVIEW", "SCANOGRAM", "SCOUTVIEW"})
_SCREENS: Final = frozenset({"SCREEN SAVE", "SCREENSAVE", "SCREENSHOT", "SCREEN CAPTURE", "CSA REPORT"})
_DOSES: Final = frozenset({"DOSE", "DOSE REPORT", "DOSE_INFO", "DOSE INFO", "PATIENT PROTOCOL"})


def left_out(header: Header | Description, path: Path) -> Excluded | None:
    """The first rule that leaves this file out, or None.

    Raises:
        ReadError: `Truncated`: the file says that it is an image, and ends before it describes one.
    """
    name = class_name(header.sop_class)
    is_image = "Image Storage" in name
    if is_image and not header.pixel_keyword and first(header.dataset, "Rows") is None:
        raise truncated(f"the header of a {name} ends before it describes an image", path)
    rules = _by_class(header.sop_class, name) if name and not is_image else _by_content(header, name)
    return next((Excluded(path=path, rule=rule, reason=why) for holds, rule, why in rules if holds), None)


@lru_cache(maxsize=256)
def class_name(uid: str) -> str:
    """Name of a SOP class; empty where it is not known."""
    name = UID(uid).name
    return "" if name == uid else name


def _by_class(uid: str, name: str) -> Iterator[tuple[bool, str, str]]:
    """Rules for what is no image by its SOP class."""
    yield uid == MediaStorageDirectoryStorage, "dicomdir", "a directory of other files"
    yield "Presentation State" in name, "presentation_state", f"{name}: no pixels of its own"
    yield "Dose SR" in name, "dose_report", name
    is_report = any(word in name for word in (" SR ", "Report", "Key Object", "Measurements Storage"))
    yield is_report, "structured_report", name
    yield "Segmentation" in name, "segmentation", name
    yield "Parametric Map" in name, "parametric_map", name
    yield True, "not_an_image", f"{name} is no diagnostic image"


def _by_content(header: Header | Description, name: str) -> Iterator[tuple[bool, str, str]]:
    """Rules for images, and for what has an unknown SOP class or none."""
    dataset, pixels = header.dataset, header.pixel_keyword
    is_empty = not pixels and first(dataset, "Rows") is None
    yield is_empty, "not_an_image", "neither Rows nor pixel data"
    yield not pixels, "no_pixel_data", "the header of an image without pixel data"
    yield pixels != "PixelData", "not_an_image", f"{pixels} holds computed values"
    said = words(dataset, "ImageType")
    kind = "\\".join(said)
    yield not _SCOUTS.isdisjoint(said), "localizer", f"ImageType says {kind}"
    intent = text(dataset, "PresentationIntentType").upper()
    yield intent == "FOR PROCESSING", "for_processing", "PresentationIntentType says FOR PROCESSING"
    modality = text(dataset, "Modality").upper()
    is_capture = "Secondary Capture" in name
    derived = is_capture or said[1:2] == ("SECONDARY",)
    yield derived and not _DOSES.isdisjoint(said), "dose_report", f"ImageType says {kind}"
    screenshot = derived and (not _SCREENS.isdisjoint(said) or text(dataset, "ConversionType").upper() == "SCREEN SAVE")
    yield screenshot, "secondary_capture", f"a screenshot: ImageType {kind}"
    is_slice = is_capture and modality in _SLICES and said[1:2] != ("PRIMARY",)
    yield is_slice, "secondary_capture", f"{name} with Modality {modality}: a picture of a slice, not the slice"
