"""Figures of several labels: scikit-learn's where a label is known; what is unknown counts for nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from questions import LABELS, ends, label_cells, label_truths, predictions_of, several_labels
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from medtransfer.core.config.evaluation import EvaluationConfig
from medtransfer.core.errors import PredictionsError
from medtransfer.core.results import Predictions
from medtransfer.evaluation.evaluate import evaluate

FIGURES = ("AUROC", "average precision", "prevalence", "Brier score", "log-loss", "calibration-in-the-large")


def test_each_label_is_judged_where_it_is_known() -> None:
    truth, probability = label_truths(160, seed=0)
    found = evaluate(several_labels(160, seed=0), config=EvaluationConfig(replicates=100))
    areas = []
    for index, name in enumerate(LABELS):
        known = ~np.isnan(truth[:, index])
        y, p = truth[known, index], probability[known, index]
        areas.append(roc_auc_score(y, p))
        expected = (
            areas[-1],
            average_precision_score(y, p),
            y.mean(),
            brier_score_loss(y, p),
            log_loss(y, p),
            (p - y).mean(),
        )
        for figure, value in zip(FIGURES, expected, strict=True):
            estimate = found.estimate(figure, of=name)
            low, own, high = ends(estimate)
            assert own == pytest.approx(value, abs=1e-12)
            assert low <= own <= high
            assert estimate.n == known.sum()
        counts = found.flow.per_label[name]
        assert (counts.present, counts.absent) == (y.sum(), (1 - y).sum())
        assert counts.unknown == (~known).sum() - found.flow.unlabelled
    macro = found.estimates[0]
    assert macro.name == "macro AUROC"
    low, own, high = ends(macro)
    assert own == pytest.approx(np.mean(areas), abs=1e-12)
    assert low < own < high


def test_the_interval_of_the_mean_is_that_of_one_label_where_there_is_one() -> None:
    """Of a single label the strata are the classes, and the mean is its AUROC."""
    truth, probability = label_truths(200, seed=1)
    y, p = np.nan_to_num(truth[:, 0], nan=0), probability[:, 0]
    cells = [f"pneumonia={int(v)}" for v in y]
    alone = predictions_of(cells, p[:, None], LABELS[:1], "multilabel", patients=np.arange(200))
    classes = predictions_of(
        ["ill" if v else "well" for v in y],
        np.column_stack([1 - p, p]),
        ("well", "ill"),
        "multiclass",
        patients=np.arange(200),
    )
    ours, theirs = (
        evaluate(one, config=EvaluationConfig(replicates=400)).estimate("macro AUROC") for one in (alone, classes)
    )
    assert ours.value == pytest.approx(theirs.value, abs=1e-12)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.01)


def test_what_is_unknown_changes_nothing_else() -> None:
    """Forget the hernias: the other labels' figures stay the same to the last bit."""
    predictions = several_labels()
    forgotten = predictions.table.assign(
        truth=predictions.table["truth"].str.replace(r";?hernia=[01]", "", regex=True).str.removeprefix(";")
    )
    before = evaluate(predictions, config=EvaluationConfig(replicates=100))
    after = evaluate(replace(predictions, table=forgotten), config=EvaluationConfig(replicates=100))
    assert before.estimate("AUROC", of="hernia").value is not None
    assert after.estimate("AUROC", of="hernia").note == "it is known of no study"
    for name in LABELS[:2]:
        for figure in FIGURES:
            assert after.estimate(figure, of=name) == before.estimate(figure, of=name)
    macro = after.estimates[0]
    areas = [after.estimate("AUROC", of=name).value for name in LABELS[:2]]
    assert macro.value == pytest.approx(np.mean(np.array(areas, dtype=float)), abs=1e-12)
    assert macro.note == "mean over 2 of 3 labels: fewer than 2 patients with or without hernia"


def test_a_study_without_any_known_label_is_unlabelled() -> None:
    truth, probability = label_truths(60, seed=2)
    truth[:7] = np.nan
    patients = np.arange(60)
    predictions = predictions_of(label_cells(truth), probability, LABELS, "multilabel", patients=patients)
    found = evaluate(predictions, config=EvaluationConfig(replicates=100))
    nobody = np.isnan(truth).all(axis=1).sum()
    assert (found.flow.unlabelled, found.flow.evaluated) == (nobody, 60 - nobody)
    assert found.n_studies == 60 - nobody
    assert (found.task, found.operating_point) == ("multilabel", None)


def test_the_order_of_rows_and_labels_changes_no_figure() -> None:
    predictions = several_labels(80)
    turned = [";".join(reversed(cell.split(";"))) for cell in predictions.table["truth"]]
    shuffled = predictions.table.assign(truth=turned).sample(frac=1, random_state=1)
    again = evaluate(replace(predictions, table=shuffled), config=EvaluationConfig(replicates=100))
    assert again.estimates == evaluate(predictions, config=EvaluationConfig(replicates=100)).estimates


def test_rare_answers_are_warned_of() -> None:
    truth, probability = label_truths(40, seed=3)
    truth[:, 2] = 0
    truth[:3, 2] = 1
    cells, patients = label_cells(truth), np.arange(40)
    predictions = predictions_of(cells, probability, LABELS, "multilabel", patients=patients)
    found = evaluate(predictions, config=EvaluationConfig(replicates=100))
    assert "Few studies with 'hernia': 3, fewer than 10; read its figures with caution" in found.warnings
    assert any("No operating points came with the predictions" in line for line in found.warnings)


def test_no_label_that_can_be_judged_gives_no_figure() -> None:
    cells, patients = ["pneumonia=1"] * 4, np.arange(4)
    found = evaluate(predictions_of(cells, np.full((4, 1), 0.6), LABELS[:1], "multilabel", patients=patients))
    macro = found.estimates[0]
    assert (macro.value, macro.note) == (None, "fewer than 2 patients with or without pneumonia")
    assert found.estimate("AUROC", of="pneumonia").note == "only one class among the studies"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda t: t.assign(truth="pneumonia"), "UnknownLabel"),
        (lambda t: t.assign(truth="pneumonia=1;cough=0"), "UnknownLabel"),
        (lambda t: t.assign(truth="pneumonia=2"), "UnknownLabel"),
        (lambda t: t.assign(probability_hernia=1.01), "NotProbabilities"),
    ],
)
def test_what_answers_no_label_is_refused(change: object, code: str) -> None:
    predictions = several_labels(20)
    table: pd.DataFrame = change(predictions.table)  # pyright: ignore[reportCallIssue]
    with pytest.raises(PredictionsError) as caught:
        evaluate(replace(predictions, table=table), config=EvaluationConfig(replicates=100))
    assert caught.value.code == code


def test_several_labels_have_no_positive_one() -> None:
    with pytest.raises(PredictionsError) as caught:
        evaluate(replace(several_labels(20), positive="hernia"), config=EvaluationConfig(replicates=100))
    assert caught.value.code == "PositiveOfSeveral"


def test_rows_of_exclusive_classes_must_sum_to_1() -> None:
    predictions: Predictions = several_labels(20)
    exclusive = replace(predictions, task="ordinal", table=predictions.table.assign(truth="hernia"))
    with pytest.raises(PredictionsError, match="sum to 1") as caught:
        evaluate(exclusive, config=EvaluationConfig(replicates=100))
    assert caught.value.code == "NotProbabilities"
