"""Settings of the data room: cohorts, splits, preprocessing, augmentation."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from medtransfer.core.records import Record

Fraction = Annotated[float, Field(ge=0, lt=1)]


class CohortConfig(Record):
    """One hospital's studies, and the question asked of them."""

    cohort: str
    """Path of the cohort table (CSV, Parquet) or of a folder with one folder per class."""
    sha256: str = ""
    """Digest of the table when the plan was made; `fit` refuses another one. Empty: not checked."""
    label: str = "label"
    """Column of the label."""
    classes: tuple[str, ...]
    """Class names, in the order of the network's outputs."""
    positive: str | None = None
    """The class whose probability is thresholded; None where there are more than two."""
    labels_per_class: Annotated[int, Field(ge=2)] | None = None
    """Label budget: use only so many labelled training studies of each class (drawn by patient)."""
    patients_unknown: bool = False
    """Rows without a patient id are allowed, each as its own patient; stamps every interval."""


class SplitConfig(Record):
    """How rows without a split are assigned: by patient, stratified by label."""

    validation: Fraction = 0.2
    test: Fraction = 0.25
    """Used only where the cohort has no test split of its own."""


class PreprocessConfig(Record):
    """From a scan to the network's picture."""

    size: Annotated[int, Field(ge=32, le=2048)] = 224
    """Side in pixels after padding to a square."""


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
