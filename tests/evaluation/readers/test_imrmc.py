from __future__ import annotations

import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medtransfer.core.errors import ConfigError, PredictionsError
from medtransfer.core.results import Predictions
from medtransfer.evaluation.readers.imrmc import MODEL, UNAIDED, export, read_imrmc, reader_study
from medtransfer.evaluation.readers.multi_reader import obuchowski_rockette
from medtransfer.evaluation.readers.ratings import Ratings
from medtransfer.evaluation.readers.reference import with_truth
from medtransfer.evaluation.readers.truth import TruthTable

READINGS = st.dictionaries(
    st.tuples(st.sampled_from("xyz"), st.sampled_from("abcd"), st.sampled_from(["CT", "MR"])),
    st.floats(-1e6, 1e6),
    min_size=1,
)


def ratings_of(readings: dict[tuple[str, str, str], float], ill: str = "ab") -> Ratings:
    rows = [(*names, score) for names, score in readings.items()]
    table = pd.DataFrame(rows, columns=pd.Index(["reader", "case", "modality", "score"]))
    return Ratings(table=table, truth={case: case in ill for case in set(table["case"])})


@given(READINGS)
def test_what_was_exported_is_read(readings: dict[tuple[str, str, str], float]) -> None:
    given_ = ratings_of(readings)
    made = export(given_)
    key = pd.read_csv(io.StringIO(made.key), dtype=str)
    names = {(row.kind, row.number): row.name for row in key.itertuples(index=False)}
    for content in (made.text, made.table):
        back = read_imrmc(content)
        found = {
            tuple(
                str(names[axis, value]) for axis, value in zip(("reader", "case", "modality"), row[:3], strict=True)
            ): row[3]
            for row in back.table[["reader", "case", "modality", "score"]].itertuples(index=False, name=None)
        }
        assert found == readings
        assert {names["case", case]: ill for case, ill in back.truth.items()} == given_.truth


def test_the_format() -> None:
    made = export(ratings_of({("x", "a", "CT"): 0.5, ("x", "c", "CT"): 0.25, ("y", "a", "CT"): 1.0}), title="A\nB")
    assert made.text.splitlines() == [
        "A B",
        "",
        "NR: 2",
        "N0: 1",
        "N1: 1",
        "NM: 1",
        "",
        "BEGIN DATA:",
        "-1,1,0,1",
        "-1,2,0,0",
        "1,1,1,0.5",
        "1,2,1,0.25",
        "2,1,1,1.0",
    ]
    assert made.table.splitlines()[0] == "readerID,caseID,modalityID,score"
    assert made.table.splitlines()[1:] == made.text.splitlines()[8:]


def test_vandykes_study_survives(vandyke: Ratings) -> None:
    back = read_imrmc(export(vandyke).text)
    one, other = obuchowski_rockette(vandyke), obuchowski_rockette(back)
    assert (one.f, one.p) == pytest.approx((other.f, other.p), rel=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "BEGIN DATA:\n1,1,1,0.5\n",
        "BEGIN DATA:\n-1,1,0,1\n-1,1,0,0\n1,1,1,0.5\n",
        "BEGIN DATA:\n-1,1,0,1\n1,1,1,0.5\n1,1,1,0.6\n",
        "BEGIN DATA:\n-1,1,0,1\n1,1,1,high\n",
        "BEGIN DATA:\n-1,1,0,1\n1,1,1\n",
    ],
)
def test_what_is_no_study(text: str) -> None:
    with pytest.raises(PredictionsError) as error:
        read_imrmc(text)
    assert error.value.code == "Malformed"


def test_the_model_is_a_reader_of_its_own(predictions: Predictions, three_readers: TruthTable) -> None:
    judged, account = with_truth(predictions, three_readers)
    study = reader_study(judged, three_readers)
    assert set(study.names("modality")) == {UNAIDED, MODEL}
    of_model = study.table[study.table["reader"] == MODEL]
    read = judged.table[(judged.table["status"] == "read") & (judged.table["truth"] != "")]
    assert len(of_model) == len(study.truth) == len(read) <= account.settled
    assert of_model["score"].tolist() == read["probability_pneumonia"].tolist()
    assert sum(study.truth.values()) == (read["truth"] == "pneumonia").sum()
    assert set(study.table[study.table["reader"] != MODEL]["score"]) == {0.0, 1.0}
    text = export(study).text
    assert "anna" not in text
    assert read["study_id"].iloc[0] not in text


def test_no_finding_no_study(predictions: Predictions, three_readers: TruthTable) -> None:
    from dataclasses import replace

    with pytest.raises(ConfigError) as error:
        reader_study(replace(predictions, positive=None), three_readers)
    assert error.value.code == "NoPositive"
