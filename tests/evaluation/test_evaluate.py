from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from evaluations import (
    EVALUATED,
    INFECTIONS,
    PATIENTS,
    asked,
    at_point,
    infections,
    of_infections,
    of_pneumonia,
    pneumonia,
    quickly,
)
from questions import several_labels
from sklearn import metrics as sk

from medtransfer.core.errors import ConfigError
from medtransfer.core.evaluated.calibration import Calibration, Calibrations
from medtransfer.core.evaluated.discrimination import Discrimination, SeveralDiscriminations
from medtransfer.core.evaluated.evaluation import Evaluation
from medtransfer.core.results import Predictions
from medtransfer.evaluation.evaluate import PATIENTS_UNKNOWN, evaluate


def several(evaluation: Evaluation) -> SeveralDiscriminations:
    assert isinstance(evaluation.discrimination, SeveralDiscriminations)
    return evaluation.discrimination


def test_two_classes_have_their_figures_in_order(predictions: Predictions) -> None:
    result = evaluate(predictions, title="north")
    assert [one.name for one in result.estimates] == [
        "AUROC",
        "average precision",
        "prevalence",
        "Brier score",
        "log-loss",
        "calibration-in-the-large",
        "calibration intercept",
        "calibration slope",
    ]
    assert [one.name for one in result.at_operating_point] == [
        "sensitivity",
        "specificity",
        "PPV",
        "NPV",
        "LR+",
        "LR-",
        "F1",
        "balanced accuracy",
        "MCC",
        "alert rate",
        "number needed to evaluate",
    ]
    assert result.estimates[0].method == "Obuchowski (clustered), logit scale, t quantile"
    table = predictions.table.iloc[5:]
    truth, p = table["truth"] == "pneumonia", table["probability_pneumonia"]
    called = table["decision"] == "pneumonia"
    overall = {
        "AUROC": sk.roc_auc_score(truth, p),
        "average precision": sk.average_precision_score(truth, p),
        "Brier score": sk.brier_score_loss(truth, p),
        "log-loss": sk.log_loss(truth, p),
        "prevalence": truth.mean(),
        "calibration-in-the-large": (p - truth).mean(),
    }
    decided = {
        "sensitivity": sk.recall_score(truth, called),
        "PPV": sk.precision_score(truth, called),
        "F1": sk.f1_score(truth, called),
        "balanced accuracy": sk.balanced_accuracy_score(truth, called),
        "MCC": sk.matthews_corrcoef(truth, called),
        "alert rate": called.mean(),
        "number needed to evaluate": 1 / sk.precision_score(truth, called),
    }
    for name, value in overall.items():
        assert result.estimate(name).value == pytest.approx(value, rel=1e-12)
    for name, value in decided.items():
        assert at_point(result, name).value == pytest.approx(value, rel=1e-12)
    assert result.n_patients == table["patient_id"].nunique()
    assert result.warnings == ()
    for one in (*result.estimates, *result.at_operating_point):
        assert one.value is not None
        assert one.low is not None
        assert one.high is not None
        assert one.low < one.value < one.high


def test_every_part_counts_the_same_studies() -> None:
    found = of_pneumonia()
    assert isinstance(found.discrimination, Discrimination)
    assert isinstance(found.calibration, Calibration)
    assert isinstance(found.uncalibrated, Calibration)
    assert found.operating is not None
    ill = found.flow.per_class["pneumonia"]
    kinds = found.discrimination.patients
    assert kinds.only_with + kinds.only_without + kinds.both == found.n_patients == PATIENTS
    assert kinds.both > 0
    for part in (found.calibration, found.uncalibrated):
        assert (part.n_studies, part.n_patients, part.n_events) == (EVALUATED, PATIENTS, ill)
        assert sum(one.n for one in part.bins) == EVALUATED
    assert {of: sum(n) for of, n in found.discrimination.histogram.counts.items()} == found.flow.per_class
    c = found.operating.confusion
    assert (c.true_positive + c.false_negative, c.false_positive + c.true_negative) == (ill, EVALUATED - ill)
    for groups in (*found.subgroups, *(site.by_site for site in found.sites)):
        assert (groups.everyone.n, groups.everyone.events) == (EVALUATED, ill)
    assert found.missing.groups["all"] == found.flow.inputs
    assert found.spectrum.here.n_studies == EVALUATED
    assert found.usefulness.keys() == {"pneumonia"}
    assert found.usefulness["pneumonia"].threshold == found.operating.point.threshold


