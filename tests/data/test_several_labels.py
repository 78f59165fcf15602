"""Several labels from columns or cells, with unknowns; what they cannot be is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from questions import Rows, read_four, refused

LABELS = ("pneumonia", "effusion")


@pytest.mark.parametrize(("there", "absent"), [("1", "0"), ("Yes", "no"), ("TRUE", "False"), ("present", "absent")])
def test_columns_become_one_cell(tmp_path: Path, there: str, absent: str) -> None:
    cohort = read_four(
        tmp_path, {"pneumonia": [there, absent, "", ""], "effusion": [absent, there, there, ""]}, labels=LABELS
    )
    assert list(cohort.table["label"]) == ["pneumonia=1;effusion=0", "pneumonia=0;effusion=1", "effusion=1", ""]
    assert (cohort.task, cohort.classes, cohort.positive) == ("multilabel", LABELS, None)
    assert cohort.label == "pneumonia,effusion"


def test_numbers_that_a_spreadsheet_made_decimal_are_read(tmp_path: Path) -> None:
    cohort = read_four(tmp_path, {"pneumonia": ["1.0", "0.0", "", "1.0"]}, labels=["pneumonia"])
    assert list(cohort.table["label"]) == ["pneumonia=1", "pneumonia=0", "", "pneumonia=1"]


def test_cells_are_read_as_they_were_written(tmp_path: Path) -> None:
    """The column says itself that it holds several labels; their order in a cell is of no account."""
    text = ["effusion=0;pneumonia=1", "pneumonia=1;effusion=0", "", "effusion=1"]
    found = read_four(tmp_path, {"label": text})
    assert (found.task, found.classes, found.label) == ("multilabel", ("effusion", "pneumonia"), "label")
    assert found.table["label"][0] == found.table["label"][1]
    asked = read_four(tmp_path, {"label": text}, labels=LABELS)
    assert list(asked.table["label"]) == ["pneumonia=1;effusion=0"] * 2 + ["", "effusion=1"]
    assert asked.classes == read_four(tmp_path, {"label": text}, task="multilabel", classes=LABELS).classes == LABELS
    assert read_four(tmp_path, {"label": ["", "", "", ""]}, labels=LABELS).table["label"].eq("").all()


def test_columns_and_cells_may_stand_side_by_side_where_they_agree(tmp_path: Path) -> None:
    both = {"label": ["pneumonia=1", "", "", "pneumonia=0"], "pneumonia": ["1", "", "", "0"]}
    assert (
        read_four(tmp_path, both, labels=["pneumonia"]).table["label"].equals(read_four(tmp_path, both).table["label"])
    )
    both["pneumonia"] = ["1", "0", "", "0"]
    error = refused(tmp_path, both, "ContradictoryLabels", labels=["pneumonia"])
    assert "row 3: pneumonia=0 and " in error.message


def test_a_cell_that_says_neither_yes_nor_no_is_named(tmp_path: Path) -> None:
    """-1 means "uncertain" in some published tables: that is for the user to decide."""
    error = refused(tmp_path, {"pneumonia": ["1", "-1", "", "maybe"]}, "UnknownLabel", labels=["pneumonia"])
    assert "'row 3: -1', 'row 5: maybe'" in error.message


@pytest.mark.parametrize(
    ("columns", "asked", "code"),
    [
        ({"pneumonia": ["1", "0", "1", "0"]}, {"labels": LABELS}, "MissingColumn"),
        ({"label": ["x", "y", "x", "y"]}, {"labels": LABELS}, "UnknownLabel"),
        ({"label": ["pneumonia=1", "cough=1", "", ""]}, {"labels": LABELS}, "UnknownLabel"),
        ({"a=b": ["1", "0", "1", "0"]}, {"labels": ["a=b"]}, "BadLabelName"),
        ({"a;b": ["1", "0", "1", "0"]}, {"labels": ["a;b"]}, "BadLabelName"),
        ({"a": ["1", "0", "1", "0"]}, {"labels": ["a", "split"]}, "BadLabelName"),
        ({"a": ["1", "0", "1", "0"]}, {"labels": ["a", "a"]}, "NameTwice"),
        ({"label": ["x", "y", "x", "y"]}, {"task": "multilabel"}, "NoLabels"),
        ({"a": ["1", "0", "1", "0"]}, {"labels": ["a"], "task": "multiclass"}, "ConflictingSettings"),
        ({"a": ["1", "0", "1", "0"]}, {"labels": ["a"], "positive": "a"}, "ConflictingSettings"),
    ],
)
def test_what_cannot_be_asked_is_refused(tmp_path: Path, columns: Rows, asked: dict[str, object], code: str) -> None:
    refused(tmp_path, columns, code, **asked)


def test_a_column_left_out_is_suggested(tmp_path: Path) -> None:
    cells = ["1", "0", "1", "0"]
    error = refused(tmp_path, {"pneumonia": cells, "efusion": cells}, "MissingColumn", labels=LABELS)
    assert "Did you mean 'efusion'?" in error.message


@pytest.mark.parametrize("cells", [["1", "0", "", ""], ["1", "", "0", "0"]])
def test_rows_of_a_study_agree_on_every_label(tmp_path: Path, cells: list[str]) -> None:
    """Also where one of them does not know: what the study has would hang on the row that is looked at."""
    study = {"study_id": ["S1", "S1", "S2", "S3"], "patient_id": ["1", "1", "2", "3"]}
    error = refused(
        tmp_path, {**study, "effusion": ["1"] * 4, "pneumonia": cells}, "ContradictoryLabels", labels=LABELS
    )
    assert "the label 'pneumonia': 'S1'" in error.message
