from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from medtransfer.core.errors import ConfigError
from medtransfer.core.results import Evaluation, Predictions
from medtransfer.evaluation.evaluate import PATIENTS_UNKNOWN, evaluate


@pytest.fixture(scope="module")
def three_classes() -> Predictions:
    generator = np.random.default_rng(5)
    truth = generator.integers(0, 3, size=120)
    logits = generator.normal(size=(120, 3)) + 1.5 * np.eye(3)[truth]
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    classes = ("normal", "bacterial", "viral")
    table = pd.DataFrame({f"probability_{name}": p[:, k] for k, name in enumerate(classes)}).assign(
        study_id=[str(i) for i in range(120)],
        patient_id=[str(i // 2) for i in range(120)],
        truth=[classes[k] for k in truth],
        status="read",
        error="",
    )
    return Predictions(table=table, classes=classes, positive=None, operating_point=None, bundle_sha256="")


def test_two_classes_have_their_figures_in_order(predictions: Predictions) -> None:
    result = evaluate(predictions, title="north")
    assert [one.name for one in result.estimates] == [
        "AUROC",
        "average precision",
        "prevalence",
        "Brier score",
        "log-loss",
        "calibration-in-the-large",
    ]
    rates = ["sensitivity", "specificity", "PPV", "NPV", "alert rate"]
    assert [one.name for one in result.at_operating_point] == rates
    assert result.estimates[0].method == "Obuchowski (clustered), logit scale"
    table = predictions.table.iloc[5:]
    truth, p = table["truth"] == "pneumonia", table["probability_pneumonia"]
    assert result.estimate("AUROC").value == pytest.approx(sk.roc_auc_score(truth, p), rel=1e-12)
    assert result.estimate("average precision").value == pytest.approx(sk.average_precision_score(truth, p))
    assert result.estimate("Brier score").value == pytest.approx(sk.brier_score_loss(truth, p), rel=1e-12)
    assert result.estimate("log-loss").value == pytest.approx(sk.log_loss(truth, p), rel=1e-12)
    assert result.estimate("prevalence").value == pytest.approx(truth.mean())
    called = table["decision"] == "pneumonia"
    assert result.estimate("sensitivity").value == pytest.approx(sk.recall_score(truth, called))
    assert result.estimate("PPV").value == pytest.approx(sk.precision_score(truth, called))
    assert result.estimate("alert rate").value == pytest.approx(called.mean())
    assert result.n_patients == table["patient_id"].nunique()
    assert result.scores["pneumonia"] == tuple(sorted(p[truth]))
    assert result.warnings == ()
    for one in (*result.estimates, *result.at_operating_point):
        assert one.value is not None
        assert one.low is not None
        assert one.high is not None
        assert one.low < one.value < one.high


@pytest.mark.parametrize("dtype", ["object", "string", "category"])
def test_neither_order_nor_column_type_changes_a_byte(predictions: Predictions, dtype: str) -> None:
    shuffled = predictions.table.sample(frac=1, random_state=3).set_axis([0] * 160)
    shuffled = shuffled.astype(dict.fromkeys(["study_id", "patient_id", "truth", "status", "error"], dtype))
    reference = evaluate(predictions, seed=4).model_dump_json()
    assert evaluate(replace(predictions, table=shuffled), seed=4).model_dump_json() == reference


def test_an_evaluation_survives_json(predictions: Predictions) -> None:
    result = evaluate(predictions, replicates=100)
    assert Evaluation.model_validate_json(result.model_dump_json()) == result


def test_the_seed_moves_the_bootstrap_only(predictions: Predictions) -> None:
    one, other = evaluate(predictions, seed=1), evaluate(predictions, seed=2)
    assert one.estimate("AUROC") == other.estimate("AUROC")
    assert one.estimate("Brier score").low != other.estimate("Brier score").low
    assert other.provenance.seed == 2


def test_patients_of_their_own_give_delong(predictions: Predictions) -> None:
    table = predictions.table.assign(patient_id=predictions.table["study_id"])
    result = evaluate(replace(predictions, table=table))
    assert result.estimates[0].method == "DeLong, logit scale"
    assert result.estimate("sensitivity").method == "Wilson"


def test_one_class_is_said_and_not_raised(predictions: Predictions) -> None:
    table = predictions.table[predictions.table["truth"] == "normal"]
    result = evaluate(replace(predictions, table=table))
    assert result.estimate("AUROC").value is None
    assert result.estimate("AUROC").note
    assert result.estimate("average precision").value is None
    assert result.estimate("sensitivity").value is None
    assert result.estimate("specificity").value is not None
    assert result.estimate("Brier score").low is not None
    assert (result.roc, result.precision_recall) == (None, None)
    assert any("OneClass" in text for text in result.warnings)


def test_few_events_and_a_missing_operating_point_draw_warnings(predictions: Predictions) -> None:
    ill = predictions.table[predictions.table["truth"] == "pneumonia"].tail(1)
    well = predictions.table[predictions.table["truth"] == "normal"]
    result = evaluate(replace(predictions, table=pd.concat([ill, well]), operating_point=None), replicates=200)
    assert result.at_operating_point == ()
    assert result.confusion is None
    said = " ".join(result.warnings)
    assert "No operating point" in said
    assert "'pneumonia': 1, fewer than 10" in said
    assert "200 bootstrap replicates" in said
    assert result.estimate("AUROC").low is None
    assert result.estimate("average precision").value is not None
    assert result.estimate("average precision").low is None


def test_unknown_patients_stamp_every_estimate(predictions: Predictions) -> None:
    table = predictions.table.assign(patient_id="")
    result = evaluate(replace(predictions, table=table, patients_unknown=True))
    bins = [one.observed for one in result.calibration]
    for one in (*result.estimates, *result.at_operating_point, *bins):
        assert PATIENTS_UNKNOWN in one.note
    assert result.n_patients == result.n_studies


def test_three_classes_stand_on_an_equal_footing(three_classes: Predictions) -> None:
    result = evaluate(three_classes)
    columns = [f"probability_{name}" for name in three_classes.classes]
    p = three_classes.table[columns].to_numpy()
    truth = three_classes.table["truth"].map({n: k for k, n in enumerate(three_classes.classes)}).to_numpy()
    assert result.estimates[0].name == "macro AUROC"
    macro = sk.roc_auc_score(truth, p, multi_class="ovr", average="macro")
    assert result.estimates[0].value == pytest.approx(macro, rel=1e-12)
    for k, name in enumerate(three_classes.classes):
        one = result.estimate("AUROC", of=name)
        assert one.value == pytest.approx(sk.roc_auc_score(truth == k, p[:, k]), rel=1e-12)
    assert result.estimate("log-loss").value == pytest.approx(sk.log_loss(truth, p), rel=1e-12)
    squared = ((p - np.eye(3)[truth]) ** 2).sum(axis=1).mean()
    assert result.estimate("Brier score").value == pytest.approx(squared, rel=1e-12)
    assert result.roc is None
    assert result.scores == {}
    for one in result.estimates:
        assert one.low is not None
        assert one.high is not None
        assert one.low < (one.value or 0) < one.high


def test_three_classes_with_a_positive_one_also_have_its_curves(three_classes: Predictions) -> None:
    result = evaluate(replace(three_classes, positive="viral"))
    assert result.estimates[0].name == "macro AUROC"
    assert result.roc is not None
    area = np.trapezoid(result.roc.y, result.roc.x)
    assert area == pytest.approx(result.estimate("AUROC", of="viral").value)
    assert set(result.scores) == set(three_classes.classes)


def test_an_absent_class_leaves_the_others(three_classes: Predictions) -> None:
    table = three_classes.table[three_classes.table["truth"] != "viral"]
    result = evaluate(replace(three_classes, table=table))
    assert result.estimate("macro AUROC").value is None
    assert "viral" in result.estimate("macro AUROC").note
    assert result.estimate("AUROC", of="viral").value is None
    assert result.estimate("AUROC", of="normal").value is not None


def test_too_few_replicates(predictions: Predictions) -> None:
    with pytest.raises(ConfigError) as error:
        evaluate(predictions, replicates=5)
    assert error.value.code == "TooFewReplicates"