def test_parts_agree_with_the_overall_figures() -> None:
    found = of_pneumonia()
    assert isinstance(found.discrimination, Discrimination)
    assert isinstance(found.calibration, Calibration)
    for name in ("AUROC", "average precision", "prevalence"):
        assert found.estimate(name) == found.discrimination.estimate(name)
    assert found.estimate("calibration slope") == found.calibration.slope
    assert found.estimate("Brier score").value == pytest.approx(found.calibration.brier.score.value, rel=1e-12)
    whole = found.sites[0].by_site.everyone.figure("AUROC").estimate
    assert whole == found.estimate("AUROC")
    assert found.shortcuts[0].model.value == found.estimate("AUROC").value


def test_recalibration_is_shown_before_and_after() -> None:
    """What was calibrated by a monotone map ranks alike, and its slope is another one."""
    found = of_pneumonia()
    assert isinstance(found.calibration, Calibration)
    assert isinstance(found.uncalibrated, Calibration)
    before, after = found.uncalibrated.slope.value, found.calibration.slope.value
    assert before == pytest.approx(1.1 * (after or 0), rel=1e-6)  # p was raised to 1.1 on the scale of log-odds
    plain = pneumonia()
    table = plain.table.drop(columns=list(plain.table.filter(like="uncalibrated_")))
    assert quickly(replace(plain, table=table)).uncalibrated is None


def test_neither_order_nor_column_type_changes_a_byte() -> None:
    predictions = pneumonia()
    shuffled = predictions.table.sample(frac=1, random_state=3).set_axis([0] * len(predictions.table))
    types = {"study_id": "object", "patient_id": "string", "truth": "category", "status": "object", "error": "string"}
    shuffled = shuffled.astype(types | {"site": "category", "attribute_sex": "category", "attribute_age": "string"})
    again = asked(replace(predictions, table=shuffled), by=("age", "site"), prespecified=("sex",))
    assert (
        again.model_copy(update={"title": of_pneumonia().title}).model_dump_json() == of_pneumonia().model_dump_json()
    )


@pytest.mark.parametrize("made", [infections, several_labels])
def test_the_order_of_several_findings_rows_changes_no_byte(made: Callable[[], Predictions]) -> None:
    predictions = made()
    shuffled = replace(predictions, table=predictions.table.sample(frac=1, random_state=3))
    assert quickly(shuffled).model_dump_json() == quickly(predictions).model_dump_json()


def test_other_names_of_patients_change_no_figure() -> None:
    """Only the digest of the predictions knows how the hospital numbers its patients."""
    predictions = pneumonia()
    renamed = predictions.table["patient_id"].map(lambda name: str(name)[::-1])
    renamed_too = replace(predictions, table=predictions.table.assign(patient_id=renamed))
    found = asked(renamed_too, by=("age", "site"), prespecified=("sex",))
    for (place, one), (_, other) in zip(of_pneumonia().every_estimate(), found.every_estimate(), strict=True):
        # Which patients are drawn, and which fold they are in, follows their order.
        if "bootstrap" not in one.method and not place.startswith("shortcuts"):
            assert one.value == pytest.approx(other.value, abs=1e-12)
            assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=1e-9)


def test_the_seed_moves_the_bootstrap_only(predictions: Predictions) -> None:
    one, other = (asked(predictions, seed=seed) for seed in (1, 2))
    assert one.estimate("AUROC") == other.estimate("AUROC")
    assert one.estimate("Brier score").low != other.estimate("Brier score").low
    assert other.provenance.seed == 2


def test_patients_of_their_own_give_delong(predictions: Predictions) -> None:
    table = predictions.table.assign(patient_id=predictions.table["study_id"])
    result = quickly(replace(predictions, table=table))
    assert result.estimates[0].method == "DeLong, logit scale"
    assert at_point(result, "sensitivity").method == "Wilson"


