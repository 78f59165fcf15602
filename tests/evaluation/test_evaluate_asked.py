"""What an evaluation looks at only where it is asked to, or where something lies beside the predictions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from statistics import multimode

import numpy as np
import pandas as pd
import pytest
from evaluations import (
    EVALUATED,
    INFECTIONS,
    PATIENTS,
    UNLABELLED,
    asked,
    at_point,
    infections,
    of_infections,
    of_labels,
    of_pneumonia,
    of_readers,
    pneumonia,
    quickly,
    readings,
)
from questions import several_labels
from sklearn import metrics as sk

from medtransfer.core.errors import ConfigError, PredictionsError
from medtransfer.core.results import Predictions
from medtransfer.evaluation.evaluate import Beside


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
