"""Exclusive classes: those with an order keep the one they are named in, and never that of their letters."""

from __future__ import annotations

from pathlib import Path

import pytest
from questions import read_four, refused


def test_ordered_classes_keep_the_order_they_are_named_in(tmp_path: Path) -> None:
    grades = ("none", "mild", "severe")
    cohort = read_four(tmp_path, {"label": ["severe", "mild", "", "none"]}, task="ordinal", classes=grades)
    assert (cohort.task, cohort.classes, cohort.positive) == ("ordinal", grades, None)
    two = read_four(tmp_path, {"label": ["low", "high", "", "low"]}, task="ordinal", classes=("low", "high"))
    assert two.positive is None


def test_ordered_classes_are_never_ordered_by_their_letters(tmp_path: Path) -> None:
    error = refused(tmp_path, {"label": ["severe", "mild", "none", ""]}, "NoOrder", task="ordinal")
    assert error.hint is not None
    assert "--ordinal" in error.hint


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"classes": ("none", "mild")}, "UnknownLabel"),
        ({"classes": ("none", "mild", "severe", "mild")}, "NameTwice"),
        ({"classes": ("none", "mild", "severe"), "positive": "severe"}, "ConflictingSettings"),
        ({"classes": ("none", "mild", "severe"), "labels": ("severe",)}, "ConflictingSettings"),
    ],
)
def test_ordered_classes_that_cannot_be_are_refused(tmp_path: Path, asked: dict[str, object], code: str) -> None:
    refused(tmp_path, {"label": ["severe", "mild", "none", ""]}, code, task="ordinal", **asked)


def test_class_names_with_an_equals_sign_stay_classes_where_that_is_said(tmp_path: Path) -> None:
    cells = {"label": ["birads=0", "birads=1", "birads=0", ""]}
    assert read_four(tmp_path, cells).task == "multilabel"
    assert read_four(tmp_path, cells, task="multiclass", positive="birads=1").classes == ("birads=0", "birads=1")
