"""Evaluations of every kind of question, with their pages: made once, looked at by many."""

from __future__ import annotations

from pathlib import Path

import pytest
from evaluations import of_grades, of_infections, of_labels, of_pneumonia, of_readers

from medtransfer.core.evaluated.evaluation import Evaluation
from medtransfer.reporting.evaluation import render_evaluation, write_evaluation


@pytest.fixture(scope="session")
def evaluation() -> Evaluation:
    """Of a positive class, with an operating point, subgroups and sites."""
    return of_pneumonia()


@pytest.fixture(scope="session")
def multi_class() -> Evaluation:
    """Three classes, none of them positive: no operating point."""
    return of_infections()


@pytest.fixture(scope="session")
def multi_label() -> Evaluation:
    """Three labels at once, some of them unknown."""
    return of_labels()


@pytest.fixture(scope="session")
def ordinal() -> Evaluation:
    """Four grades."""
    return of_grades()


@pytest.fixture(scope="session")
def read_by_three() -> Evaluation:
    """Of a positive class, judged by the majority of three readers."""
    return of_readers()


@pytest.fixture(scope="session")
def page(evaluation: Evaluation) -> str:
    return render_evaluation(evaluation)


@pytest.fixture(scope="session")
def pages(page: str, multi_class: Evaluation, multi_label: Evaluation, ordinal: Evaluation) -> dict[str, str]:
    """By kind of question."""
    others = {"multi_class": multi_class, "multi_label": multi_label, "ordinal": ordinal}
    return {"binary": page} | {name: render_evaluation(one) for name, one in others.items()}


@pytest.fixture(scope="session")
def written(evaluation: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a whole report. Read it, do not change it."""
    return write_evaluation(evaluation, tmp_path_factory.mktemp("report") / "out").parent
