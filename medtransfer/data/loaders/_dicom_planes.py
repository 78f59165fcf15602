"""Planes: what a header says of each picture in a file, before any series is put together.

A single-frame file is one plane, described by its top-level elements. In an enhanced CT, MR or PET file each frame is
a plane, described by its functional groups: those of the frame over those shared by all over the top level. Frames of
other multi-frame files (ultrasound, angiography, secondary capture, nuclear medicine) are planes without a place.

Reference: DICOM PS3.3 C.7.6.2 (image plane), C.7.6.16 (multi-frame functional groups), C.7.6.6 (multi-frame).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite, nan
from typing import TYPE_CHECKING, Any, Final

from medtransfer.core.errors import ReadError
from medtransfer.data.loaders._dicom_keys import keys_of
from medtransfer.data.loaders._dicom_tags import number, numbers, required, text, words

if TYPE_CHECKING:
    from pathlib import Path

    from medtransfer.data.loaders._dicom_header import Header

Vector = tuple[float, float, float]

_FRAME_TYPES: Final = ("FrameType", "ImageType")
_DEEPEST: Final = 4


@dataclass(frozen=True, kw_only=True)
class Plane:
    """One picture of a file, and where it lies. What the file does not say is None or empty.

    Attributes:
        path: The file.
        frame: Index of the frame in it, from 0; 0 in a file with one.
        frames: How many frames the file has.
        shape: Rows and columns.
        samples: Samples per pixel: 1, or 3 for colour.
        position: Centre of the first voxel (ImagePositionPatient), LPS+ millimetres; NaN where it is no number.
        orientation: Directions in which column and row indices grow (ImageOrientationPatient), LPS+.
        spacing: Millimetres between rows, and between columns.
        thickness: SliceThickness in millimetres.
        between: SpacingBetweenSlices in millimetres.
        order: InstanceNumber, or the frame's index.
        keys: Splitting attributes that have a value, see `_dicom_keys`.
        slope: RescaleSlope.
        intercept: RescaleIntercept.
        rescale_type: What rescaling yields: `HU`, `US` (unspecified), …
        window: Centre and width of the first window.
        series_uid: SeriesInstanceUID.
        study_uid: StudyInstanceUID.
        patient_id: PatientID.
        modality: Modality.
        sop_class: SOPClassUID.
        encoding: Bits allocated, bits stored, pixel representation, photometric interpretation.
    """

    path: Path
    shape: tuple[int, int]
    samples: int
    frame: int = 0
    frames: int = 1
    position: Vector | None = None
    orientation: tuple[float, float, float, float, float, float] | None = None
    spacing: tuple[float, float] | None = None
    thickness: float | None = None
    between: float | None = None
    order: int | None = None
    keys: dict[str, str]
    slope: float | None = None
    intercept: float | None = None
    rescale_type: str = ""
    window: tuple[float, float] | None = None
    series_uid: str = ""
    study_uid: str = ""
    patient_id: str = ""
    modality: str = ""
    sop_class: str = ""
    encoding: tuple[int, int, int, str]

    @property
    def name(self) -> str:
        """File name, with the frame (from 1, as DICOM counts) where the file has several."""
        return self.path.name if self.frames == 1 else f"{self.path.name}, frame {self.frame + 1}"


def planes_of(header: Header, path: Path) -> tuple[Plane, ...]:
    """The planes of one file, in the order of its frames.

    Args:
        header: The header, of a multi-frame file with its sequences.
        path: The file, for errors.

    Raises:
        ReadError: `BadFrames`: as many functional groups as frames are needed, or there are more frames claimed than
            bytes held; `BadTag`: a number is none; `MissingTag`: the pixels are not described.
    """
    dataset = header.dataset
    count = max(1, _whole(dataset, "NumberOfFrames", path, 1))
    groups = dataset.get("PerFrameFunctionalGroupsSequence") or ()
    shared = _flat(next(iter(dataset.get("SharedFunctionalGroupsSequence") or ()), None))
    if count == 1 and not groups and not shared:
        return (_plane(dataset, path, 1),)
    if groups and len(groups) != count:
        raise _bad_frames(f"claims {count} frames and describes {len(groups)}", path)
    if count > max(header.held, 1):
        raise _bad_frames(f"claims {count} frames in {header.held} bytes of pixels", path)
    if not groups:
        # Without groups of their own the frames of a file are at one place, or nobody knows where: no place is kept.
        plane = replace(_plane(_Layers((shared,), dataset), path, count), position=None)
        return tuple(replace(plane, frame=frame, order=frame + 1) for frame in range(count))
    frames = (_plane(_Layers((_flat(group), shared), dataset), path, count) for group in groups)
    return tuple(replace(plane, frame=frame, order=frame + 1) for frame, plane in enumerate(frames))


@dataclass(frozen=True)
class _Layers:
    """Elements of a frame: its own groups, over the shared ones, over the top level."""

    layers: tuple[dict[str, Any], ...]
    top: Any

    def get(self, key: Any) -> Any:
        for layer in self.layers:
            if key in layer:
                return layer[key]
        return self.top.get(key)


def _flat(group: Any, depth: int = 0) -> dict[str, Any]:
    """All elements below the item of a functional group by keyword, of each sequence the first item's."""
    elements: dict[str, Any] = {}
    for element in group or ():
        if element.VR != "SQ":
            elements.setdefault(element.keyword, element.value)
        elif element.value and depth < _DEEPEST and not _is_reference(element.keyword):
            for keyword, value in _flat(element.value[0], depth + 1).items():
                elements.setdefault(keyword, value)
    return elements


