"""Predictions as files, with what a user puts beside them, and the report: the same as in memory."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
from evaluations import QUICK, of_one, of_pneumonia, of_readers, pneumonia, readings
from manifests import BUNDLE, make_manifest

from medtransfer.core.errors import CohortError, ConfigError, OutputError, PredictionsError
from medtransfer.core.results import Predictions
from medtransfer.data.ledger_row import COLUMNS
from medtransfer.evaluation.predictions_io import write_predictions
from medtransfer.models.bundle import Bundle
from medtransfer.pipeline.evaluating import evaluate, report, stated_prevalence, words_of

quickly = partial(evaluate, seed=QUICK.seed, replicates=QUICK.replicates)


def ledger_of(predictions: Predictions) -> pd.DataFrame:
    """Of a run that read one image a study."""
    table = predictions.table
    said = {"study_id": table["study_id"], "status": table["status"], "code": table["error"].str.split(":").str[0]}
    return pd.DataFrame(said).reindex(columns=list(COLUMNS), fill_value="")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `predict` leaves: the table, and its ledger."""
    place = tmp_path_factory.mktemp("predicted")
    write_predictions(pneumonia(), place)
    ledger_of(pneumonia()).to_csv(place / "ledger.csv", index=False)
    return place


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("truth") / "readers.csv"
    readings().to_csv(path, index=False)
    return path


def test_files_say_what_memory_says_and_the_ledger_beside_them_is_looked_at(folder: Path) -> None:
    found = quickly(folder, by=["age", "site"], prespecified=["sex"], title=of_pneumonia().title)
    assert found.reconciliation is not None
    assert found.reconciliation.agrees
    assert found.reconciliation.images["inputs"] == found.flow.inputs
    assert found.model_copy(update={"reconciliation": None}) == of_pneumonia()


def test_a_ledger_of_another_run_does_not_agree(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "predictions.csv").write_bytes((folder / "predictions.csv").read_bytes())
    (tmp_path / "predictions.json").write_bytes((folder / "predictions.json").read_bytes())
    ledger_of(pneumonia()).head(100).to_csv(tmp_path / "ledger.csv", index=False)
    found = quickly(tmp_path / "predictions.csv").reconciliation
    assert found is not None
    assert found.differences[0] == "inputs: 177 in the predictions, 100 in the ledger"


def test_several_readers_make_the_truth_by_the_rule_that_is_asked_for(truth: Path) -> None:
    found = quickly(pneumonia(), truth=truth, title="Read by three")
    digest = found.provenance.truth_sha256
    assert found.readers is not None
    assert digest == found.readers.account.sha256
    own = of_readers().provenance.model_copy(update={"truth_sha256": digest})
    assert found == of_readers().model_copy(update={"provenance": own})
    settled = {}
    for rule in ("majority", "majority:anna", "unanimous", "any_positive", "reader:cy"):
        readers = quickly(pneumonia(), truth=truth, consensus=rule).readers
        assert readers is not None
        settled[rule] = readers.account.settled
    assert settled["unanimous"] < settled["majority"] < settled["majority:anna"]
    assert settled["reader:cy"] == (readings().query("reader == 'cy'")["truth"].isin(["normal", "pneumonia"])).sum()


@pytest.mark.parametrize(("rule", "code"), [("most", "UnknownRule"), ("reader:dora", "UnknownReader")])
def test_a_rule_that_there_is_not(truth: Path, rule: str, code: str) -> None:
    with pytest.raises(ConfigError) as error:
        quickly(pneumonia(), truth=truth, consensus=rule)
    assert error.value.code == code


def test_a_truth_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CohortError) as error:
        quickly(pneumonia(), truth=tmp_path / "none.csv")
    assert error.value.code == "NotFound"


def test_an_earlier_run_is_what_drift_is_measured_against(folder: Path) -> None:
    for reference in (folder, pneumonia()):
        assert quickly(pneumonia(), reference=reference).drift.against == "reference"


def test_all_that_can_be_asked_reaches_the_figures(folder: Path) -> None:
    shares = {"normal": 0.9, "pneumonia": 0.1}
    found = quickly(folder, level="patient", pooling="max", prevalence=shares, gallery=True)
    again = quickly(folder, level="patient", pooling="max", prevalence=0.1, gallery=True)
    assert (found.level, found.prevalence) == ("patient", shares)
    assert found.errors
    assert found.provenance.seed == QUICK.seed
    assert again.operating == found.operating
    assert again.estimates == found.estimates
    assert found.estimates != quickly(folder, level="patient").estimates


def bundle(folder: Path, sha256: str = BUNDLE) -> Bundle:
    return Bundle(folder=folder, manifest=make_manifest(), sha256=sha256)


@pytest.mark.parametrize("name", ["report", "page.html"])
def test_a_report_with_another_bundle_is_refused_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(PredictionsError) as error:
        report(of_one(), out=tmp_path / name, bundle=bundle(tmp_path, "4" * 64))
    assert error.value.code == "OtherBundle"
    assert list(tmp_path.iterdir()) == []


def test_the_bundle_that_predicted_fills_more(tmp_path: Path) -> None:
    page = report(of_one(), out=tmp_path / "with", bundle=bundle(tmp_path))
    report(of_one(), out=tmp_path / "without")
    assert page == tmp_path / "with" / "report.html"
    own, none = ({path.name for path in (tmp_path / name).iterdir()} for name in ("with", "without"))
    assert own - none == {"model_card.md", "model_card.html"}
    left = [
        pd.read_csv(tmp_path / name / "checklists" / "tripod_ai.csv")["state"].str.startswith("left").sum()
        for name in ("with", "without")
    ]
    assert left[0] < left[1]


def test_a_report_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        report(of_one(), out=tmp_path / "file")


def test_predictions_of_another_bundle_than_their_own_are_refused() -> None:
    changed = replace(pneumonia(), table=pneumonia().table.assign(bundle_sha256="4" * 64))
    with pytest.raises(PredictionsError) as error:
        quickly(changed)
    assert error.value.code == "OtherBundle"


@pytest.mark.parametrize(("text", "words"), [("", ()), ("sex", ("sex",)), (" sex, age ,", ("sex", "age")), (",,", ())])
def test_words_of(text: str, words: tuple[str, ...]) -> None:
    assert words_of(text) == words


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("", None),
        ("0.08", 0.08),
        (" 8e-2 ", 0.08),
        ("mild=0.2, severe = 0.05", {"mild": 0.2, "severe": 0.05}),
        ("t=1=0.5", {"t=1": 0.5}),
    ],
)
def test_a_prevalence_as_it_is_written(text: str, stated: float | dict[str, float] | None) -> None:
    assert stated_prevalence(text) == stated


@pytest.mark.parametrize(
    "text", ["eight", "8 %", "mild=", "mild=x", "0.1,0.2", "mild=0.2,0.1", "mild=0.2,mild=0.3", ","]
)
def test_what_is_no_prevalence(text: str) -> None:
    with pytest.raises(ConfigError) as error:
        stated_prevalence(text)
    assert error.value.code == "NotANumber"
    assert error.value.hint