def test_one_class_is_said_and_not_raised(predictions: Predictions) -> None:
    table = predictions.table[predictions.table["truth"] == "normal"]
    result = quickly(replace(predictions, table=table))
    lacking = [result.estimate(name) for name in ("AUROC", "average precision", "calibration slope")]
    for one in (*lacking, at_point(result, "sensitivity")):
        assert one.value is None
        assert one.note
    assert at_point(result, "specificity").value is not None
    assert result.estimate("Brier score").low is not None
    assert isinstance(result.discrimination, Discrimination)
    assert (result.discrimination.roc, result.discrimination.precision_recall) == (None, None)
    assert any("OneClass" in text for text in result.warnings)


EDGES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "one study": lambda t: t.head(1),
    "one patient": lambda t: t.assign(patient_id="A"),
    "two studies, one of each class": lambda t: t.groupby("truth").head(1),
    "all probabilities equal": lambda t: t.assign(probability_normal=0.5, probability_pneumonia=0.5),
    "0 and 1, always right": lambda t: t.assign(
        probability_normal=(t["truth"] == "normal") * 1.0, probability_pneumonia=(t["truth"] == "pneumonia") * 1.0
    ),
    "0 and 1, always wrong": lambda t: t.assign(
        probability_normal=(t["truth"] != "normal") * 1.0, probability_pneumonia=(t["truth"] != "pneumonia") * 1.0
    ),
    "no attribute is known": lambda t: t.assign(
        site="", date="", attribute_sex="", attribute_age="", attribute_manufacturer=""
    ),
}


@pytest.mark.parametrize("edge", EDGES)
def test_at_the_edges_every_figure_is_a_number_or_has_its_reason(edge: str) -> None:
    predictions = pneumonia()
    table = predictions.table[predictions.table["truth"] != ""]
    table = EDGES[edge](table[table["status"] == "read"]).drop(columns="decision")
    found = asked(replace(predictions, table=table), by=("sex", "age"), gallery=True)
    assert found.flow.evaluated == len(table)
    for place, one in found.every_estimate():
        if one.value is None:
            assert one.note, place
            assert (one.low, one.high) == (None, None)
        else:
            assert not np.isnan([one.value, *(end for end in (one.low, one.high) if end is not None)]).any(), place
    assert Evaluation.model_validate_json(found.model_dump_json()) == found


def test_the_wrong_way_round_is_shown_as_such(predictions: Predictions) -> None:
    p = predictions.table[["probability_normal", "probability_pneumonia"]].to_numpy()
    turned = predictions.table.assign(probability_normal=p[:, 1], probability_pneumonia=p[:, 0], decision="")
    here = quickly(predictions).estimate("AUROC").value
    assert here is not None
    assert quickly(replace(predictions, table=turned)).estimate("AUROC").value == pytest.approx(1 - here)
    assert here > 0.6


def test_few_events_and_a_missing_operating_point_draw_warnings(predictions: Predictions) -> None:
    ill = predictions.table[predictions.table["truth"] == "pneumonia"].tail(1)
    well = predictions.table[predictions.table["truth"] == "normal"]
    result = quickly(replace(predictions, table=pd.concat([ill, well]), operating_point=None))
    assert (result.operating, result.operating_point, result.at_operating_point) == (None, None, ())
    said = " ".join(result.warnings)
    assert "No operating point" in said
    assert "'pneumonia': 1, fewer than 10" in said
    assert "100 bootstrap replicates" in said
    assert result.estimate("AUROC").low is None
    assert result.estimate("average precision").value is not None
    assert result.estimate("average precision").low is None
    assert result.usefulness["pneumonia"].estimates == ()


def test_unknown_patients_stamp_every_figure_that_has_an_interval() -> None:
    predictions = pneumonia()
    table = predictions.table.assign(patient_id="")
    unknown = replace(predictions, table=table, patients_unknown=True)
    for found in (asked(unknown, by=("sex",)), quickly(replace(several_labels(), patients_unknown=True))):
        stamped = [PATIENTS_UNKNOWN in one.note for _, one in found.every_estimate() if one.low is not None]
        assert all(stamped)
        assert len(stamped) > 50
        assert any("leakage cannot be excluded" in warning for warning in found.warnings)
    assert found.n_studies == 159
    assert asked(unknown).n_patients == EVALUATED
    assert not any(PATIENTS_UNKNOWN in one.note for _, one in of_pneumonia().every_estimate())


