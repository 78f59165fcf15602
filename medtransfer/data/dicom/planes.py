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
from medtransfer.data.dicom.facts import modality_of_class
from medtransfer.data.dicom.keys import keys_of
from medtransfer.data.dicom.rules import class_name
from medtransfer.data.dicom.tags import number, numbers, required, text, words

if TYPE_CHECKING:
    from pathlib import Path

    from medtransfer.data.dicom.header import Header

Vector = tuple[float, float, float]

_FRAME_TYPES: Final = ("FrameType", "ImageType")
_GROUPS: Final = ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence")
_DEEPEST: Final = 4
_SLICES: Final = frozenset({"CT", "MR", "PT", "NM"})
_PROJECTIONS: Final = (
    "Computed Radiography Image",
    "Digital X-Ray Image",
    "Digital Mammography X-Ray Image",
    "Digital Intra-Oral X-Ray Image",
    "X-Ray Angiographic Image",
    "X-Ray Radiofluoroscopic Image",
    "Enhanced XA Image",
    "Enhanced XRF Image",
)
"""How the names of SOP classes of projections begin: a ray has no place, whatever a vendor writes."""


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
        keys: Splitting attributes that have a value, see `dicom/keys`.
        slope: RescaleSlope.
        intercept: RescaleIntercept.
        rescale_type: What rescaling yields: `HU`, `US` (unspecified), …
        window: Centre and width of the first window.
        window_function: VOILUTFunction.
        series_uid: SeriesInstanceUID.
        study_uid: StudyInstanceUID.
        patient_id: PatientID.
        modality: Modality; of a SOP class of slices that class's, since scanners know what they write.
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
    window_function: str = ""
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
        return (placed(unplaced(dataset, path, 1), dataset, path),)
    if groups and len(groups) != count:
        raise _bad_frames(f"claims {count} frames and describes {len(groups)}", path)
    if count > max(header.held, 1):
        raise _bad_frames(f"claims {count} frames in {header.held} bytes of pixels", path)
    if not groups:
        # Without groups of their own the frames of a file are at one place, or nobody knows where: no place is kept.
        layers = _Layers((shared,), dataset)
        plane = replace(placed(unplaced(layers, path, count), layers, path), position=None)
        return tuple(replace(plane, frame=frame, order=frame + 1) for frame in range(count))
    frames = (_Layers((_flat(group), shared), dataset) for group in groups)
    planes = (placed(unplaced(frame, path, count), frame, path) for frame in frames)
    return tuple(replace(plane, frame=frame, order=frame + 1) for frame, plane in enumerate(planes))


def is_plain(dataset: Any, path: Path) -> bool:
    """True where a file has one frame and its top level describes it."""
    return _whole(dataset, "NumberOfFrames", path, 1) <= 1 and not any(dataset.get(keyword) for keyword in _GROUPS)


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
    """All elements below the item of a functional group by keyword, of each sequence the first item's.

    Private sequences are passed over: Philips keeps whole headers of single slices in them.
    """
    elements: dict[str, Any] = {}
    for element in group or ():
        if element.tag.is_private:
            continue
        if element.VR != "SQ":
            elements.setdefault(element.keyword, element.value)
        elif element.value and depth < _DEEPEST and not _is_reference(element.keyword):
            for keyword, value in _flat(element.value[0], depth + 1).items():
                elements.setdefault(keyword, value)
    return elements


def _is_reference(keyword: str) -> bool:
    """True for sequences that speak of other images."""
    return keyword.startswith(("Referenced", "Source", "Derivation"))


def is_projection(plane: Plane) -> bool:
    """True where the picture has no place in the patient, by its SOP class and modality."""
    return plane.modality not in _SLICES and class_name(plane.sop_class).startswith(_PROJECTIONS)


def placed(plane: Plane, dataset: Any, path: Path) -> Plane:
    """A plane of this file like `plane`, with its own place, order, window and scaling.

    A frozen record is built field by field, and this one has many: its dictionary is copied instead.

    Raises:
        ReadError: `BadTag`: a number is none.
    """
    centre, width = number(dataset, "WindowCenter", path), number(dataset, "WindowWidth", path)
    order = number(dataset, "InstanceNumber", path)
    own = object.__new__(Plane)
    own.__dict__.update(
        plane.__dict__,
        path=path,
        position=None if is_projection(plane) else _numbers(dataset, "ImagePositionPatient", 3, path),
        order=int(order) if order is not None and isfinite(order) else None,
        slope=number(dataset, "RescaleSlope", path),
        intercept=number(dataset, "RescaleIntercept", path),
        window=None if centre is None or width is None else (centre, width),
    )
    return own


def unplaced(dataset: Any, path: Path, frames: int) -> Plane:
    """The part of a plane that the slices of a series share; `placed` adds the rest.

    Raises:
        ReadError: `BadTag`: a number is none; `MissingTag`: the pixels are not described.
    """
    image_type = next(filter(None, (words(dataset, keyword) for keyword in _FRAME_TYPES)), ())
    sop_class = text(dataset, "SOPClassUID")
    by_class, said = modality_of_class(sop_class), text(dataset, "Modality").upper()
    return Plane(
        path=path,
        frames=frames,
        shape=(required(dataset, "Rows", path), required(dataset, "Columns", path)),
        samples=_whole(dataset, "SamplesPerPixel", path, 1),
        orientation=_numbers(dataset, "ImageOrientationPatient", 6, path),
        spacing=_numbers(dataset, "PixelSpacing", 2, path),
        thickness=number(dataset, "SliceThickness", path),
        between=number(dataset, "SpacingBetweenSlices", path),
        keys=keys_of(dataset, image_type),
        rescale_type=text(dataset, "RescaleType"),
        window_function=text(dataset, "VOILUTFunction").upper(),
        series_uid=text(dataset, "SeriesInstanceUID"),
        study_uid=text(dataset, "StudyInstanceUID"),
        patient_id=text(dataset, "PatientID"),
        modality=by_class if by_class in _SLICES else said or by_class,
        sop_class=sop_class,
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
