"""What later rooms say about predictions: estimates with intervals, operating points, evaluations.

The column names of a cohort and of a prediction table, and the names of the splits, stand here too:
they are the one contract that every room, every script and the app share.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal

from pydantic import Field, model_validator

from medtransfer.core.evaluated.spectrum import Spectrum
from medtransfer.core.records import Record
from medtransfer.core.types import Task

if TYPE_CHECKING:
    import pandas as pd

SPLITS: Final = ("train", "validation", "calibration", "test")
"""Names of the splits. `train` fits weights, `validation` chooses (epoch, threshold), `calibration`
fits recalibration, `test` is only ever measured on. An empty split means: not assigned yet."""

COHORT_COLUMNS: Final = {
    "path": "image or series, relative to the table's folder; required",
    "patient_id": "who; equal ids are one patient at whatever site, whom splits never separate; empty means unknown",
    "study_id": "what one prediction is about; repeats where a study has several images; default: path",
    "site": "hospital; default: name of the table's folder",
    "date": "ISO date of the study, or empty",
    "label": "class name, or of several labels those that are known: `pneumonia=1;effusion=0`; empty means unknown",
    "split": "one of the splits, or empty",
}
"""Columns with a meaning; any other column is an attribute of the study (age, sex, view, …)."""

PROBABILITY: Final = "probability_"
"""Prefix of the probability columns: one per class, `probability_pneumonia`."""

UNCALIBRATED: Final = "uncalibrated_"
"""Prefix of the probabilities before recalibration, where the bundle recalibrates."""

ATTRIBUTE: Final = "attribute_"
"""Prefix of what the cohort says of a study beyond `COHORT_COLUMNS`: `attribute_sex`."""

PREDICTION_COLUMNS: Final = {
    "study_id": "the study",
    "patient_id": "its patient, as in the cohort",
    "site": "its hospital",
    "date": "ISO date of the study, or empty",
    "split": "the split it came from",
    "truth": "the cohort's `label`, empty where unknown",
    "probability_<class>": "one column per class or label; a row sums to 1 over classes; empty where not read",
    "uncalibrated_<class>": "the same before recalibration, where the bundle recalibrates; no columns otherwise",
    "decision": "`pneumonia` or `not pneumonia` at the bundle's operating point; of several labels, those that have a "
    "point: `pneumonia=1;effusion=0`; empty without one, and where not read",
    "flags": "words separated by `;`, such as `several_images`",
    "bundle_sha256": "SHA-256 of the bundle that predicted",
    "status": "read, excluded or failed",
    "error": "code and message where status is not read",
    "attribute_<name>": "whatever else the cohort says of the study, one column each",
}
"""Columns of a prediction table."""

FEATURE_COLUMNS: Final = {
    "study_id": "the study",
    "embedding": "pooled features of the network, 32-bit floats",
    "thumbnail": "8 × 8 grey means of the prepared picture, row by row, 0 to 255; mean over the study's pictures",
    "border": "28 grey means of the outermost of 8 × 8 tiles, clockwise from the top left corner, 0 to 255",
}
"""Columns of what `predict` stores on request, one row a study that was read; every cell but the first is a list."""

SCORE_DECIMALS: Final = 4
"""Of the probabilities in `ScoredStudies`; what is put beside them is rounded alike, so that equal ones are equal."""

Status = Literal["read", "excluded", "failed"]


class Estimate(Record):
    """One figure with its interval. Where no interval can be had, `low` and `high` are None and `note` says why."""

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    level: float = 0.95
    method: str
    n: int
    of: str | None = None
    """The class or label, where there is one figure for each."""
    note: str = ""

    def __format__(self, spec: str) -> str:
        """`0.912 (0.871–0.943)`, or the note where nothing could be estimated."""
        spec = spec or ".3f"
        if self.value is None:
            return f"not estimable ({self.note})" if self.note else "not estimable"
        if self.low is None or self.high is None:
            return format(self.value, spec)
        return f"{self.value:{spec}} ({self.low:{spec}}–{self.high:{spec}})"


class OperatingPoint(Record):
    """The probability of the positive class from which a study is called positive.

    A study is positive when its probability is **at or above** `threshold`.
    """

    rule: str
    """`sensitivity`, `specificity`, `youden` or `cost`."""
    goal: float | None
    """What the rule was asked to reach, or None for Youden."""
    threshold: float
    positive: str
    chosen_on: str
    sensitivity: Estimate
    """On the cases it was chosen on: optimistic, and labelled so wherever it is shown."""
    specificity: Estimate
    met: bool = True
    """False when no threshold reached the goal, and the nearest was taken."""


class ScoredStudies(Record):
    """Studies with a known truth in ascending order of their probability, so that a new one can be put beside them.

    The three sequences are equally long. Probabilities are those that the bundle gives (recalibrated where it
    recalibrates), rounded to `SCORE_DECIMALS`; patients are numbers that mean nothing else.
    """

    split: str
    """`calibration` or `validation`."""
    of: str
    """The class or label."""
    probabilities: tuple[float, ...]
    present: tuple[bool, ...]
    patients: tuple[int, ...]

    @model_validator(mode="after")
    def _agree(self) -> ScoredStudies:
        if not len(self.probabilities) == len(self.present) == len(self.patients):
            msg = "probabilities, present and patients differ in length"
            raise ValueError(msg)
        if any(low > high for low, high in pairwise(self.probabilities)):
            msg = "probabilities do not ascend"
            raise ValueError(msg)
        return self


class Curve(Record):
    """Points of a curve in drawing order."""

    x: tuple[float, ...]
    y: tuple[float, ...]


class CalibrationBin(Record):
    """Studies with similar probabilities: how often the finding was there."""

    n: int
    mean_probability: float
    observed: Estimate


class LabelCounts(Record):
    """Evaluated studies that have a label, have it not, and of which nobody knows."""

    present: int
    absent: int
    unknown: int


class Flow(Record):
    """Where every input ended (STARD): inputs = excluded + failed + unlabelled + evaluated.

    Evaluated studies have one of several classes, or, where there are several labels at once, at least one known label.
    """

    inputs: int
    excluded: dict[str, int]
    failed: dict[str, int]
    unlabelled: int
    evaluated: int
    per_class: dict[str, int]
    """Evaluated studies of each class; empty where there are several labels."""
    per_label: dict[str, LabelCounts] = Field(default={})
    """Evaluated studies by what is known of each label; empty where there are classes."""

    @model_validator(mode="after")
    def _reconcile(self) -> Flow:
        ended = sum(self.excluded.values()) + sum(self.failed.values()) + self.unlabelled + self.evaluated
        if ended != self.inputs:
            msg = f"{self.inputs} inputs, but {ended} accounted for"
            raise ValueError(msg)
        parts = {f"counts of {name!r}": one.present + one.absent + one.unknown for name, one in self.per_label.items()}
        if self.per_class or not parts:
            parts["the classes"] = sum(self.per_class.values())
        for name, together in parts.items():
            if together != self.evaluated:
                msg = f"{self.evaluated} evaluated, but {name} sum to {together}"
                raise ValueError(msg)
        return self


class Confusion(Record):
    """Counts at the operating point."""

    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int


class Provenance(Record):
    """What a figure was made from, so that it can be made again."""

    bundle_sha256: str
    predictions_sha256: str
    medtransfer_version: str
    packages: dict[str, str]
    seed: int
    code_sha256: str = ""
    """Of this package's own source files."""
    cohort_sha256: str = ""
    """Of the table of the studies that were predicted; empty, as the others below, where it is not known."""
    truth_sha256: str = ""
    """Of the truth table, where one took the place of the cohort's labels."""
    training_sha256: str = ""
    """Of the table of the studies that were trained on."""
    plan_sha256: str = ""
    """Of the plan as the bundle keeps it."""


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """One row per study (`PREDICTION_COLUMNS`), and what is needed to judge them."""

    table: pd.DataFrame
    classes: tuple[str, ...]
    positive: str | None
    operating_point: OperatingPoint | None
    bundle_sha256: str
    training_patients: frozenset[str] = field(default_factory=frozenset)
    """`patient_digest` of every patient the weights or thresholds have seen, with their site and without one."""
    patients_unknown: bool = False
    """True where the cohort has rows without a patient id, and the user allowed that."""
    task: Task = "multiclass"
    """What `truth` and the probabilities are: of several classes, of ordered ones, or of several labels at once."""
    operating_points: dict[str, OperatingPoint] = field(default_factory=dict)
    """Label → its own operating point, where there are several labels at once."""
    priors: dict[str, float] = field(default_factory=dict)
    """Share of each class, or of those who have each label, to which the probabilities are calibrated; may be empty."""
    spectrum: Spectrum | None = None
    """Of the cohort that the network was trained on."""
    features: pd.DataFrame | None = None
    """`FEATURE_COLUMNS`, where they were asked for."""

    @property
    def points(self) -> dict[str, OperatingPoint]:
        """Finding → its operating point: that of the positive class, or those of the labels."""
        one = self.operating_point
        return self.operating_points if one is None else {one.positive: one}
