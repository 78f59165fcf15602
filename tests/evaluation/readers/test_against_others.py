from __future__ import annotations

import numpy as np
import pytest

from medtransfer.core.evaluated.readers import ConsensusRule
from medtransfer.evaluation.readers.against_others import against_others
from medtransfer.evaluation.readers.question import Question
from medtransfer.evaluation.readers.truth import EMPTY, UNCERTAIN

ANSWERS = np.array(
    [
        [1, 1, 1],
        [1, 1, 0],
        [1, 1, UNCERTAIN],
        [1, 0, 1],
        [0, 0, 1],
        [0, 0, 0],
        [0, 0, 0],
        [0, EMPTY, 0],
    ]
)
CALLED = np.array([True, True, False, True, True, False, False, False])


def asked(answers: np.ndarray, positive: int | None = 1) -> Question:
    return Question(
        answers=answers, readers=("a", "b", "c"), groups=np.arange(len(answers)), classes=2, positive=positive
    )


def test_a_reader_is_judged_by_the_others_alone() -> None:
    rows = against_others(asked(ANSWERS), ConsensusRule(), called=CALLED, seed=0, replicates=100)
    assert [row.reader for row in rows] == ["a", "b", "c"]
    third = rows[2]
    # a and b agree on rows 0, 1, 2, 4, 5, 6; b is silent on row 7, where a alone decides; c is uncertain on row 2.
    assert third.studies == 6
    sensitivity, specificity = third.estimates
    assert (sensitivity.value, sensitivity.n) == (pytest.approx(1 / 2), 2)
    assert (specificity.value, specificity.n) == (pytest.approx(3 / 4), 4)
    assert [one.value for one in third.model] == [pytest.approx(1.0), pytest.approx(3 / 4)]
    assert [one.value for one in third.differences] == [pytest.approx(-1 / 2), pytest.approx(0.0)]


def test_his_own_answers_do_not_change_what_the_model_is_judged_by() -> None:
    changed = ANSWERS.copy()
    changed[:, 2] = np.where(changed[:, 2] >= 0, 1 - changed[:, 2], changed[:, 2])
    before, after = (
        against_others(asked(answers), ConsensusRule(), called=CALLED, seed=0, replicates=100)[2]
        for answers in (ANSWERS, changed)
    )
    assert before.model == after.model
    assert before.estimates != after.estimates


def test_equal_calls_differ_by_nothing() -> None:
    generator = np.random.default_rng(0)
    answers = generator.integers(0, 2, size=(60, 3))
    rows = against_others(asked(answers), ConsensusRule(), called=answers[:, 1] == 1, seed=0, replicates=100)
    for one in rows[1].differences:
        assert (one.value, one.low, one.high) == (0.0, None, None)
        assert one.note
    assert any(one.value for one in rows[0].differences)


def test_the_reader_who_is_the_reference_is_not_judged() -> None:
    rows = against_others(asked(ANSWERS), ConsensusRule.parse("reader:b"), seed=0, replicates=100)
    assert [row.reader for row in rows] == ["a", "c"]
    assert rows[0].model == rows[0].differences == ()


def test_without_a_positive_class() -> None:
    rows = against_others(asked(ANSWERS, None), ConsensusRule(), called=CALLED, seed=0, replicates=100)
    assert [[one.name for one in row.estimates] for row in rows] == [["agreement"]] * 3
    assert rows[0].estimates[0].value == pytest.approx(6 / 6)
    assert not rows[0].model


def test_no_study_at_all() -> None:
    rows = against_others(
        asked(np.full((4, 3), EMPTY)), ConsensusRule(), called=np.ones(4, dtype=bool), seed=0, replicates=100
    )
    for row in rows:
        assert row.studies == 0
        assert all(one.value is None and one.note for one in (*row.estimates, *row.model, *row.differences))
