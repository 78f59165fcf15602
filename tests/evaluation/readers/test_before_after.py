"""Readers before and after the model's answer, as a study of two modalities."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtransfer.core.errors import ConfigError, PredictionsError
from medtransfer.core.results import Predictions
from medtransfer.core.reviews.opinion import Opinion
from medtransfer.core.reviews.store import Reviews
from medtransfer.evaluation.readers.before_after import AFTER, BEFORE, before_after, score
from medtransfer.evaluation.readers.imrmc import export, read_imrmc

if TYPE_CHECKING:
    from pathlib import Path

    from medtransfer.core.reviews.pairs import ReviewPair

ROWS = [
    ("HC1", "pneumonia"),
    ("HC2", "normal"),
    ("b/HC3", "pneumonia"),
    ("c/HC3", "normal"),
    ("HC4", ""),
    ("5", "normal"),
]


@pytest.fixture
def known() -> Predictions:
    table = pd.DataFrame(ROWS, columns=pd.Index(["study_id", "truth"]))
    return Predictions(
        table=table, classes=("normal", "pneumonia"), positive="pneumonia", operating_point=None, bundle_sha256="b"
    )


def read(
    folder: Path, *readings: tuple[str, str, Opinion, Opinion | None], bundle: str = "b", led: bool = False
) -> tuple[ReviewPair, ...]:
    """Who, study, before and after; `led`: the answer was shown first."""
    with Reviews(folder / "r") as reviews:
        for who, study, before, after in readings:
            what = {"who": who, "study": study, "study_sha256": study, "bundle_sha256": bundle, "shown": {}}
            if led:
                reviews.append("reveal", **what, content={})
            reviews.append("impression", **what, content=before.as_content())
            reviews.append("reveal", **what, content={})
            if after is not None:
                reviews.append("feedback", **what, content=after.as_content())
        return reviews.pairs()


def sure(answer: str, confidence: int) -> Opinion:
    return Opinion(answer=answer, confidence=confidence)


@settings(deadline=None)
@given(st.sampled_from(["", "pneumonia", "normal", "other"]), st.integers(0, 100), st.integers(0, 100))
def test_a_score_grows_with_the_belief_in_the_finding(answer: str, less: int, more: int) -> None:
    less, more = sorted((less, more))
    low, high = score(sure(answer, less), "pneumonia"), score(sure(answer, more), "pneumonia")
    assert 0 <= min(low, high) <= max(low, high) <= 100
    if answer == "pneumonia":
        assert 50 <= low <= high
    elif answer:
        assert high <= low <= 50
    else:
        assert low == high == 50


def test_scores_of_several_labels() -> None:
    opinion = Opinion(answers={"a": "present", "b": "absent", "c": "cannot say"}, confidence=80)
    assert [score(opinion, of) for of in "abcd"] == [90, 10, 50, 50]


def test_two_readers_two_modalities(tmp_path: Path, known: Predictions) -> None:
    pairs = read(
        tmp_path,
        ("anna", "images/HC1.dcm", sure("pneumonia", 40), sure("pneumonia", 90)),
        ("anna", "HC2", Opinion(), sure("normal", 100)),
        ("boris", "images/HC1.dcm", sure("normal", 60), None),
    )
    found = before_after(pairs, known)
    rows = set(found.ratings.table.itertuples(index=False, name=None))
    assert rows == {
        ("anna", "HC1", BEFORE, 70.0),
        ("anna", "HC1", AFTER, 95.0),
        ("anna", "HC2", BEFORE, 50.0),
        ("anna", "HC2", AFTER, 0.0),
        ("boris", "HC1", BEFORE, 20.0),
    }
    assert found.ratings.truth == {"HC1": True, "HC2": False}
    back = read_imrmc(export(found.ratings).text)
    scores = {(row.case, row.modality, row.reader): row.score for row in back.table.itertuples()}
    assert scores == {
        ("1", "1", "1"): 70, ("1", "2", "1"): 95, ("2", "1", "1"): 50, ("2", "2", "1"): 0, ("1", "1", "2"): 20,
    }  # fmt: skip


def test_what_is_left_out_is_counted(tmp_path: Path, known: Predictions) -> None:
    opinion = sure("normal", 50)
    pairs = (
        *read(
            tmp_path / "1", ("a", "HC2", opinion, opinion), ("a", "HC3.png", opinion, None), ("a", "HC4", opinion, None)
        ),
        *read(tmp_path / "2", ("b", "HC2", opinion, opinion), led=True),
        *read(tmp_path / "3", ("c", "HC2", opinion, opinion), bundle="other"),
        *read(tmp_path / "4", ("d", "x/5.nii.gz", opinion, None), ("d", "y/5.dcm", opinion, None)),
    )
    found = before_after(pairs, known)
    assert set(found.ratings.table["reader"]) == {"a"}
    assert (found.without_truth, found.not_unaided, found.other_bundle, found.read_again) == (4, 1, 1, 0)


def test_of_a_study_whose_files_changed_the_last_reading_counts(tmp_path: Path, known: Predictions) -> None:
    first = read(tmp_path / "1", ("a", "HC1", sure("normal", 50), None))
    again = [
        replace(pair, study_sha256="new") for pair in read(tmp_path / "2", ("a", "HC1", sure("pneumonia", 50), None))
    ]
    found = before_after([*first, *again], known)
    assert found.ratings.table["score"].tolist() == [75.0]
    assert found.read_again == 1


def test_without_readings_or_a_finding_there_is_no_study(tmp_path: Path, known: Predictions) -> None:
    pairs = read(tmp_path, ("a", "HC1", sure("normal", 50), None))
    with pytest.raises(PredictionsError) as error:
        before_after([], known)
    assert error.value.code == "NoReadings"
    for of, classes, code in ((None, None, "NoPositive"), ("mass", "pneumonia", "UnknownLabel")):
        with pytest.raises(ConfigError) as refused:
            before_after(pairs, replace(known, positive=classes), of=of)
        assert refused.value.code == code
    assert before_after(pairs, replace(known, positive=None), of="normal").ratings.table["score"].tolist() == [75.0]


def test_of_several_labels_each_has_its_own_truth(tmp_path: Path, known: Predictions) -> None:
    table = known.table.assign(truth=["a=1;b=0", "b=1", "", "", "", ""])
    several = replace(known, table=table, classes=("a", "b"), positive=None, task="multilabel")
    opinion = Opinion(answers={"a": "present", "b": "cannot say"}, confidence=100)
    pairs = read(tmp_path, ("x", "HC1", opinion, None), ("x", "HC2", opinion, None))
    of_a, of_b = before_after(pairs, several, of="a"), before_after(pairs, several, of="b")
    assert (of_a.ratings.truth, of_a.without_truth) == ({"HC1": True}, 1)
    assert of_b.ratings.truth == {"HC1": False, "HC2": True}
    assert of_b.ratings.table["score"].tolist() == [50.0, 50.0]
