"""How a DICOM image wants to be shown. Reference: PS3.3 C.11.1 (modality), C.11.2 (VOI), C.7.6.3 (pixels)."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Literal, cast

import numpy as np

from medtransfer.core.errors import ReadError
from medtransfer.core.types import Voxels
from medtransfer.data.dicom.elements import Elements
from medtransfer.data.dicom.tags import number, numbers, required, text
from medtransfer.data.scan import Lookup, Presentation, Window

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

    Header = Dataset | Elements


def grey_presentation(dataset: Header, photometric: str, path: Path, notes: list[str]) -> Presentation:
    """Modality transformation, values of interest, polarity and padding of a grey image.

    A VOI table goes before a window where a file has both, as in pydicom. MONOCHROME1 alone decides the
    inversion; a PresentationLUTShape that says otherwise is noted (`PolarityConflict`) and not applied
    on top, since that would invert twice.

    Raises:
        ReadError: `BadScaling`: the modality table cannot be used.
    """
    inverted = photometric == "MONOCHROME1"
    shape = text(dataset, "PresentationLUTShape").upper()
    if shape and (shape == "INVERSE") != inverted:
        notes.append(f"PolarityConflict: PresentationLUTShape {shape} with {photometric}")
    modality = _table(dataset, "ModalityLUTSequence", path, signed=stored_range(dataset, path)[0] < 0)
    if modality == "bad":
        raise ReadError("the modality table cannot be used", code="BadScaling", path=path)
    slope, intercept = number(dataset, "RescaleSlope", path), number(dataset, "RescaleIntercept", path)
    ends = [end * (1.0 if slope is None else slope) + (intercept or 0.0) for end in stored_range(dataset, path)]
    voi = _table(dataset, "VOILUTSequence", path, signed=modality is None and min(ends) < 0)
    if voi == "bad":
        notes.append("VoiTableIgnored: it is empty or of another length than it declares")
        voi = None
    plain = modality is not None
    return Presentation(
        slope=1.0 if slope is None or plain else slope,
        intercept=0.0 if intercept is None or plain else intercept,
        modality_table=modality,
        voi_table=voi,
        window=_window(dataset, path, notes) if voi is None else None,
        inverted=inverted,
        padding=_padding(dataset, path, notes),
        stored_range=stored_range(dataset, path),
    )


def stored_range(dataset: Header, path: Path) -> tuple[int, int]:
    """Smallest and largest value that BitsStored and PixelRepresentation allow."""
    bits = required(dataset, "BitsStored", path)
    if required(dataset, "PixelRepresentation", path):
        return -(1 << bits - 1), (1 << bits - 1) - 1
    return 0, (1 << bits) - 1


def colour_range(dataset: Header, voxels: Voxels, path: Path) -> tuple[int, int]:
    """Range of colours: as BitsStored allows, or as the palette's entries do.

    Palettes of 8-bit entries are often kept in 16-bit words, and some say 8 bits and use 16.
    """
    if text(dataset, "PhotometricInterpretation") != "PALETTE COLOR":
        return 0, (1 << required(dataset, "BitsStored", path)) - 1
    said = numbers(dataset, "RedPaletteColorLookupTableDescriptor", 3, path)
    declared = (1 << int(said[2])) - 1 if said is not None and 1 <= said[2] <= 16 else 0
    return 0, declared if int(voxels.max()) <= declared else int(np.iinfo(voxels.dtype).max)


def _window(dataset: Header, path: Path, notes: list[str]) -> Window | None:
    """The first window; None, with a note, where it cannot be used."""
    function = text(dataset, "VOILUTFunction").upper()
    try:
        centre, width = number(dataset, "WindowCenter", path), number(dataset, "WindowWidth", path)
    except ReadError as error:
        notes.append(f"WindowIgnored: {error.message}")
        return None
    return None if centre is None and width is None else window_of(centre, width, function, notes)


def window_of(centre: float | None, width: float | None, function: str, notes: list[str]) -> Window | None:
    """A window; None, with a note, where it cannot be used. An empty function is LINEAR."""
    function = function or "LINEAR"
    if function not in {"LINEAR", "LINEAR_EXACT", "SIGMOID"}:
        notes.append(f"WindowIgnored: VOILUTFunction {function} is unknown")
    elif centre is None or width is None or not (isfinite(centre) and isfinite(width)):
        notes.append(f"WindowIgnored: centre {centre}, width {width}")
    elif width < 1 if function == "LINEAR" else width <= 0:
        notes.append(f"WindowIgnored: width {width:g} with {function}")
    else:
        known = cast("Literal['LINEAR', 'LINEAR_EXACT', 'SIGMOID']", function)
        return Window(centre=centre, width=width, function=known)
    return None


def _table(dataset: Header, sequence: str, path: Path, *, signed: bool) -> Lookup | Literal["bad"] | None:
    """First lookup table of a sequence. An entry count of 0 means 65,536 (PS3.3 C.11.1.1.1).

    Where what goes into it may be negative (`signed`), so may the first value that it maps (C.11.2.1.1).
    """
    items = dataset.get(sequence)
    if not items:
        return None
    item = items[0]
    descriptor, data = item.get("LUTDescriptor"), item.get("LUTData")
    if descriptor is None or data is None or len(descriptor) != 3:
        return "bad"
    entries, start, bits = int(descriptor[0]) or 65536, int(descriptor[1]), int(descriptor[2])
    if not 1 <= bits <= 16:
        return "bad"
    values = _entries(data, entries, little_endian=_is_little(dataset))
    if values.size != entries or entries == 0:
        return "bad"
    if signed and start > 32767:
        start -= 65536
    return Lookup(first=start, values=values, bits=bits)


def _is_little(dataset: Header) -> bool:
    return dataset.little_endian if isinstance(dataset, Elements) else dataset.original_encoding[1] is not False


def _entries(data: object, entries: int, *, little_endian: bool) -> np.ndarray:
    if not isinstance(data, bytes):
        return np.atleast_1d(np.asarray(data, dtype=np.uint16))
    if len(data) in {entries, entries + 1} and entries > 1:
        return np.frombuffer(data, dtype=np.uint8)[:entries].astype(np.uint16)
    return np.frombuffer(data[: len(data) // 2 * 2], dtype="<u2" if little_endian else ">u2").astype(np.uint16)


def _of_sign(value: int, signed: bool) -> int:
    """The number whose 16 bits these are, in pixels with or without sign."""
    if signed and 1 << 15 <= value < 1 << 16:
        return value - (1 << 16)
    return value + (1 << 16) if not signed and -(1 << 15) <= value < 0 else value


def _padding(dataset: Header, path: Path, notes: list[str]) -> tuple[int, int] | None:
    """Closed range of stored values that are background. Reference: PS3.3 C.7.5.1.1.2.

    A value written with the VR of the other sign has the same 16 bits: 63,536 in signed pixels is −2,000.
    """
    try:
        value = number(dataset, "PixelPaddingValue", path)
        limit = number(dataset, "PixelPaddingRangeLimit", path)
    except ReadError as error:
        notes.append(f"PaddingIgnored: {error.message}")
        return None
    if value is None:
        return None
    smallest, largest = stored_range(dataset, path)
    low, high = sorted(_of_sign(int(end), smallest < 0) for end in (value, value if limit is None else limit))
    if high < smallest or low > largest:
        notes.append(f"PaddingIgnored: {low}…{high} lies outside the stored values {smallest}…{largest}")
        return None
    return low, high