def test_classes_stand_on_an_equal_footing() -> None:
    predictions, result = infections(), of_infections()
    p = predictions.table[[f"probability_{name}" for name in INFECTIONS]].to_numpy()
    truth = predictions.table["truth"].map({n: k for k, n in enumerate(INFECTIONS)}).to_numpy()
    assert result.estimates[0].name == "macro AUROC"
    macro = sk.roc_auc_score(truth, p, multi_class="ovr", average="macro")
    assert result.estimates[0].value == pytest.approx(macro, rel=1e-12)
    micro = sk.roc_auc_score(np.eye(3)[truth], p, average="micro")
    assert result.estimate("micro AUROC").value == pytest.approx(micro, rel=1e-12)
    for k, name in enumerate(INFECTIONS):
        one = result.estimate("AUROC", of=name)
        assert one.value == pytest.approx(sk.roc_auc_score(truth == k, p[:, k]), rel=1e-12)
    assert result.estimate("log-loss").value == pytest.approx(sk.log_loss(truth, p), rel=1e-12)
    squared = ((p - np.eye(3)[truth]) ** 2).sum(axis=1).mean()
    assert result.estimate("Brier score").value == pytest.approx(squared, rel=1e-12)
    assert result.operating is None
    assert tuple(one.of for one in result.findings) == tuple(result.usefulness) == INFECTIONS
    assert isinstance(result.calibration, Calibrations)
    assert tuple(one.of for one in result.calibration.findings) == INFECTIONS
    for one in result.estimates:
        assert one.low is not None
        assert one.high is not None
        assert one.low < (one.value or 0) < one.high


def test_a_positive_one_of_three_has_its_operating_point() -> None:
    predictions, plain = infections(), pneumonia().operating_point
    assert plain is not None
    point = plain.model_copy(update={"positive": "viral"})
    result = quickly(replace(predictions, positive="viral", operating_point=point))
    assert result.estimates[0].name == "macro AUROC"
    assert [one.of for one in several(result).each] == list(INFECTIONS)
    roc = several(result).each[2].roc
    assert roc is not None
    assert np.trapezoid(roc.y, roc.x) == pytest.approx(result.estimate("AUROC", of="viral").value)
    called = predictions.table["probability_viral"] >= point.threshold
    ill = predictions.table["truth"] == "viral"
    assert at_point(result, "sensitivity").value == pytest.approx(called[ill].mean())
    assert {of: one.threshold for of, one in result.usefulness.items()} == {"viral": point.threshold}


def test_an_absent_class_leaves_the_others() -> None:
    predictions = infections()
    table = predictions.table[predictions.table["truth"] != "viral"]
    result = quickly(replace(predictions, table=table))
    assert result.estimate("macro AUROC").value is None
    assert "viral" in result.estimate("macro AUROC").note
    assert result.estimate("AUROC", of="viral").value is None
    assert result.estimate("AUROC", of="normal").value is not None


def test_too_few_replicates(predictions: Predictions) -> None:
    with pytest.raises(ConfigError) as error:
        asked(predictions, replicates=5)
    assert error.value.code == "TooFewReplicates"


def test_the_document_does_not_grow_with_the_cohort() -> None:
    predictions = pneumonia()
    copies = [
        predictions.table.assign(**{n: predictions.table[n] + f"-{i}" for n in ("study_id", "patient_id")})
        for i in range(9)
    ]
    grown = asked(replace(predictions, table=pd.concat(copies, ignore_index=True)), by=("age", "site", "sex"))
    assert grown.n_patients == 9 * PATIENTS
    assert len(grown.model_dump_json()) < 2 * len(of_pneumonia().model_dump_json())


def test_a_figure_at_the_operating_point_is_that_of_these_studies() -> None:
    found = of_pneumonia()
    for one in found.at_operating_point:
        assert found.estimate(one.name) == one
