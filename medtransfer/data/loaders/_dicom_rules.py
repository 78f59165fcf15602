"""Which DICOM files are left out, by rules that have names.

| rule | what |
|---|---|
| `dicomdir` | a directory of other files |
| `presentation_state` | how to show another image |
| `not_an_image` | a report, waveform, plan, dose, segmentation or parametric map |
| `no_pixel_data` | an image's header without its pixels |
| `localizer` | a scout image: ImageType holds LOCALIZER |
| `for_processing` | a detector's raw image, meant for algorithms and not for readers |

Secondary captures are not left out: public radiograph collections are often stored as such. Their
scans carry the note `SecondaryCapture`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.uid import UID, MediaStorageDirectoryStorage

from medtransfer.data.found import Excluded
from medtransfer.data.loaders._dicom_header import truncated
from medtransfer.data.loaders._dicom_tags import first, text, words

if TYPE_CHECKING:
    from pathlib import Path

    from medtransfer.data.loaders._dicom_header import Header


def left_out(header: Header, path: Path) -> Excluded | None:
    """The first rule that leaves this file out, or None.

    Raises:
        ReadError: `Truncated`: the file says that it is an image, and ends before it describes one.
    """
    dataset, pixels = header.dataset, header.pixel_keyword
    uid = UID(text(dataset, "SOPClassUID") or text(dataset.file_meta, "MediaStorageSOPClassUID"))
    name = uid.name
    is_known = name != str(uid)
    is_image = is_known and "Image Storage" in name
    is_empty = not pixels and first(dataset, "Rows") is None
    intent = text(dataset, "PresentationIntentType").upper()
    rules = (
        (uid == MediaStorageDirectoryStorage, "dicomdir", "a directory of other files"),
        ("Presentation State" in name, "presentation_state", f"{name}: no pixels of its own"),
        (is_known and not is_image, "not_an_image", f"{name} is no diagnostic image"),
        (is_empty and not is_image, "not_an_image", "neither Rows nor pixel data"),
        (not pixels and not is_empty, "no_pixel_data", "the header of an image without pixel data"),
        (pixels not in {"", "PixelData"}, "not_an_image", f"{pixels} holds computed values"),
        ("LOCALIZER" in words(dataset, "ImageType"), "localizer", "ImageType says LOCALIZER"),
        (intent == "FOR PROCESSING", "for_processing", "PresentationIntentType says FOR PROCESSING"),
    )
    if is_empty and is_image:
        raise truncated(f"the header of a {name} ends before it describes an image", path)
    return next((Excluded(path=path, rule=rule, reason=why) for holds, rule, why in rules if holds), None)
