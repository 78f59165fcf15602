from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from medtransfer.core.errors import CohortError
from medtransfer.evaluation.readers.truth import EMPTY, ONE_READER, UNCERTAIN, TruthTable, read_truth

Written = Callable[..., TruthTable]


def test_one_reader(written: Written) -> None:
    table = written([("a", "normal"), ("b", ""), ("c", "uncertain")], columns=("study_id", "truth"))
    assert table.readers == (ONE_READER,)
    assert table.studies == ("a", "b", "c")
    assert table.answers(["c", "a", "b", "d"]).tolist() == [[UNCERTAIN], [0], [EMPTY], [EMPTY]]


def test_several_readers_and_the_order_of_rows(written: Written) -> None:
    rows = [("b", "x", "pneumonia"), ("a", "y", "normal"), ("a", "x", "uncertain")]
    table, other = written(rows), written(rows[::-1])
    assert table.readers == ("x", "y")
    assert table.answers(["a", "b"]).tolist() == [[UNCERTAIN, 0], [1, EMPTY]]
    assert table.sha256 == other.sha256
    assert table.sha256 != written(rows[:2]).sha256


def test_several_labels(written: Written) -> None:
    rows = [("a", "x", "p=1;q=0"), ("a", "y", "p=0"), ("b", "x", "uncertain")]
    table = written(rows, classes=("p", "q"), task="multilabel")
    assert table.questions() == ("p", "q")
    assert table.answers(["a", "b"], "p").tolist() == [[1, 0], [UNCERTAIN, EMPTY]]
    assert table.answers(["a", "b"], "q").tolist() == [[0, EMPTY], [UNCERTAIN, EMPTY]]
    assert table.answers([], "p").shape == (0, 2)


def test_another_word_for_uncertain(written: Written) -> None:
    table = written([("a", "x", "?"), ("b", "x", "hedged")], uncertain=("?", "hedged"))
    assert table.answers(["a", "b"]).tolist() == [[UNCERTAIN], [UNCERTAIN]]
    with pytest.raises(CohortError, match="'uncertain'") as error:
        written([("a", "x", "uncertain")], uncertain=("?",))
    assert error.value.code == "UnknownLabel"


@pytest.mark.parametrize(
    ("rows", "columns", "code", "named"),
    [
        ([("a", "x", "ill")], ("study_id", "reader", "truth"), "UnknownLabel", "'ill'"),
        ([("a", "x", "normal")] * 2, ("study_id", "reader", "truth"), "DuplicateReading", "'a by x'"),
        ([("a", "normal"), ("a", "pneumonia")], ("study_id", "truth"), "DuplicateReading", "'a by truth'"),
        ([("", "x", "normal")], ("study_id", "reader", "truth"), "MissingStudy", "1 rows"),
        ([("a", "", "normal")], ("study_id", "reader", "truth"), "MissingReader", "'a'"),
        ([("a", "x", "normal")], ("study", "reader", "truth"), "MissingColumn", "study_id"),
        ([("a", "x", "normal")], ("study_id", "reader", "label"), "MissingColumn", "truth"),
        (
            [("a", "x", "normal", "1"), ("a", "y", "normal", "2")],
            ("study_id", "reader", "truth", "patient_id"),
            "SeveralPatients",
            "'a'",
        ),
    ],
)
def test_what_is_refused(
    written: Written, rows: list[tuple[str, ...]], columns: tuple[str, ...], code: str, named: str
) -> None:
    with pytest.raises(CohortError, match=named) as error:
        written(rows, columns=columns)
    assert error.value.code == code
    assert error.value.hint
    assert error.value.path


def test_a_word_cannot_be_a_class_and_uncertain(written: Written) -> None:
    with pytest.raises(CohortError) as error:
        written([("a", "x", "normal")], uncertain=("normal",))
    assert error.value.code == "UncertainIsAClass"


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(CohortError) as error:
        read_truth(tmp_path, ("a", "b"), "multiclass")
    assert error.value.code == "NotFound"


def test_answers_are_whole_numbers(written: Written) -> None:
    assert written([("a", "x", "normal")]).answers(["a"]).dtype == np.int64
