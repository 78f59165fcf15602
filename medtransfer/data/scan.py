"""One scan as a loader hands it over: stored values, how to show them, where they lie, whose they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from medtransfer.core.types import Affine, Positions, Voxels

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np


@dataclass(frozen=True, kw_only=True)
class Lookup:
    """A lookup table: stored value `first` maps to `values[0]`; values outside are clamped to the ends."""

    first: int
    values: np.ndarray
    bits: int
    """Bits per entry as declared: outputs lie in [0, 2**bits − 1]."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """A display window in output units of the modality transformation. Reference: DICOM PS3.3 C.11.2."""

    centre: float
    width: float
    function: Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"] = "LINEAR"


@dataclass(frozen=True, kw_only=True)
class Presentation:
    """How stored values become what a radiologist looks at, in the order of application.

    modality transformation (slope and intercept, or a table) → values of interest (window or table)
    → one inversion → padding black.
    """

    slope: float = 1.0
    intercept: float = 0.0
    modality_table: Lookup | None = None
    window: Window | None = None
    voi_table: Lookup | None = None
    inverted: bool = False
    """True where low stored values are shown bright: MONOCHROME1, or PresentationLUTShape INVERSE."""
    padding: tuple[int, int] | tuple[float, float] | None = None
    """Stored values in this closed range are background."""
    stored_range: tuple[int, int] | tuple[float, float] = (0, 255)
    """Smallest and largest stored value that bit depth and signedness allow; of floats, those that are there."""


@dataclass(frozen=True, kw_only=True)
class Identifiers:
    """Whose scan it is. Empty strings where the file does not say. Never used as a file name."""

    patient_id: str = ""
    study_uid: str = ""
    series_uid: str = ""
    instance_uid: str = ""


@dataclass(frozen=True, kw_only=True)
class Scan:
    """One scan. `voxels` are stored values: `presentation` has not been applied to them.

    Attributes:
        voxels: `row column` (grey), `row column 3` (colour), or either behind an axis of planes: `slice row column`,
            `frame row column 3`.
        kind: What the first axis is: a `picture` has no such axis, a `volume` has slices at known places in the
            patient, `frames` are a cine loop or planes whose places are not known.
        affine: (slice, row, column, 1) → RAS+ millimetres, for a picture with slice 0. Sheared where the gantry was
            tilted. None for projections, plain pictures and frames.
        positions: RAS+ millimetres of each slice's first voxel, where the slices are not evenly spaced: then the
            affine's slice column is their mean step only. None where the affine says it all.
        modality: DICOM modality (`CR`, `DX`, `CT`, …), or `OT` where the file does not say.
        units: What presentation's modality transformation yields: `HU`, `BQML`, … or empty where unknown.
        suv_factor: Body-weight SUV per unit of the transformed values, or why there is none; empty for all but PET.
        directions: What row and column indices of a projection grow towards, such as (`F`, `L`); empty where unknown.
        pixel_size: Row and column spacing of a projection in millimetres.
        pixel_size_at: Where that spacing holds: at the `detector` (magnified), `calibrated`, or empty.
        notes: What was noticed and not acted on (`BurnedInAnnotation`, `OverlayIgnored`, …).
        attributes: Harmless facts of the study: sex, age, view, manufacturer, date, body part.
    """

    voxels: Voxels
    affine: Affine | None
    modality: str
    presentation: Presentation
    identifiers: Identifiers
    path: Path
    attributes: dict[str, str]
    kind: Literal["picture", "volume", "frames"] = "picture"
    positions: Positions | None = None
    units: str = ""
    suv_factor: float | str = ""
    directions: tuple[str, str] = ("", "")
    pixel_size: tuple[float, float] | None = None
    pixel_size_at: Literal["detector", "calibrated", ""] = ""
    notes: tuple[str, ...] = ()

    @property
    def is_colour(self) -> bool:
        """True where the last axis is red, green, blue."""
        return self.voxels.ndim == (3 if self.kind == "picture" else 4)
