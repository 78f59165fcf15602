from __future__ import annotations

import numpy as np
import pytest
from questions import ends
from sklearn.metrics import cohen_kappa_score

from medtransfer.evaluation.readers.agreement import MOST_READERS, agreement
from medtransfer.evaluation.readers.question import Question
from medtransfer.evaluation.readers.truth import EMPTY, UNCERTAIN


def asked(
    answers: np.ndarray, *, groups: np.ndarray | None = None, classes: int = 2, ordered: bool = False
) -> Question:
    names = tuple(f"r{index}" for index in range(answers.shape[1]))
    groups = np.arange(len(answers)) if groups is None else groups
    return Question(answers=answers, readers=names, groups=groups, classes=classes, ordered=ordered)


def drawn(readers: int, *, cases: int = 80, classes: int = 2, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, classes, size=cases)
    said = np.where(
        generator.random((cases, readers)) < 0.75, truth[:, None], generator.integers(0, classes, (cases, readers))
    )
    return said.astype(np.int64)


def test_two_readers_have_cohens_kappa() -> None:
    answers = drawn(2)
    answers[0, 0], answers[1, 1] = UNCERTAIN, EMPTY
    found = agreement(asked(answers), seed=0, replicates=200)
    by_name = {one.name: one for one in found.estimates}
    kappa = by_name["Cohen's kappa"]
    assert kappa.value == pytest.approx(cohen_kappa_score(answers[2:, 0], answers[2:, 1]))
    low, value, high = ends(kappa)
    assert low < value < high
    assert (kappa.n, found.studies, found.uncertain) == (78, 78, 1)
    assert by_name["percent agreement"].value == pytest.approx((answers[2:, 0] == answers[2:, 1]).mean())
    assert not found.pairs


def test_ordered_classes_are_weighted() -> None:
    answers = drawn(2, classes=4)
    found = agreement(asked(answers, classes=4, ordered=True), seed=0, replicates=200)
    by_name = {one.name: one.value for one in found.estimates}
    expected = cohen_kappa_score(answers[:, 0], answers[:, 1], weights="quadratic")
    assert by_name["quadratic-weighted kappa"] == pytest.approx(expected)
    assert "Krippendorff's alpha, ordinal" in by_name


def test_more_readers_have_fleiss_kappa_and_pairs() -> None:
    answers = drawn(3)
    answers[0, 0] = EMPTY
    found = agreement(asked(answers), seed=0, replicates=200)
    assert [one.name for one in found.estimates] == ["percent agreement", "Fleiss' kappa", "Krippendorff's alpha"]
    assert [one.n for one in found.estimates] == [80, 79, 80]
    assert [(pair.first, pair.second) for pair in found.pairs] == [("r0", "r1"), ("r0", "r2"), ("r1", "r2")]
    assert found.pairs[2].kappa.value == pytest.approx(cohen_kappa_score(answers[:, 1], answers[:, 2]))
    many = agreement(asked(drawn(MOST_READERS + 1)), seed=0, replicates=100)
    assert not many.pairs


def test_the_patient_is_the_unit() -> None:
    answers = drawn(3, cases=60)
    alone = agreement(asked(answers), seed=0, replicates=400)
    groups = np.tile(np.arange(60), 5)
    five = agreement(asked(np.tile(answers, (5, 1)), groups=groups), seed=0, replicates=400)
    for one, other in zip(alone.estimates[:2], five.estimates[:2], strict=True):
        assert other.value == pytest.approx(one.value)
        assert other.low == pytest.approx(one.low)
        assert other.high == pytest.approx(one.high)


@pytest.mark.parametrize("answers", [np.full((3, 2), EMPTY), np.zeros((3, 2), dtype=np.int64), np.array([[0, 1]])])
def test_nothing_is_made_up(answers: np.ndarray) -> None:
    found = agreement(asked(answers), seed=0, replicates=100)
    for one in found.estimates:
        assert one.value is None or one.low is None or one.name == "percent agreement"
        assert one.note or one.low is not None
