"""Which studies are compared, and every reason to refuse predictions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rivals import of_another_bundle, rival, unread, without_truth

from medtransfer.core.errors import ConfigError, PredictionsError
from medtransfer.core.evaluated.comparison import ComparisonFlow, LeftOut
from medtransfer.core.files import patient_digest
from medtransfer.core.results import Predictions
from medtransfer.evaluation.comparison.pairing import Paired, paired_cases
from medtransfer.evaluation.comparison.question import one_question

NAMES = ("first", "second")


def pair(*predictions: Predictions) -> Paired:
    names = NAMES[: len(predictions)] if len(predictions) <= 2 else tuple("abcdef"[: len(predictions)])
    return paired_cases(one_question(predictions, names), names)


def test_each_study_stands_in_one_box() -> None:
    first = without_truth(unread(rival("a"), [3, 4]), [5, 6])
    second = unread(unread(rival("b"), [4, 5]), [7], status="excluded")
    second = replace(second, table=second.table.drop(index=[6, 8]))
    paired = pair(first, second)
    assert paired.flow.studies == 160
    assert paired.flow.compared == 154 == len(paired.cases[0].truth)
    assert paired.flow.left_out == (
        LeftOut(obstacle="absent", models=("second",), n=2),  # 6, whose truth is missing in the first, and 8
        LeftOut(obstacle="excluded", models=("second",), n=1),
        LeftOut(obstacle="failed", models=("first",), n=1),
        LeftOut(obstacle="failed", models=("first", "second"), n=1),
        LeftOut(obstacle="failed", models=("second",), n=1),  # 5, without a truth in the first
    )
    assert dict(zip(paired.left_out["study_id"], paired.left_out["models"], strict=True)) == {
        "s003": "first",
        "s004": "first;second",
        "s005": "second",
        "s006": "second",
        "s007": "second",
        "s008": "second",
    }
    assert paired.measurable == (156, 155)
    assert sum(paired.flow.per_class.values()) == 154


@given(st.data())
@settings(deadline=None, max_examples=15)
def test_counts_reconcile_whatever_is_missing_and_in_whatever_order(data: st.DataObject) -> None:
    rows = st.lists(st.integers(0, 39), max_size=12, unique=True)
    first = without_truth(unread(rival("a", studies=40), data.draw(rows)), data.draw(rows))
    second = unread(rival("b", studies=40), data.draw(rows), status="excluded")
    second = replace(second, table=second.table.drop(index=data.draw(rows)))
    paired = pair(first, second)
    assert paired.flow.compared + len(paired.left_out) == paired.flow.studies == 40
    shuffled = replace(second, table=second.table.sample(frac=1, random_state=data.draw(st.integers(0, 99))))
    again = pair(first, shuffled)
    assert again.flow == paired.flow
    for one, other in zip(again.cases, paired.cases, strict=True):
        assert np.array_equal(one.truth, other.truth)
        assert np.array_equal(one.probability, other.probability)
        assert np.array_equal(one.groups, other.groups)


def test_flows_that_do_not_reconcile_are_no_flows() -> None:
    with pytest.raises(ValueError, match="10 studies, but 9 accounted for"):
        ComparisonFlow(
            studies=10, left_out=(LeftOut(obstacle="failed", models=("a",), n=2),), compared=7, per_class={"x": 7}
        )


def with_other_truth(one: Predictions) -> Predictions:
    table = one.table.copy()
    table.loc[7, "truth"] = "normal" if table.loc[7, "truth"] == "pneumonia" else "pneumonia"
    return replace(one, table=table)


def with_other_patient(one: Predictions) -> Predictions:
    return replace(one, table=one.table.assign(patient_id=one.table["patient_id"].replace({"p001": "x1"})))


def with_other_studies(one: Predictions) -> Predictions:
    return replace(one, table=one.table.assign(study_id="other " + one.table["study_id"]))


def trained_on(one: Predictions) -> Predictions:
    patient = one.table["patient_id"].iloc[50]
    return replace(one, training_patients=frozenset([patient_digest(patient, site="north")]))


def with_classes_of_its_own(one: Predictions) -> Predictions:
    table = one.table.rename(columns={"probability_normal": "probability_healthy"})
    return replace(
        one, classes=("healthy", "pneumonia"), table=table.assign(truth=table["truth"].replace("normal", "healthy"))
    )


@pytest.mark.parametrize(
    ("change", "code", "word"),
    [
        (with_other_truth, "TruthsContradict", "s007"),
        (with_other_patient, "PatientsContradict", "studies"),
        (with_other_studies, "NoCommonStudy", "320 studies"),
        (lambda one: unread(one, list(range(160))), "NoCommonStudy", "160 failed"),
        (trained_on, "PatientInTraining", "second: "),
        (with_classes_of_its_own, "OtherQuestion", "healthy"),
        (lambda one: replace(one, positive="normal", operating_point=None), "OtherQuestion", "positive class"),
        (lambda one: replace(one, task="ordinal"), "OtherQuestion", "task"),
        (lambda one: of_another_bundle(one, "a"), "SameBundle", "first and second"),
        (lambda one: replace(one, table=one.table.drop(columns="truth")), "MissingColumn", "second: "),
        (lambda one: replace(one, table=one.table.assign(probability_normal=3.0)), "NotProbabilities", "second: "),
        (lambda one: replace(one, table=one.table.assign(study_id="s000")), "DuplicateStudy", "second: "),
    ],
)
def test_what_cannot_be_compared_is_refused_by_name(
    change: Callable[[Predictions], Predictions], code: str, word: str
) -> None:
    pair(rival("a"), rival("b"))
    with pytest.raises(PredictionsError) as error:
        pair(rival("a"), change(rival("b")))
    assert error.value.code == code
    assert error.value.hint
    assert word in str(error.value)
    assert "p001" not in str(error.value)


def test_a_patient_whom_the_reference_was_trained_on_is_refused_too() -> None:
    with pytest.raises(PredictionsError, match=r"^first: 1 of") as error:
        pair(trained_on(rival("a")), rival("b"))
    assert error.value.code == "PatientInTraining"


def test_studies_of_training_that_are_not_compared_do_no_harm() -> None:
    """One table holds other splits too, and only the common studies are judged."""
    whole = trained_on(rival("a"))
    patient = whole.table["patient_id"].iloc[50]
    test = rival("b")
    test = replace(test, table=test.table[test.table["patient_id"] != patient].reset_index(drop=True))
    paired = pair(whole, test)
    assert paired.flow.left_out[0].obstacle == "absent"


def test_classes_may_stand_in_another_order_unless_it_means_something() -> None:
    turned = replace(rival("b"), classes=("pneumonia", "normal"))
    assert np.array_equal(
        pair(rival("a"), turned).cases[1].probability, pair(rival("a"), rival("b")).cases[1].probability
    )
    ordered = [replace(one, task="ordinal", positive=None, operating_point=None) for one in (rival("a"), turned)]
    with pytest.raises(PredictionsError) as error:
        pair(*ordered)
    assert error.value.code == "OtherQuestion"


def test_a_patient_whom_one_table_names_is_known() -> None:
    unknown = rival("b")
    unknown = replace(unknown, table=unknown.table.assign(patient_id=""), patients_unknown=True)
    expected = pair(rival("a"), rival("b")).cases[0].groups
    assert np.array_equal(pair(rival("a"), unknown).cases[1].groups, expected)
    assert np.array_equal(pair(unknown, rival("a")).cases[1].groups, expected)


@pytest.mark.parametrize(
    ("predictions", "names", "code"),
    [
        (1, ("first",), "TooFewModels"),
        (0, (), "TooFewModels"),
        (2, ("first",), "NamesDiffer"),
        (2, ("first", "first"), "DuplicateName"),
        (2, ("first", ""), "DuplicateName"),
        (2, ("first", "a;b"), "DuplicateName"),
    ],
)
def test_names_are_one_to_one(predictions: int, names: tuple[str, ...], code: str) -> None:
    with pytest.raises(ConfigError) as error:
        one_question([rival("a"), rival("b")][:predictions], names)
    assert error.value.code == code
    assert error.value.hint
