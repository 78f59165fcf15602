from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from statistics import multimode

import numpy as np
import pandas as pd
import pytest
from evaluations import (
    EVALUATED,
    INFECTIONS,
    PATIENTS,
    QUICK,
    UNLABELLED,
    infections,
    of_infections,
    of_labels,
    of_pneumonia,
    of_readers,
    pneumonia,
    readings,
)
from questions import several_labels
from sklearn import metrics as sk

from medtransfer.core.config.evaluation import EvaluationConfig
from medtransfer.core.errors import ConfigError, PredictionsError
from medtransfer.core.evaluated.calibration import Calibration, Calibrations
from medtransfer.core.evaluated.discrimination import Discrimination, SeveralDiscriminations
from medtransfer.core.evaluated.evaluation import Evaluation
from medtransfer.core.results import Estimate, Predictions
from medtransfer.evaluation.evaluate import PATIENTS_UNKNOWN, Beside, evaluate

quickly = partial(evaluate, config=QUICK)


def asked(predictions: Predictions, **settings: object) -> Evaluation:
    """Evaluated with few replicates and such settings."""
    return evaluate(predictions, config=EvaluationConfig.model_validate(QUICK.model_dump() | settings))


def at_point(evaluation: Evaluation, name: str) -> Estimate:
    """A figure at the operating point, on the studies that were evaluated."""
    assert evaluation.operating is not None
    return evaluation.operating.estimate(name)


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


def test_subgroups_are_those_asked_for_the_planned_ones_first() -> None:
    found = of_pneumonia()
    assert [(one.attribute, one.prespecified) for one in found.subgroups] == [
        ("sex", True),
        ("age", False),
        ("site", False),
    ]
    predictions = pneumonia()
    table = predictions.table[(predictions.table["status"] == "read") & (predictions.table["truth"] != "")]
    for groups in found.subgroups[::2]:
        column = table["site" if groups.attribute == "site" else f"attribute_{groups.attribute}"]
        for group in groups.groups:
            rows = table[column == group.name]
            truth, p = rows["truth"] == "pneumonia", rows["probability_pneumonia"]
            assert (group.n, group.events, group.patients) == (len(rows), truth.sum(), rows["patient_id"].nunique())
            assert group.figure("AUROC").estimate.value == pytest.approx(sk.roc_auc_score(truth, p), rel=1e-12)
            called = p >= found.operating_point.threshold if found.operating_point else p
            assert group.figure("sensitivity").estimate.value == pytest.approx(called[truth].mean())
    assert asked(predictions).subgroups == ()


