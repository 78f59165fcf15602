"""What `compare` found: the figures of each model, their differences from the first one, and what may be said of them.

Every difference is *model − reference*. Where less is better, such as log-loss, `better` says so; the sign is never
turned round.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from medtransfer.core.records import Record
from medtransfer.core.results import Estimate, OperatingPoint, Provenance
from medtransfer.core.types import Task

Better = Literal["higher", "lower"]

Finding = Literal["better", "worse", "no_evidence", "not_estimable"]
"""What is said of a model beside the reference; `no_evidence` is no proof that they are equal."""

Margin = Literal["shown", "not_shown", "refuted", "not_estimable"]
"""Non-inferiority: shown, left open by the interval, or refuted, as the whole interval lies beyond the margin."""

Obstacle = Literal["absent", "excluded", "failed", "unlabelled"]
"""Why a study cannot be compared: it is in a table not at all, by rule, by failure, or there without a truth."""


class LeftOut(Record):
    """Studies that some model has no measurable answer for; each study stands in one row only."""

    obstacle: Obstacle
    """The gravest where there are several: absent before excluded, failed, unlabelled."""
    models: tuple[str, ...]
    """Whose table it concerns."""
    n: int


class ComparisonFlow(Record):
    """Where every study of any table ended: studies = left out + compared."""

    studies: int
    left_out: tuple[LeftOut, ...]
    compared: int
    per_class: dict[str, int]
    """Compared studies of each class, or that have each label."""

    @model_validator(mode="after")
    def _reconcile(self) -> ComparisonFlow:
        ended = sum(one.n for one in self.left_out) + self.compared
        if ended != self.studies:
            msg = f"{self.studies} studies, but {ended} accounted for"
            raise ValueError(msg)
        return self


class ComparedModel(Record):
    """One model, measured on the studies that all models answered."""

    name: str
    inputs: int
    """Rows of its own table."""
    measurable: int
    """Of these, read and with a truth."""
    operating_point: OperatingPoint | None
    figures: dict[str, Estimate]
    """By metric, the primary one first."""
    provenance: Provenance


class NonInferiority(Record):
    """Is the model worse than the reference by less than the margin?

    The interval of the difference is held against −margin (where less is better, against +margin), which is a
    one-sided test at half of 1 − level.
    """

    margin: float
    p: float | None
    """One-sided: how surprising the data are if the model is worse by the whole margin."""
    p_adjusted: float | None
    """Holm's, over the models."""
    finding: Margin


class Difference(Record):
    """Model − reference in one figure."""

    metric: str
    """As in the catalogue of metrics: `auroc`; or `sensitivity`, `specificity` at each model's own threshold."""
    name: str
    """As it is printed."""
    better: Better
    model: str
    reference: str
    value: float | None
    low: float | None = None
    high: float | None = None
    level: float = 0.95
    p: float | None = None
    """Two-sided."""
    p_adjusted: float | None = None
    """Holm's, over the models compared in this figure with this method."""
    statistic: float | None = None
    """z of a test that has one."""
    method: str
    n: int
    note: str = ""
    finding: Finding = "not_estimable"
    non_inferiority: NonInferiority | None = None
    """Of the primary metric, where a margin was stated."""


class Discordance(Record):
    """How often the decisions of two models are right, counted study by study at each model's own threshold."""

    among: str
    """`positive`, `negative` or `all` studies."""
    model: str
    reference: str
    both_right: int
    only_model: int
    only_reference: int
    both_wrong: int
    discordant_patients: int
    """Patients whose studies the models do not get right equally often."""
    statistic: float | None
    """χ² with one degree of freedom, by `method`."""
    p: float | None
    """Of `statistic`."""
    p_exact: float
    p_adjusted: float | None = None
    """Holm's, of `p_exact` over the models."""
    method: str
    exact_method: str


class Comparison(Record):
    """Everything `compare` found. The first model is the reference."""

    schema_version: Literal[1] = 1
    title: str
    task: Task
    classes: tuple[str, ...]
    positive: str | None
    metric: str
    """The primary one: what the verdict and the margin are about."""
    margin: float | None
    n_studies: int
    n_patients: int
    flow: ComparisonFlow
    models: tuple[ComparedModel, ...]
    differences: tuple[Difference, ...]
    """The primary metric first; where a figure has two methods, the one with a formula before the bootstrap."""
    discordances: tuple[Discordance, ...] = Field(default=())
    """Where every model has an operating point."""
    warnings: tuple[str, ...]
    replicates: int
    """Of the bootstrap; its seed stands in each model's provenance."""

    @property
    def reference(self) -> ComparedModel:
        """What the others are compared with."""
        return self.models[0]

    @property
    def headlines(self) -> tuple[Difference, ...]:
        """The primary difference of each model, in their order."""
        found = {one.model: one for one in reversed(self.differences) if one.metric == self.metric}
        return tuple(found[model.name] for model in self.models[1:])

    def difference(self, metric: str, model: str | None = None) -> Difference:
        """The difference in a metric, of the first model after the reference or of the one that is named.

        Raises:
            KeyError: There is none.
        """
        for one in self.differences:
            if one.metric == metric and model in {None, one.model}:
                return one
        raise KeyError(metric)
