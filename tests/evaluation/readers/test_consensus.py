from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from medtransfer.core.errors import ConfigError
from medtransfer.core.evaluated.readers import ConsensusRule
from medtransfer.evaluation.readers.consensus import TIED, consensus, without
from medtransfer.evaluation.readers.truth import EMPTY, UNCERTAIN

NAMES = ("a", "b", "c", "d")
ANSWERS = arrays(np.int64, st.tuples(st.integers(0, 6), st.just(4)), elements=st.integers(EMPTY, 2))
BINARY = arrays(np.int64, st.tuples(st.integers(0, 6), st.just(4)), elements=st.integers(EMPTY, 1))


def majority_by_hand(row: list[int]) -> int:
    votes = Counter(answer for answer in row if answer != EMPTY)
    if not votes:
        return EMPTY
    (first, most), *others = votes.most_common()
    return TIED if others and others[0][1] == most else first


@given(ANSWERS)
def test_majority_is_the_most_frequent_answer(answers: np.ndarray) -> None:
    found = consensus(answers, ConsensusRule(), readers=NAMES, classes=3, positive=None)
    assert found.tolist() == [majority_by_hand(row) for row in answers.tolist()]


@given(ANSWERS, st.permutations(range(4)), st.sampled_from(["majority", "unanimous", "majority:b", "reader:c"]))
def test_the_order_of_the_readers_decides_nothing(answers: np.ndarray, order: list[int], rule: str) -> None:
    parsed = ConsensusRule.parse(rule)
    found = consensus(answers, parsed, readers=NAMES, classes=3, positive=None)
    names = [NAMES[index] for index in order]
    again = consensus(answers[:, order], parsed, readers=names, classes=3, positive=None)
    assert found.tolist() == again.tolist()


@given(BINARY)
def test_unanimous_implies_majority_and_any_positive(answers: np.ndarray) -> None:
    def by(rule: str) -> np.ndarray:
        return consensus(answers, ConsensusRule.parse(rule), readers=NAMES, classes=2, positive=1)

    agreed = by("unanimous") >= 0
    assert (by("majority")[agreed] == by("unanimous")[agreed]).all()
    assert (by("any_positive")[agreed] == by("unanimous")[agreed]).all()
    assert ((by("any_positive") == 1) == (answers == 1).any(axis=1)).all()
    nobody = (answers == EMPTY).all(axis=1)
    for rule in ("majority", "unanimous", "any_positive"):
        assert ((by(rule) == EMPTY) == nobody).all()


@given(BINARY)
def test_swapping_the_classes_swaps_the_majority(answers: np.ndarray) -> None:
    swapped = np.where(answers >= 0, 1 - answers, answers)
    rule = ConsensusRule()
    found = consensus(answers, rule, readers=NAMES, classes=2, positive=None)
    other = consensus(swapped, rule, readers=NAMES, classes=2, positive=None)
    assert np.where(found >= 0, 1 - found, found).tolist() == other.tolist()


@pytest.mark.parametrize(
    ("row", "rule", "expected"),
    [
        ([0, 1, EMPTY, EMPTY], "majority", TIED),
        ([0, 1, EMPTY, EMPTY], "majority:c", TIED),
        ([0, 1, 1, EMPTY], "majority:c", 1),
        ([0, 1, UNCERTAIN, EMPTY], "majority:c", UNCERTAIN),
        ([0, 0, 1, EMPTY], "majority:c", 0),
        ([EMPTY, EMPTY, 1, EMPTY], "majority:c", 1),
        ([UNCERTAIN, UNCERTAIN, 1, EMPTY], "majority", UNCERTAIN),
        ([0, 0, UNCERTAIN, EMPTY], "majority", 0),
        ([0, 0, UNCERTAIN, EMPTY], "unanimous", UNCERTAIN),
        ([0, 0, EMPTY, EMPTY], "unanimous", 0),
        ([0, UNCERTAIN, EMPTY, EMPTY], "any_positive", UNCERTAIN),
        ([1, UNCERTAIN, EMPTY, EMPTY], "any_positive", 1),
        ([0, 1, EMPTY, 1], "reader:c", EMPTY),
        ([0, 1, UNCERTAIN, 1], "reader:c", UNCERTAIN),
    ],
)
def test_examples(row: list[int], rule: str, expected: int) -> None:
    found = consensus(np.array([row]), ConsensusRule.parse(rule), readers=NAMES, classes=2, positive=1)
    assert found.tolist() == [expected]


def test_a_rule_without_one_reader_does_not_depend_on_him() -> None:
    assert without(ConsensusRule.parse("reader:a"), "a") is None
    assert without(ConsensusRule.parse("reader:a"), "b") == ConsensusRule.parse("reader:a")
    assert without(ConsensusRule.parse("majority:a"), "a") == ConsensusRule()


@pytest.mark.parametrize("text", ["", "mean", "reader", "reader:", "unanimous:a", "any_positive:a"])
def test_rules_that_there_are_not(text: str) -> None:
    with pytest.raises(ConfigError) as error:
        ConsensusRule.parse(text)
    assert error.value.code == "UnknownRule"


@pytest.mark.parametrize(
    ("rule", "classes", "positive", "code"),
    [
        ("reader:z", 2, 1, "UnknownReader"),
        ("any_positive", 3, 1, "NoPositive"),
        ("any_positive", 2, None, "NoPositive"),
    ],
)
def test_rules_that_cannot_be_applied(rule: str, classes: int, positive: int | None, code: str) -> None:
    with pytest.raises(ConfigError) as error:
        consensus(
            np.zeros((1, 4), dtype=np.int64),
            ConsensusRule.parse(rule),
            readers=NAMES,
            classes=classes,
            positive=positive,
        )
    assert error.value.code == code


@pytest.mark.parametrize("text", ["majority", "majority:anna", "unanimous", "any_positive", "reader:anna"])
def test_rules_are_said(text: str) -> None:
    words = ConsensusRule.parse(text).words()
    assert words
    assert ("anna" in words) == ("anna" in text)
