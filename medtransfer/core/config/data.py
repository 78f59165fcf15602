"""Settings of the data room: cohorts, splits, preprocessing, augmentation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from medtransfer.core.records import Record
from medtransfer.core.types import Task

Fraction = Annotated[float, Field(ge=0, lt=1)]


class CohortConfig(Record):
    """One hospital's studies, and the question asked of them."""

    cohort: str
    """Path of the cohort table (CSV, Parquet) or of a folder with one folder per class."""
    sha256: str = ""
    """Digest of the table when the plan was made; `fit` refuses another one. Empty: not checked."""
    label: str = "label"
    """Column of the label."""
    task: Task = "multiclass"
    """One of several classes, `multilabel` (several findings at once) or `ordinal` (classes in ascending order)."""
    classes: tuple[str, ...]
    """Class names, in the order of the network's outputs."""
    positive: str | None = None
    """The class whose probability is thresholded; None where there are more than two."""
    labels_per_class: Annotated[int, Field(ge=2)] | None = None
    """Label budget: use only so many labelled training studies of each class (drawn by patient)."""
    patients_unknown: bool = False
    """Rows without a patient id are allowed, each as its own patient; stamps every interval."""


class SourceConfig(CohortConfig):
    """Another hospital's studies."""

    share: Annotated[float, Field(gt=0, lt=float("inf"))] = 1.0
    """How much it counts in L_S, relative to the other sources."""


class SplitConfig(Record):
    """How rows without a split are assigned: by patient, stratified by label."""

    validation: Fraction = 0.2
    test: Fraction = 0.25
    """Used only where the cohort has no test split of its own."""
    calibration: Fraction = 0.0
    """The same for the split that `decision.calibrator` is fitted on; 0: none is put aside."""


class ReadConfig(Record):
    """How files become scans; the same for training and prediction."""

    on_irregular: Literal["rule", "keep", "resample", "refuse"] = "rule"
    """What becomes of a series whose slices do not lie on one regular, orthogonal grid.

    `rule`: gaps and duplicates are refused, tilt and mixed spacing kept with an honest affine. `keep`, `resample` (onto
    a regular grid) and `refuse` say the same for all four.
    """
    nifti_modality: Literal["", "CT", "MR", "PT"] = ""
    """What NIfTI files are, which do not say it themselves; the values of `CT` are Hounsfield units."""
    volume: Annotated[int, Field(ge=0)] | None = None
    """Which volume of a four-dimensional file to take, from 0; None refuses such files."""
    force: bool = False
    """Try DICOM files that lack the preamble."""
    max_bytes: Annotated[int, Field(ge=1)] = 4 * 2**30
    """Largest decoded image or series in bytes, checked before anything is allocated."""
    max_ratio: Annotated[float, Field(gt=1)] = 300.0
    """Largest factor by which compressed content above 256 MiB may grow: what grows more is taken for a bomb."""
    decode_seconds: Annotated[float, Field(gt=0)] = 60.0
    """How long one compressed image may take to decode."""


CtPreset = Literal["brain", "subdural", "stroke", "lungs", "mediastinum", "abdomen", "liver", "bone"]
"""Windows with a name; `data/windows.py` has their centres and widths."""

CtWindow = CtPreset | tuple[float, Annotated[float, Field(gt=0)]]


class PreprocessConfig(Record):
    """From a scan to the network's picture."""

    size: Annotated[int, Field(ge=32, le=2048)] = 224
    """Side in pixels after padding to a square."""
    hu_window: tuple[float, Annotated[float, Field(gt=0)]] | None = None
    """CT: centre and width in Hounsfield units instead of the file's own window; a CT without rescale is refused."""
    ct_windows: tuple[CtWindow, CtWindow, CtWindow] | None = None
    """CT: three windows as the three channels, each a preset's name or centre and width in Hounsfield units."""
    suv_range: tuple[float, float] | None = None
    """PET: standardised uptake values shown black and white; a PET whose SUV cannot be computed is refused."""
    mr_scaling: Literal["file", "percentile", "z_score"] = "file"
    """MR: the file's own window; the 0.5th to 99.5th percentile of each scan; or z-scores over its foreground."""
    slices: Literal["acquired", "axial", "coronal", "sagittal", "triplanar"] = "acquired"
    """Volumes: cut in the plane they were acquired in, in one plane of the patient, or in all three."""
    planes: Annotated[int, Field(ge=1, le=2048)] | None = None
    """Volumes: resample every view to so many planes; None keeps each volume's own."""

    @model_validator(mode="after")
    def _one_window(self) -> PreprocessConfig:
        if self.hu_window is not None and self.ct_windows is not None:
            msg = "hu_window and ct_windows both say what is shown of a CT: keep one"
            raise ValueError(msg)
        return self

    @field_validator("suv_range")
    @classmethod
    def _rises(cls, shown: tuple[float, float] | None) -> tuple[float, float] | None:
        if shown is not None and not shown[0] < shown[1]:
            msg = f"{shown[0]:g} to {shown[1]:g} is no range: the lower value comes first"
            raise ValueError(msg)
        return shown


class Preparation(Record):
    """From files to network pictures: what `convert` needs of a plan."""

    read: ReadConfig = ReadConfig()
    preprocess: PreprocessConfig = PreprocessConfig()


class AugmentConfig(Record):
    """Random changes of training pictures that keep a radiograph a radiograph.

    No left–right flip by default: it moves the heart to the other side.
    """

    rotation: Annotated[float, Field(ge=0, le=45)] = 7.0
    """Degrees, uniform in ±."""
    scale: Annotated[float, Field(ge=0, lt=0.5)] = 0.08
    """Zoom, uniform in 1 ±."""
    shift: Annotated[float, Field(ge=0, lt=0.5)] = 0.04
    """Share of the side, uniform in ±."""
    brightness: Annotated[float, Field(ge=0, lt=1)] = 0.1
    contrast: Annotated[float, Field(ge=0, lt=1)] = 0.15
    flip: bool = False
    """Left–right, with probability one half."""
