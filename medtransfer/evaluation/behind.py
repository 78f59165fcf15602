"""Which studies are behind a figure: a point of a curve, a bar, a group, a cell of the confusion, a box of the flow.

Nothing is measured here. Studies are put together as they were when they were measured, by the same functions, so that
as many stand behind a figure as it says. Where patients were judged, all studies of a patient stand behind it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from medtransfer.core.errors import PredictionsError
from medtransfer.core.results import PROBABILITY
from medtransfer.data.cohort import patients
from medtransfer.evaluation.calibration.bins import bin_of, cuts
from medtransfer.evaluation.cases import as_text, checked_table, measured_cases
from medtransfer.evaluation.findings import rows_of, views
from medtransfer.evaluation.flow import UNSTATED
from medtransfer.evaluation.heterogeneity.grouping import SITE, Grouping, groups_of
from medtransfer.evaluation.patient_level import patient_level
from medtransfer.evaluation.prevalence import threshold_at
from medtransfer.evaluation.provenance import predictions_digest

if TYPE_CHECKING:
    from medtransfer.core.evaluated.curves import BandedCurve, Histogram
    from medtransfer.core.evaluated.evaluation import Evaluation
    from medtransfer.core.results import Predictions, Status

LISTED: Final = ("study_id", "probability", "truth", "decision", "site", "flags")
"""Columns of every list of studies; of those that were not read, `status` and `error` in place of the figures."""

_UNREAD: Final = ("study_id", "status", "error", "site")


@dataclass(frozen=True, kw_only=True)
class _Finding:
    """What was judged of one finding, the lowest probability first."""

    table: pd.DataFrame
    probability: np.ndarray
    truth: np.ndarray


@dataclass(frozen=True, kw_only=True)
class JudgedStudies:
    """The studies of an evaluation.

    Attributes:
        evaluation: What was measured on them.
        predictions: Of every input.
    """

    evaluation: Evaluation
    predictions: Predictions
    _findings: dict[str, _Finding] = field(repr=False)
    _studies: pd.DataFrame = field(repr=False)
    """Every study that was read, indexed by what it was judged as: itself, or its patient."""

    def on_curve(self, of: str, curve: BandedCurve, point: int, *, recall: bool = False) -> pd.DataFrame:
        """Those that are called positive at this point of a ROC curve, and were not at the point before.

        Args:
            of: The finding.
            curve: Its ROC curve, or, where `recall`, its curve of precision and recall.
            point: Which one, from 0.
            recall: Which of the two curves it is.
        """
        found = self._findings[of]
        here, before = (self._called(found, curve, at, recall=recall) for at in (point, point - 1))
        size = len(found.table)
        return self._listed(of, found.table.iloc[size - here : size - before])

    def count_on_curve(self, of: str, curve: BandedCurve, point: int, *, recall: bool = False) -> int:
        """How many those are; of patients, how many patients."""
        here, before = (self._called(self._findings[of], curve, at, recall=recall) for at in (point, point - 1))
        return here - before

    def threshold_at(self, of: str, curve: BandedCurve, point: int, *, recall: bool = False) -> float | None:
        """From which probability on a study is called positive there; None where none is."""
        found = self._findings[of]
        called = self._called(found, curve, point, recall=recall)
        return float(found.probability[-called]) if called else None

    def between(self, of: str, low: float, high: float | None, *, truth: bool | None = None) -> pd.DataFrame:
        """Those with a probability of at least `low` and below `high`.

        Args:
            of: The finding.
            low: The lowest probability.
            high: The first one that is too high; None: there is none.
            truth: Only those that have the finding, or only those that have it not.
        """
        found = self._findings[of]
        inside = (found.probability >= low) & (True if high is None else found.probability < high)
        if truth is not None:
            inside &= found.truth == truth
        return self._listed(of, found.table[inside])

    def between_thresholds(self, of: str, low: float, high: float | None) -> pd.DataFrame:
        """The same for thresholds of a decision curve, which are shifted where a prevalence is stated."""
        stated = (self.evaluation.prevalence or {}).get(of)
        if stated is not None:
            prior = self.predictions.priors[of]
            low = threshold_at(low, prior=stated, stated=prior)
            high = None if high is None else threshold_at(high, prior=stated, stated=prior)
        return self.between(of, low, high)

    def in_bin(self, of: str, number: int) -> pd.DataFrame:
        """Those of one group of the reliability curve, counted from the lowest probabilities, from 0."""
        found = self._findings[of]
        position = bin_of(found.probability, cuts(found.probability, "equal count"))
        return self._listed(of, found.table[position == np.unique(position)[number]])

    def in_group(self, of: str, attribute: str, name: str) -> pd.DataFrame:
        """Those of one subgroup."""
        return self._in(of, name, groups_of(self._findings[of].table, attribute))

    def at_site(self, of: str, name: str) -> pd.DataFrame:
        """Those of one site; sites are never merged."""
        return self._in(of, name, groups_of(self._findings[of].table, SITE, most=None))

    def _in(self, of: str, name: str, grouping: Grouping) -> pd.DataFrame:
        code = grouping.names.index(name) if name in grouping.names else -1
        return self._listed(of, self._findings[of].table[grouping.codes == code])

    def called(self, of: str, *, positive: bool, truth: bool) -> pd.DataFrame:
        """Those of one cell of the confusion at the operating point."""
        point = self.evaluation.operating_point
        if point is None or point.positive != of:
            raise KeyError(of)
        low, high = (point.threshold, None) if positive else (-np.inf, point.threshold)
        return self.between(of, low, high, truth=truth)

    def ended(self, status: Status, code: str = "") -> pd.DataFrame:
        """Those of one box of the flow: `excluded` or `failed` with a code, or `read` without a label."""
        table = checked_table(self.predictions)
        table = table[table["status"] == status].sort_values("study_id")
        if status == "read":
            table = table[table["truth"] == ""]
        else:
            table = table[[_code(error) == code for error in table["error"]]]
        return _words(table, _UNREAD)

    def with_truth(self, truth: str = "") -> pd.DataFrame:
        """Those that were read and have this truth; all that have any, where none is given."""
        table = self._studies[self._studies["truth"] != ""]
        if truth:
            table = table[table["truth"] == truth]
        finding = next(iter(self._findings))
        return _words(table.assign(probability=table[PROBABILITY + finding].astype(float)), LISTED)

    def _called(self, found: _Finding, curve: BandedCurve, point: int, *, recall: bool) -> int:
        """How many studies are called positive at a point; it is a fraction of whole counts."""
        if point < 0:
            return 0
        with_it = int(found.truth.sum())
        true = round(curve.x[point] * with_it) if recall else round(curve.y[point] * with_it)
        if recall:
            return round(true / curve.y[point])
        return true + round(curve.x[point] * (found.truth.size - with_it))

    def _listed(self, of: str, judged: pd.DataFrame) -> pd.DataFrame:
        own = self._studies.loc[judged["study_id"].tolist()]
        return _words(own.assign(probability=own[PROBABILITY + of].astype(float)), LISTED)


def judged_studies(evaluation: Evaluation, predictions: Predictions) -> JudgedStudies:
    """The studies of these predictions as the evaluation looked at them.

    Raises:
        PredictionsError: `OtherPredictions`, `OtherTruth`, or they cannot be judged (codes in `cases`).
    """
    if predictions_digest(predictions) != evaluation.provenance.predictions_sha256:
        raise PredictionsError(
            "these are not the predictions that were evaluated",
            code="OtherPredictions",
            hint="Evaluate them again, or keep the predictions as they were beside the evaluation.",
        )
    if evaluation.provenance.truth_sha256:
        raise PredictionsError(
            "they were evaluated by a truth table, and the labels beside them are others",
            code="OtherTruth",
            hint="The errors that the report names are listed all the same.",
        )
    table = checked_table(predictions)
    table = table[table["status"] == "read"].sort_values("study_id")
    alone = evaluation.level == "study"
    found = _findings(predictions) if alone else _pooled(evaluation, predictions)
    for one in evaluation.findings:
        if one.of not in found or len(found[one.of].table) != one.n or int(found[one.of].truth.sum()) != one.events:
            raise PredictionsError(
                f"they do not hold the {one.n:,} studies, {one.events:,} of them with the finding, that were evaluated",
                code="OtherPredictions",
                hint="The evaluation was changed after it was written: evaluate the predictions again.",
            )
    return JudgedStudies(
        evaluation=evaluation,
        predictions=predictions,
        _findings=found,
        _studies=table.set_index(table["study_id"] if alone else patients(table), drop=False),
    )


def _findings(predictions: Predictions) -> dict[str, _Finding]:
    cases = measured_cases(predictions)
    return {
        name: _Finding(
            table=cases.table.iloc[rows_of(cases, predictions, name)].reset_index(drop=True),
            probability=view.probability,
            truth=view.truth,
        )
        for name, view in views(cases, predictions).items()
    }


def _pooled(evaluation: Evaluation, predictions: Predictions) -> dict[str, _Finding]:
    """Of patients: an evaluation does not say how it pooled their studies, but its histograms tell."""
    found = _findings(patient_level(predictions, pooling="mean").predictions)
    if all(_spread_so(one.histogram, found[one.of]) for one in evaluation.findings if one.of in found):
        return found
    return _findings(patient_level(predictions, pooling="max").predictions)


def _spread_so(histogram: Histogram, found: _Finding) -> bool:
    together = np.sum(list(histogram.counts.values()), axis=0)
    return np.array_equal(np.histogram(found.probability, histogram.edges)[0], together)


def _words(table: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    kept = [name for name in columns if name in table.columns]
    cells = {
        name: table[name].to_numpy() if name == "probability" else as_text(table[name]).to_numpy() for name in kept
    }
    return pd.DataFrame(cells)


def _code(error: str) -> str:
    """As `flow` counts it."""
    return (error.split(":", maxsplit=1)[0].split() or [UNSTATED])[0]
