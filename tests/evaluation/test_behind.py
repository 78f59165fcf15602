"""As many studies stand behind a figure as it says, and each of them stands where it belongs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from evaluations import QUICK, infections, of_pneumonia, pneumonia
from questions import several_labels

from medtransfer.core.config.evaluation import EvaluationConfig
from medtransfer.core.errors import PredictionsError
from medtransfer.core.evaluated.calibration import Calibrations
from medtransfer.core.evaluated.evaluation import Evaluation
from medtransfer.core.results import Predictions
from medtransfer.evaluation.behind import LISTED, JudgedStudies, judged_studies
from medtransfer.evaluation.evaluate import evaluate

OF = "pneumonia"
KINDS = {"binary": pneumonia, "classes": infections, "labels": several_labels}


@pytest.fixture(scope="module", params=KINDS)
def judged(request: pytest.FixtureRequest) -> tuple[Evaluation, JudgedStudies]:
    predictions: Predictions = KINDS[request.param]()
    evaluation = of_pneumonia() if request.param == "binary" else evaluate(predictions, config=QUICK)
    return evaluation, judged_studies(evaluation, predictions)


def test_every_study_stands_at_one_point_of_each_curve(judged: tuple[Evaluation, JudgedStudies]) -> None:
    evaluation, studies = judged
    for one in evaluation.findings:
        for curve, recall in ((one.roc, False), (one.precision_recall, True)):
            assert curve is not None
            some = [studies.on_curve(one.of, curve, at, recall=recall)["study_id"] for at in range(len(curve.x))]
            names = [name for part in some for name in part]
            assert len(names) == len(set(names))
            assert [len(part) for part in some] == [
                studies.count_on_curve(one.of, curve, at, recall=recall) for at in range(len(curve.x))
            ]
            if not recall:  # the last recall of 1 may be reached before the last study
                assert len(names) == one.n


def test_a_point_of_the_roc_is_where_its_threshold_puts_it(judged: tuple[Evaluation, JudgedStudies]) -> None:
    evaluation, studies = judged
    for one in evaluation.findings:
        assert one.roc is not None
        for at, (x, y) in enumerate(zip(one.roc.x, one.roc.y, strict=True)):
            threshold = studies.threshold_at(one.of, one.roc, at)
            if threshold is None:
                assert (x, y) == (0, 0)
                continue
            with_it = len(studies.between(one.of, threshold, None, truth=True))
            without = len(studies.between(one.of, threshold, None, truth=False))
            assert (without / (one.n - one.events), with_it / one.events) == pytest.approx((x, y), abs=1e-12)


def test_bars_and_groups_hold_as_many_as_they_say(judged: tuple[Evaluation, JudgedStudies]) -> None:
    evaluation, studies = judged
    for one in evaluation.findings:
        edges = one.histogram.edges
        for name, counts in one.histogram.counts.items():
            for at, count in enumerate(counts):
                high = edges[at + 1] if at + 1 < len(counts) else None
                assert len(studies.between(one.of, edges[at], high, truth=name == one.of)) == count
    found = evaluation.calibration
    for record in found.findings if isinstance(found, Calibrations) else (found,):
        for at, group in enumerate(record.bins):
            table = studies.in_bin(record.of, at)
            assert len(table) == group.n
            assert table["probability"].mean() == pytest.approx(group.mean_probability, abs=1e-12)


def test_fields_of_the_confusion_and_boxes_of_the_flow() -> None:
    evaluation, studies = of_pneumonia(), judged_studies(of_pneumonia(), pneumonia())
    assert evaluation.operating is not None
    counts = evaluation.operating.confusion
    for name, positive, truth in (
        ("true_positive", True, True),
        ("false_negative", False, True),
        ("false_positive", True, False),
        ("true_negative", False, False),
    ):
        table = studies.called(OF, positive=positive, truth=truth)
        assert len(table) == getattr(counts, name)
        assert set(table["decision"]) == {OF if positive else f"not {OF}"}
        assert set(table["truth"]) == {OF if truth else "normal"}
    flow = evaluation.flow
    for status in ("excluded", "failed"):
        for code, n in getattr(flow, status).items():
            table = studies.ended(status, code)
            assert len(table) == n
            assert all(error.startswith(code) for error in table["error"])
    assert len(studies.ended("read")) == flow.unlabelled
    assert {name: len(studies.with_truth(name)) for name in flow.per_class} == flow.per_class


def test_subgroups_and_sites_hold_their_studies() -> None:
    evaluation, studies = of_pneumonia(), judged_studies(of_pneumonia(), pneumonia())
    table = pneumonia().table.set_index("study_id")
    for record in evaluation.subgroups:
        for group in record.groups:
            assert len(studies.in_group(OF, record.attribute, group.name)) == group.n
    for group in evaluation.sites[0].by_site.groups:
        found = studies.at_site(OF, group.name)
        assert len(found) == group.n
        assert set(table.loc[found["study_id"], "site"]) == {group.name}


def test_what_lies_between_two_thresholds_is_all_there_is() -> None:
    for prevalence in (None, 0.1):
        predictions = pneumonia()
        evaluation = evaluate(predictions, config=EvaluationConfig(replicates=100, prevalence=prevalence))
        studies = judged_studies(evaluation, predictions)
        curve = evaluation.usefulness[OF].net_benefit
        ends = [*curve.x[1:], None]
        some = [len(studies.between_thresholds(OF, low, high)) for low, high in zip(curve.x, ends, strict=True)]
        below = len(studies.between_thresholds(OF, -np.inf, curve.x[0]))
        assert sum(some) + below == evaluation.n_studies


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_where_patients_are_judged_all_their_studies_are_behind(pooling: str) -> None:
    predictions = pneumonia()
    asked = EvaluationConfig(replicates=100, level="patient", pooling=pooling)  # pyright: ignore[reportArgumentType]
    evaluation = evaluate(predictions, config=asked)
    studies = judged_studies(evaluation, predictions)
    found = studies.between(OF, 0.0, None)
    patients = predictions.table.set_index("study_id").loc[found["study_id"], ["site", "patient_id"]]
    assert len(patients.drop_duplicates()) == evaluation.n_patients
    assert len(found) > evaluation.n_patients
    called = [len(studies.called(OF, positive=positive, truth=True)) for positive in (True, False)]
    assert sum(called) > 0


def test_other_predictions_and_another_truth_are_refused() -> None:
    predictions = pneumonia()
    other = replace(predictions, table=predictions.table.assign(flags="changed"))
    with pytest.raises(PredictionsError) as error:
        judged_studies(of_pneumonia(), other)
    assert error.value.code == "OtherPredictions"
    made_from = of_pneumonia().provenance.model_copy(update={"truth_sha256": "a" * 64})
    with pytest.raises(PredictionsError) as error:
        judged_studies(of_pneumonia().model_copy(update={"provenance": made_from}), predictions)
    assert error.value.code == "OtherTruth"


def test_no_patient_is_listed() -> None:
    assert "patient_id" not in LISTED
    studies = judged_studies(of_pneumonia(), pneumonia())
    assert "patient_id" not in studies.between(OF, 0.0, None)
    assert "patient_id" not in studies.ended("failed", "Truncated")
