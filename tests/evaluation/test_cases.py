"""Every reason to refuse predictions has its own code."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import pytest

from medtransfer.core.config.evaluation import EvaluationConfig
from medtransfer.core.errors import PredictionsError
from medtransfer.core.files import patient_digest
from medtransfer.core.results import Predictions
from medtransfer.evaluation.cases import measured_cases
from medtransfer.evaluation.evaluate import evaluate

Change = Callable[..., Predictions]


@pytest.mark.parametrize(
    ("cells", "code", "word"),
    [
        ({"probability_normal": (10, 1.2)}, "NotProbabilities", "logits"),
        ({"probability_normal": (10, -3.0)}, "NotProbabilities", "s010"),
        ({"probability_normal": (10, float("inf"))}, "NotProbabilities", "s010"),
        ({"probability_normal": (10, 0.999), "probability_pneumonia": (10, 0.9)}, "NotProbabilities", "0.9"),
        ({"probability_pneumonia": (10, float("nan"))}, "MissingProbability", "s010"),
        ({"study_id": (10, "s011")}, "DuplicateStudy", "s011"),
        ({"truth": (10, "flu")}, "UnknownLabel", "flu"),
        ({"status": (10, "done")}, "UnknownStatus", "done"),
        ({"bundle_sha256": (10, "c" * 64)}, "OtherBundle", "c" * 64),
        ({"decision": (10, "")}, "", ""),
        ({"patient_id": (10, "")}, "PatientUnknown", "--patients-unknown"),
        ({"patient_id": (10, float("nan"))}, "PatientUnknown", "s010"),
    ],
)
def test_one_bad_cell_is_refused_by_name(
    changed: Change, cells: dict[str, tuple[int, str | float]], code: str, word: str
) -> None:
    if not code:
        measured_cases(changed(**cells))
        return
    with pytest.raises(PredictionsError) as error:
        measured_cases(changed(**cells))
    assert error.value.code == code
    assert error.value.hint
    assert word in str(error.value)
    assert error.value.exit_code == 2


def test_text_among_the_probabilities(predictions: Predictions) -> None:
    table = predictions.table.astype({"probability_normal": object})
    table.loc[10, "probability_normal"] = "high"
    with pytest.raises(PredictionsError, match="high") as error:
        measured_cases(replace(predictions, table=table))
    assert error.value.code == "NotProbabilities"


def test_a_missing_column_is_named(predictions: Predictions) -> None:
    with pytest.raises(PredictionsError, match="probability_normal") as error:
        measured_cases(replace(predictions, table=predictions.table.drop(columns="probability_normal")))
    assert error.value.code == "MissingColumn"


def test_a_moved_threshold_is_noticed(predictions: Predictions) -> None:
    assert predictions.operating_point
    moved = predictions.operating_point.model_copy(update={"threshold": 0.3})
    with pytest.raises(PredictionsError) as error:
        measured_cases(replace(predictions, operating_point=moved))
    assert error.value.code == "OtherThreshold"
    for_another = predictions.operating_point.model_copy(update={"positive": "normal"})
    with pytest.raises(PredictionsError) as error:
        measured_cases(replace(predictions, operating_point=for_another))
    assert error.value.code == "OtherOperatingPoint"


def test_an_undeclared_positive_class(predictions: Predictions) -> None:
    with pytest.raises(PredictionsError) as error:
        measured_cases(replace(predictions, positive="flu", operating_point=None))
    assert error.value.code == "UnknownLabel"


def trained_on(names: Iterable[str], *, site: str) -> frozenset[str]:
    """As a bundle holds them: with the site and without one."""
    return frozenset(digest for name in names for digest in (patient_digest(name, site=site), patient_digest(name)))


def test_training_patients_are_a_hard_failure_and_not_named_in_the_clear(predictions: Predictions) -> None:
    patients = predictions.table["patient_id"].unique()[3:12]
    with pytest.raises(PredictionsError) as error:
        evaluate(replace(predictions, training_patients=trained_on(patients, site="north")))
    assert error.value.code == "PatientInTraining"
    seen = sorted(patient_digest(name, site="north") for name in patients)
    named = [digest for digest in seen if digest in error.value.message]
    assert named == seen[:5]
    assert not any(f"'{name}'" in str(error.value) for name in patients)
    assert error.value.message.startswith(f"9 of {predictions.table['patient_id'].iloc[5:].nunique()} patients")
    elsewhere = trained_on(["someone else"], site="north")
    assert measured_cases(replace(predictions, training_patients=elsewhere)).namesakes == 0


@pytest.mark.parametrize("site", ["", None, "no column"])
def test_where_the_site_is_unknown_the_id_alone_is_refused(predictions: Predictions, site: str | None) -> None:
    table = predictions.table.drop(columns="site")
    table = table if site == "no column" else table.assign(site=site)
    seen = trained_on(predictions.table["patient_id"].unique()[5:6], site="south")
    with pytest.raises(PredictionsError) as error:
        measured_cases(replace(predictions, table=table, training_patients=seen))
    assert error.value.code == "PatientInTraining"


@pytest.mark.parametrize("site", ["south", "another"])
def test_equal_numbers_at_another_site_are_pointed_out_and_measured(predictions: Predictions, site: str) -> None:
    patients = predictions.table["patient_id"].unique()[5:12]
    seen = trained_on([*patients, "someone else"], site=site)
    evaluation = evaluate(replace(predictions, training_patients=seen), config=EvaluationConfig(replicates=100))
    assert evaluation.warnings[-2] == (
        "7 patient ids also occur among the training patients of another site: if they are the same people, "
        "these figures are too good"
    )
    shuffled = predictions.table.sample(frac=1, random_state=1)
    again = evaluate(
        replace(predictions, table=shuffled, training_patients=seen), config=EvaluationConfig(replicates=100)
    )
    assert again.warnings == evaluation.warnings
    assert again.estimates == evaluation.estimates
    assert evaluate(predictions, config=EvaluationConfig(replicates=100)).estimates == evaluation.estimates
    one = evaluate(
        replace(predictions, training_patients=trained_on(patients[:1], site=site)),
        config=EvaluationConfig(replicates=100),
    )
    assert any(warning.startswith("1 patient id also occurs") for warning in one.warnings)


def test_one_hospital_of_two_was_trained_on(predictions: Predictions) -> None:
    """The same number at both: only the rows of the hospital that was trained on are refused."""
    patient = predictions.table["patient_id"].iloc[50]
    seen = trained_on([patient], site="north")
    south = predictions.table.assign(site="south")
    assert measured_cases(replace(predictions, table=south, training_patients=seen)).namesakes == 1
    south.loc[50, "site"] = "north"
    with pytest.raises(PredictionsError, match=r"^1 of"):
        measured_cases(replace(predictions, table=south, training_patients=seen))


def test_unknown_patients_are_patients_of_their_own_where_allowed(changed: Change, predictions: Predictions) -> None:
    table = predictions.table.assign(patient_id="")
    cases = measured_cases(replace(predictions, table=table, patients_unknown=True))
    assert np.unique(cases.groups).size == cases.truth.size == 155
    one = replace(changed(patient_id=(10, "")), patients_unknown=True)
    assert np.unique(measured_cases(one).groups).size <= np.unique(measured_cases(predictions).groups).size + 1


def test_nothing_to_measure(predictions: Predictions) -> None:
    for table in (predictions.table.assign(truth=""), predictions.table.iloc[:0]):
        with pytest.raises(PredictionsError) as error:
            evaluate(replace(predictions, table=table))
        assert error.value.code == "NoCases"


def test_cases_are_what_the_table_says(predictions: Predictions) -> None:
    cases = measured_cases(predictions)
    table = predictions.table.iloc[5:]
    assert [("normal", "pneumonia")[k] for k in cases.truth] == table["truth"].tolist()
    assert (cases.probability[:, 1] == table["probability_pneumonia"]).all()
    assert np.unique(cases.groups).size == table["patient_id"].nunique()
