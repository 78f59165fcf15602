"""Laws of labels as cells and as numbers: what is written is read, unknown is NaN, counts add up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medtransfer.data.targets import (
    absences,
    counts,
    events,
    is_label_text,
    known_labels,
    label_text,
    strange_labels,
    targets_of,
)

NAMES = ("a", "b b", "c(d)")
KNOWN = st.dictionaries(st.sampled_from(NAMES), st.booleans())


@given(KNOWN)
def test_what_is_written_is_read(known: dict[str, bool]) -> None:
    assert known_labels(label_text(known)) == known
    assert is_label_text(label_text(known)) == bool(known)
    assert strange_labels([label_text(known)], NAMES, "multilabel") == []


@pytest.mark.parametrize("cell", ["", "a", "a=2", "a=", "=1", "a=1;", "a=1;a=0", "a=1;b", "a=1=0", "a=1,b=0"])
def test_other_text_is_none_of_ours(cell: str) -> None:
    assert not is_label_text(cell)
    assert strange_labels([cell], ("a", "b"), "multilabel") == [cell] * bool(cell)


def test_labels_outside_the_question_are_strange() -> None:
    assert strange_labels(["a=1", "a=1;x=0", "x=1", ""], ("a",), "multilabel") == ["a=1;x=0", "x=1"]
    assert strange_labels(["mild", "Mild", ""], ("none", "mild"), "ordinal") == ["Mild"]


@given(st.lists(KNOWN, min_size=1, max_size=20))
def test_targets_of_several_labels(rows: list[dict[str, bool]]) -> None:
    targets = targets_of([label_text(row) for row in rows], NAMES, "multilabel")
    assert targets.dtype == np.float32
    for target, row in zip(targets, rows, strict=True):
        assert [None if np.isnan(v) else bool(v) for v in target] == [row.get(name) for name in NAMES]
    present = counts(targets, len(NAMES))
    assert present.tolist() == [sum(row.get(name) is True for row in rows) for name in NAMES]
    assert absences(targets).tolist() == [sum(row.get(name) is False for row in rows) for name in NAMES]
    assert events(targets, len(NAMES)) == min([*present, *absences(targets)])


def test_targets_of_classes_are_indices_in_their_order() -> None:
    targets = targets_of(["mild", "none", "mild"], ("none", "mild", "severe"), "ordinal")
    assert targets.tolist() == [1, 0, 1]
    assert counts(targets, 3).tolist() == [1, 2, 0]
    assert events(targets, 3) == 0
