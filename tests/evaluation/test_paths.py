from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from medtransfer.core.config.evaluation import EvaluationConfig
from medtransfer.core.results import Predictions
from medtransfer.evaluation.evaluate import Beside, evaluate
from medtransfer.evaluation.paths import with_paths


def ledger_of(predictions: Predictions) -> pd.DataFrame:
    """Two images a study, of which the first could not be read; the second is a picked one."""
    studies = predictions.table["study_id"].tolist()
    rows = [(f"{study}/a.dcm", study, "failed") for study in studies]
    rows += [(f"{study}/b [1].dcm [1.2.3 7]", study, "read") for study in studies]
    return pd.DataFrame(rows, columns=["path", "study_id", "status"]).assign(code="", reason="")


def test_a_study_lies_where_its_first_readable_image_does(predictions: Predictions) -> None:
    found = with_paths(predictions, ledger_of(predictions)).table
    assert found["path"].tolist() == [f"{study}/b [1].dcm" for study in found["study_id"]]
    assert "path" not in predictions.table


def test_a_study_that_the_ledger_does_not_know_has_no_path(predictions: Predictions) -> None:
    known = ledger_of(replace(predictions, table=predictions.table.head(3)))
    assert with_paths(predictions, known).table["path"].ne("").sum() == 3


@pytest.mark.parametrize("kind", ["no ledger", "of files alone", "has a path"])
def test_nothing_is_added_where_nothing_is_known_or_all_is(predictions: Predictions, kind: str) -> None:
    own = replace(predictions, table=predictions.table.assign(path="own.png")) if kind == "has a path" else predictions
    ledger = {"no ledger": None, "of files alone": pd.DataFrame({"path": ["a"]})}.get(kind, ledger_of(predictions))
    assert with_paths(own, ledger) is own


def test_only_a_gallery_names_paths(predictions: Predictions) -> None:
    config, beside = EvaluationConfig(replicates=100, gallery=True), Beside(ledger=ledger_of(predictions))
    found = evaluate(predictions, config=config, beside=beside)
    (gallery,) = found.errors
    assert gallery.false_negatives
    for case in (*gallery.false_negatives, *gallery.false_positives):
        assert case.path == f"{case.study_id}/b [1].dcm"
    without = evaluate(predictions, config=config.model_copy(update={"gallery": False}), beside=beside)
    assert "b [1].dcm" not in without.model_dump_json()
    assert without.model_copy(update={"errors": found.errors}) == found