def _is_reference(keyword: str) -> bool:
    """True for sequences that speak of other images."""
    return keyword.startswith(("Referenced", "Source", "Derivation"))


def _plane(dataset: Any, path: Path, frames: int) -> Plane:
    centre, width = number(dataset, "WindowCenter", path), number(dataset, "WindowWidth", path)
    order = number(dataset, "InstanceNumber", path)
    image_type = next(filter(None, (words(dataset, keyword) for keyword in _FRAME_TYPES)), ())
    return Plane(
        path=path,
        frames=frames,
        shape=(required(dataset, "Rows", path), required(dataset, "Columns", path)),
        samples=_whole(dataset, "SamplesPerPixel", path, 1),
        position=_numbers(dataset, "ImagePositionPatient", 3, path),
        orientation=_numbers(dataset, "ImageOrientationPatient", 6, path),
        spacing=_numbers(dataset, "PixelSpacing", 2, path),
        thickness=number(dataset, "SliceThickness", path),
        between=number(dataset, "SpacingBetweenSlices", path),
        order=int(order) if order is not None and isfinite(order) else None,
        keys=keys_of(dataset, image_type),
        slope=number(dataset, "RescaleSlope", path),
        intercept=number(dataset, "RescaleIntercept", path),
        rescale_type=text(dataset, "RescaleType"),
        window=None if centre is None or width is None else (centre, width),
        series_uid=text(dataset, "SeriesInstanceUID"),
        study_uid=text(dataset, "StudyInstanceUID"),
        patient_id=text(dataset, "PatientID"),
        modality=text(dataset, "Modality").upper(),
        sop_class=text(dataset, "SOPClassUID"),
        encoding=(
            required(dataset, "BitsAllocated", path),
            required(dataset, "BitsStored", path),
            _whole(dataset, "PixelRepresentation", path, 0),
            text(dataset, "PhotometricInterpretation"),
        ),
    )


def _whole(dataset: Any, keyword: str, path: Path, default: int) -> int:
    """A whole number that may be absent."""
    return default if number(dataset, keyword, path) is None else required(dataset, keyword, path)


def _numbers(dataset: Any, keyword: str, count: int, path: Path) -> Any:
    """The numbers of an element; None where it is absent, NaN in each place where it does not hold `count` of them."""
    try:
        return numbers(dataset, keyword, count, path)
    except ReadError:
        return (nan,) * count


def _bad_frames(message: str, path: Path) -> ReadError:
    return ReadError(message, code="BadFrames", path=path, hint="Export the image again from its source.")
