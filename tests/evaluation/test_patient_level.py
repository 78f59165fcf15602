from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from questions import GRADES, LABELS, predictions_of
from sklearn.metrics import roc_auc_score

from medtransfer.core.config.evaluation import EvaluationConfig
from medtransfer.core.errors import ConfigError, PredictionsError
from medtransfer.core.files import patient_digest
from medtransfer.core.results import Predictions
from medtransfer.data.cohort import patients
from medtransfer.evaluation.cases import measured_cases
from medtransfer.evaluation.evaluate import evaluate
from medtransfer.evaluation.patient_level import SEVERAL, patient_level


def of_patients(
    truth: list[str], probability: list[list[float]], patients: list[int], *, positive: str | None = "ill", **more: str
) -> Predictions:
    found = predictions_of(truth, np.array(probability), ("well", "ill"), "multiclass", patients=np.array(patients))
    return replace(found, positive=positive, table=found.table.assign(site="north", date="", **more))


def test_studies_are_pooled_by_the_mean_and_one_ill_study_makes_an_ill_patient() -> None:
    found = of_patients(["well", "ill", "well"], [[0.9, 0.1], [0.4, 0.6], [0.8, 0.2]], [7, 7, 8])
    pooled = patient_level(found)
    table = pooled.predictions.table
    assert pooled.left_out == 0
    assert table["truth"].tolist() == ["ill", "well"]
    assert table["probability_ill"].tolist() == pytest.approx([0.35, 0.2])
    assert table["probability_well"].tolist() == pytest.approx([0.65, 0.8])
    assert table["patient_id"].tolist() == ["p7", "p8"]


def test_the_largest_probability_keeps_a_distribution() -> None:
    found = of_patients(["well", "ill"], [[0.9, 0.1], [0.4, 0.6]], [7, 7])
    table = patient_level(found, pooling="max").predictions.table
    assert table[["probability_well", "probability_ill"]].to_numpy().tolist() == [[0.4, 0.6]]


def test_equal_ids_at_two_sites_are_one_person_everywhere() -> None:
    """In splits, in the intervals of studies, and pooled: and a warning names what it rests on."""
    found = of_patients(["well", "ill"] * 12, [[0.9, 0.1], [0.4, 0.6]] * 12, [7, 7, *range(22)])
    apart = replace(found, table=found.table.assign(site=["north", "south"] * 12))
    people = patients(apart.table)
    groups = measured_cases(apart).groups
    assert [people[groups == k].nunique() for k in np.unique(groups)] == [1] * people.nunique()
    pooled = patient_level(apart).predictions.table.set_index("patient_id")
    assert sorted(pooled.index) == sorted(people.unique())
    assert (pooled.loc["p7", "site"], pooled.loc["p7", "truth"]) == (SEVERAL, "ill")
    assert pooled.loc["p0", "site"] == "north"
    said = "1 patient id occurs at several sites, each taken for one person; where they are not, put the site into the"
    for level in ("study", "patient"):
        warnings = evaluate(apart, config=EvaluationConfig(replicates=100, level=level)).warnings
        assert f"{said} id" in warnings
        for known in (found, replace(found, table=found.table.drop(columns="site"))):
            other = evaluate(known, config=EvaluationConfig(replicates=100, level=level)).warnings
            assert not [one for one in other if "several sites" in one]


def test_whoever_was_trained_on_is_refused_before_their_sites_are_pooled() -> None:
    found = of_patients(["well", "ill", "ill"], [[0.9, 0.1], [0.4, 0.6], [0.1, 0.9]], [7, 7, 8])
    apart = replace(found, table=found.table.assign(site=["north", "south", "south"]))
    seen = frozenset({patient_digest("p7", site="south"), patient_digest("p7")})
    with pytest.raises(PredictionsError) as caught:
        patient_level(replace(apart, training_patients=seen))
    assert caught.value.code == "PatientInTraining"


def test_what_studies_disagree_in_is_several_and_the_earliest_date_stays() -> None:
    found = of_patients(["well", "well"], [[0.9, 0.1], [0.4, 0.6]], [7, 7])
    table = found.table.assign(attribute_sex=["F", ""], attribute_view=["AP", "PA"], date=["2021-05-02", "2020-01-09"])
    row = patient_level(replace(found, table=table)).predictions.table.iloc[0]
    assert (row["attribute_sex"], row["attribute_view"], row["date"]) == ("F", "several", "2020-01-09")


def test_the_highest_grade_counts_and_labels_are_known_where_they_are_sure() -> None:
    grades = predictions_of(["mild", "severe"], np.full((2, 4), 0.25), GRADES, "ordinal", patients=np.zeros(2, int))
    assert patient_level(grades).predictions.table["truth"].tolist() == ["severe"]
    cells = ["pneumonia=1;effusion=0", "pneumonia=0;effusion=0;hernia=0"]
    labels = predictions_of(cells, np.full((2, 3), 0.25), LABELS, "multilabel", patients=np.zeros(2, int))
    assert patient_level(labels).predictions.table["truth"].tolist() == ["pneumonia=1;effusion=0"]


def test_a_patient_of_two_unordered_classes_is_left_out_and_counted() -> None:
    found = predictions_of(
        ["a", "b", "c"], np.full((3, 3), 1 / 3), ("a", "b", "c"), "multiclass", patients=np.array([0, 0, 1])
    )
    pooled = patient_level(found)
    assert pooled.left_out == 1
    assert pooled.predictions.table["truth"].tolist() == ["c"]


def test_what_cannot_be_pooled_is_refused() -> None:
    several = predictions_of(["a", "b"], np.full((2, 3), 1 / 3), ("a", "b", "c"), "multiclass", patients=np.arange(2))
    with pytest.raises(ConfigError) as caught:
        patient_level(several, pooling="max")
    assert caught.value.code == "PoolingDoesNotFit"
    mixed = predictions_of(["a", "b"], np.full((2, 3), 1 / 3), ("a", "b", "c"), "multiclass", patients=np.zeros(2, int))
    with pytest.raises(PredictionsError) as error:
        patient_level(mixed)
    assert error.value.code == "NoCases"


def test_patients_without_an_id_stay_on_their_own(predictions: Predictions) -> None:
    table = predictions.table.assign(patient_id="")
    with pytest.raises(PredictionsError) as caught:
        patient_level(replace(predictions, table=table))
    assert caught.value.code == "PatientUnknown"
    pooled = patient_level(replace(predictions, table=table, patients_unknown=True)).predictions
    assert len(pooled.table) == evaluate(predictions).n_studies
    assert pooled.table["study_id"].is_unique


def test_patients_can_be_evaluated_as_studies_can(predictions: Predictions) -> None:
    pooled = patient_level(predictions).predictions
    found = evaluate(pooled)
    read = predictions.table[(predictions.table["status"] == "read") & (predictions.table["truth"] != "")]
    people = read.groupby("patient_id").agg(
        p=("probability_pneumonia", "mean"), ill=("truth", lambda cells: "pneumonia" in set(cells))
    )
    assert found.n_studies == found.n_patients == len(people)
    assert found.estimate("AUROC").value == pytest.approx(roc_auc_score(people["ill"], people["p"]))
    assert isinstance(pooled.table, pd.DataFrame)
