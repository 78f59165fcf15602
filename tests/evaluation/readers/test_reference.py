from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest
from questions import several_labels

from medtransfer.core.config.evaluation import EvaluationConfig
from medtransfer.core.errors import PredictionsError
from medtransfer.core.evaluated.readers import ConsensusRule
from medtransfer.core.results import Predictions
from medtransfer.evaluation.evaluate import evaluate
from medtransfer.evaluation.flow import flow
from medtransfer.evaluation.readers.reference import with_truth
from medtransfer.evaluation.readers.study import readers_part
from medtransfer.evaluation.readers.truth import TruthTable

Written = Callable[..., TruthTable]


def test_counts_reconcile(predictions: Predictions, three_readers: TruthTable) -> None:
    for text in ("majority", "unanimous", "any_positive", "reader:cy", "majority:cy"):
        judged, account = with_truth(predictions, three_readers, ConsensusRule.parse(text))
        assert (account.predictions, account.truths, account.not_predicted) == (160, 161, 1)
        assert account.settled == (judged.table["truth"] != "").sum()
        assert account.settled + account.uncertain + account.tied + account.unread == 160
        for reader in account.readers:
            assert reader.definite + reader.uncertain + reader.empty == 161
        before = predictions.table["truth"].reset_index(drop=True)
        after = judged.table["truth"].reset_index(drop=True)
        assert account.changed == ((before != after) & (before != "") & (after != "")).sum()
        assert flow(judged).evaluated + flow(judged).unlabelled == 156


def test_an_adjudicator_leaves_fewer_ties(predictions: Predictions, three_readers: TruthTable) -> None:
    ties = [
        with_truth(predictions, three_readers, ConsensusRule.parse(rule))[1].tied
        for rule in ("majority", "majority:cy")
    ]
    assert ties[0] > 0
    assert ties[1] == 0


def test_the_truth_table_is_the_only_standard(predictions: Predictions, written: Written) -> None:
    study, other = predictions.table["study_id"][10:12]
    judged, account = with_truth(predictions, written([(study, "x", "normal"), (other, "x", "uncertain")]))
    assert (judged.table["truth"] != "").sum() == 1
    assert (account.without_truth, account.settled, account.uncertain) == (158, 1, 1)
    assert predictions.table["truth"][30] != "", "the predictions themselves are as they were"


def test_several_labels_are_settled_one_by_one(written: Written) -> None:
    predictions = several_labels()
    first, second, third = predictions.table["study_id"][:3]
    rows = [
        (first, "x", "pneumonia=1;effusion=0"),
        (first, "y", "pneumonia=1;effusion=1"),
        (second, "x", "uncertain"),
        (third, "x", "hernia=0"),
        (third, "y", "hernia=1"),
    ]
    truth = written(rows, classes=predictions.classes, task="multilabel")
    judged, account = with_truth(predictions, truth)
    assert judged.table["truth"][:3].tolist() == ["pneumonia=1", "", ""]
    assert (account.settled, account.uncertain, account.tied) == (1, 1, 1)


def test_another_question_is_refused(predictions: Predictions, written: Written) -> None:
    truth = written([("s010", "x", "ill")], classes=("well", "ill"))
    with pytest.raises(PredictionsError) as error:
        with_truth(predictions, truth)
    assert error.value.code == "OtherQuestion"


def test_equal_ids_of_other_patients_are_refused(predictions: Predictions, written: Written) -> None:
    columns = ("study_id", "reader", "truth", "patient_id")
    study, patient = (str(cell) for cell in predictions.table.loc[10, ["study_id", "patient_id"]])
    with_truth(predictions, written([(study, "x", "normal", patient)], columns=columns))
    with pytest.raises(PredictionsError, match=study) as error:
        with_truth(predictions, written([(study, "x", "normal", "somebody")], columns=columns))
    assert error.value.code == "OtherPatient"


def test_readers_beside_the_model(predictions: Predictions, three_readers: TruthTable) -> None:
    part = readers_part(predictions, three_readers, replicates=200)
    assert part.account == with_truth(predictions, three_readers)[1]
    assert len(part.agreement) == 1
    assert [row.reader for row in part.against_others] == ["anna", "bo", "cy"]
    careful, careless = part.against_others[0], part.against_others[2]
    assert careful.estimates[0].value is not None
    assert careless.estimates[0].value is not None
    assert careful.estimates[0].value > careless.estimates[0].value
    judged, _ = with_truth(predictions, three_readers)
    assert evaluate(judged, config=EvaluationConfig(replicates=100)).flow.evaluated == flow(judged).evaluated


def test_the_order_of_rows_does_not_matter(predictions: Predictions, three_readers: TruthTable) -> None:
    shuffled = replace(predictions, table=predictions.table.sample(frac=1, random_state=0))
    again = readers_part(shuffled, three_readers, replicates=100)
    assert again == readers_part(predictions, three_readers, replicates=100)


def test_one_reader_agrees_with_nobody(predictions: Predictions, written: Written) -> None:
    rows = list(predictions.table[["study_id", "truth"]].itertuples(index=False, name=None))
    part = readers_part(predictions, written(rows, columns=("study_id", "truth")), replicates=100)
    assert part.agreement == part.against_others == ()
    assert part.account.settled == 159


def test_several_labels_have_a_part_each(written: Written) -> None:
    predictions = several_labels()
    rows = [
        (study, reader, truth)
        for study, truth in predictions.table[["study_id", "truth"]].to_numpy()
        for reader in "xy"
    ]
    part = readers_part(predictions, written(rows, classes=predictions.classes, task="multilabel"), replicates=100)
    assert tuple(one.of for one in part.agreement) == predictions.classes
    assert {row.of for row in part.against_others} == set(predictions.classes)
    assert all(one.value == pytest.approx(1) for row in part.against_others for one in row.estimates if one.n)
    assert pd.Series([one.of for one in part.against_others[0].estimates]).eq(predictions.classes[0]).all()