def test_subgroups_of_a_label_hold_the_studies_of_which_it_is_known() -> None:
    predictions = several_labels()
    sex = np.where(np.arange(160) // 2 % 3 == 0, "F", "M")
    found = asked(replace(predictions, table=predictions.table.assign(attribute_sex=sex)), by=("sex",))
    assert [one.of for one in found.subgroups] == list(found.classes)
    for groups in found.subgroups:
        counts = found.flow.per_label[str(groups.of)]
        assert (groups.everyone.n, groups.everyone.events) == (counts.present + counts.absent, counts.present)
        here = predictions.table["truth"].str.contains(f"{groups.of}=1")
        for group in groups.groups:
            assert group.events == (here & (sex == group.name)).sum()


def test_sites_are_looked_at_unasked_where_there_are_several() -> None:
    found = of_pneumonia()
    (sites,) = found.sites
    assert [one.name for one in sites.by_site.groups] == ["north", "south"]
    assert not sites.by_site.prespecified
    assert asked(pneumonia(), prespecified=("site",)).sites[0].by_site.prespecified
    assert of_infections().sites == ()


def test_an_attribute_that_there_is_not(predictions: Predictions) -> None:
    with pytest.raises(PredictionsError) as error:
        asked(predictions, by=("sexx",))
    assert error.value.code == "UnknownAttribute"


def test_a_stated_prevalence_moves_what_depends_on_it_and_nothing_else() -> None:
    here, there = of_pneumonia(), asked(pneumonia(), prevalence=0.02)
    assert there.prevalence == pytest.approx({"normal": 0.98, "pneumonia": 0.02})
    assert (here.prevalence, there.estimates) == (None, here.estimates)
    assert here.operating is not None
    assert there.operating is not None
    se, sp = (at_point(there, name) for name in ("sensitivity", "specificity"))
    assert (se, sp) == (at_point(here, "sensitivity"), at_point(here, "specificity"))
    assert there.operating.confusion == here.operating.confusion
    assert there.operating.in_sample[0] == at_point(here, "PPV")
    expected = (se.value or 0) * 0.02 / ((se.value or 0) * 0.02 + (1 - (sp.value or 0)) * 0.98)
    assert at_point(there, "PPV").value == pytest.approx(expected)
    odds = 0.42 / 0.58 * (0.02 / 0.98) / (0.4 / 0.6)
    assert there.operating.shown_threshold == pytest.approx(odds / (1 + odds))
    assert there.usefulness["pneumonia"].threshold == there.operating.shown_threshold
    assert there.usefulness["pneumonia"].prevalence == 0.02
    assert there.usefulness["pneumonia"].estimates[1].value == pytest.approx(0.02 - 0.98 * odds)


def test_the_prevalence_of_classes_and_labels_is_stated_by_name() -> None:
    shares = {"normal": 0.9, "bacterial": 0.07, "viral": 0.03}
    found = asked(infections(), prevalence=shares)
    assert found.prevalence == shares
    assert {of: one.stated_prevalence for of, one in found.usefulness.items()} == shares
    assert found.estimates == of_infections().estimates
    labels = replace(several_labels(), priors={"pneumonia": 0.4, "effusion": 0.3, "hernia": 0.1})
    found = asked(labels, prevalence={"hernia": 0.01})
    assert found.prevalence == {"pneumonia": 0.4, "effusion": 0.3, "hernia": 0.01}
    assert found.usefulness["hernia"].prevalence == 0.01
    assert found.usefulness["hernia"].net_benefit != of_labels().usefulness["hernia"].net_benefit


@pytest.mark.parametrize(
    ("made", "prevalence", "code"),
    [
        (pneumonia, 0.0, "PrevalenceOutOfRange"),
        (infections, 0.1, "NoPositiveClass"),
        (infections, {"normal": 0.5, "viral": 0.5}, "UnknownClass"),
        (infections, dict.fromkeys(INFECTIONS, 0.5), "PrevalencesDoNotSum"),
        (several_labels, {"hernia": 0.1}, "NoPriors"),
    ],
)
def test_a_prevalence_that_does_not_fit(
    made: Callable[[], Predictions], prevalence: float | dict[str, float], code: str
) -> None:
    with pytest.raises((ConfigError, PredictionsError)) as error:
        asked(made(), prevalence=prevalence)
    assert error.value.code == code


def test_at_patient_level_every_patient_counts_once() -> None:
    predictions, found = pneumonia(), asked(pneumonia(), level="patient", by=("sex",))
    table = predictions.table[(predictions.table["status"] == "read") & (predictions.table["truth"] != "")]
    people = table.assign(ill=table["truth"] == "pneumonia").groupby("patient_id")
    ill, p = people["ill"].any(), people["probability_pneumonia"].mean()
    assert (found.level, found.n_patients, found.n_studies) == ("patient", PATIENTS, EVALUATED)
    assert {one.n for one in found.estimates} == {PATIENTS}
    assert found.estimate("AUROC").value == pytest.approx(sk.roc_auc_score(ill, p))
    assert found.estimate("AUROC").method == "DeLong, logit scale"
    assert at_point(found, "sensitivity").value == pytest.approx((p >= 0.42)[ill].mean())
    assert sum(one.n for one in found.subgroups[0].groups) == PATIENTS
    assert found.flow == of_pneumonia().flow
    largest = people["probability_pneumonia"].max()
    assert asked(predictions, level="patient", pooling="max").estimate("AUROC").value == pytest.approx(
        sk.roc_auc_score(ill, largest)
    )


def test_patients_without_one_truth_are_left_out_and_counted() -> None:
    mixed = asked(infections(), level="patient")
    truth = infections().table.groupby("patient_id")["truth"].nunique()
    assert mixed.n_patients == (truth == 1).sum()
    assert f"{(truth > 1).sum()} patients are left out" in " ".join(mixed.warnings)


def test_a_reference_is_what_drift_is_measured_against() -> None:
    predictions = pneumonia()
    assert of_pneumonia().drift.against == "training cohort"
    same = quickly(predictions, beside=Beside(reference=predictions))
    assert same.drift.against == "reference"
    assert not any(one.outside for one in same.drift.attributes)
    older = predictions.table["attribute_age"].map(lambda age: str(int(str(age)) + 40) if age else "")
    moved = replace(predictions, table=predictions.table.assign(attribute_age=older))
    drifted = quickly(moved, beside=Beside(reference=predictions)).drift.attributes
    assert [one.name for one in drifted if one.outside] == ["age"]


def test_the_consensus_of_readers_takes_the_place_of_the_truth() -> None:
    found = of_readers()
    assert found.readers is not None
    account = found.readers.account
    assert (account.predictions, account.without_truth) == (found.flow.inputs, 0)
    assert found.flow.unlabelled + found.flow.evaluated == EVALUATED + UNLABELLED
    assert account.settled >= found.flow.evaluated
    table, said = pneumonia().table, readings()
    read = set(table.loc[table["status"] == "read", "study_id"])
    answers = said[(said["truth"] != "") & said["study_id"].isin(read)].groupby("study_id")["truth"]
    settled = Counter(most[0] for most in map(multimode, answers.apply(list)) if len(most) == 1)
    assert found.flow.per_class == {name: settled[name] for name in ("normal", "pneumonia")}
    assert [one.reader for one in found.readers.against_others] == ["anna", "bo", "cy"]
    assert found.provenance.predictions_sha256 == of_pneumonia().provenance.predictions_sha256


def test_the_gallery_names_studies_where_it_is_asked_for() -> None:
    predictions, found = pneumonia(), asked(pneumonia(), gallery=True)
    (gallery,) = found.errors
    known = set(predictions.table["study_id"])
    assert {one.study_id for one in (*gallery.false_negatives, *gallery.false_positives)} < known
    assert (gallery.n_false_negatives, gallery.n_false_positives) == (
        found.operating.confusion.false_negative if found.operating else 0,
        found.operating.confusion.false_positive if found.operating else 0,
    )
    assert "PATIENT-" not in found.model_dump_json()


def test_nobody_is_named_unasked() -> None:
    """Neither studies nor patients: what is published of a cohort is about all of it."""
    for found in (of_pneumonia(), asked(pneumonia(), level="patient", by=("sex", "manufacturer"))):
        text = found.model_dump_json()
        assert "STUDY-" not in text
        assert "PATIENT-" not in text


def test_a_ledger_beside_the_predictions_is_held_against_them() -> None:
    """Of each study two images; where it was not read, neither was."""
    table = pneumonia().table
    images = pd.DataFrame(
        {
            "study_id": table["study_id"],
            "status": table["status"],
            "code": table["error"].str.split(":").str[0],
        }
    )
    ledger = pd.concat([images, images], ignore_index=True)
    found = quickly(pneumonia(), beside=Beside(ledger=ledger)).reconciliation
    assert found is not None
    assert found.agrees
    assert found.images == {"inputs": 354, "read": 330, "excluded": 18, "failed": 6}
    assert found.studies["inputs"] == of_pneumonia().flow.inputs
    other = quickly(pneumonia(), beside=Beside(ledger=images[images["code"] != "UnknownCodec"])).reconciliation
    assert other is not None
    assert other.differences == (
        "inputs: 177 in the predictions, 176 in the ledger",
        "failed as UnknownCodec: 1 in the predictions, 0 in the ledger",
    )
    assert of_pneumonia().reconciliation is None


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
