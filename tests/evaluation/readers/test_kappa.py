from __future__ import annotations

from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import fleiss_kappa

from medtransfer.evaluation.readers.kappa import alpha, class_counts, cohen, fleiss, percent_agreement
from medtransfer.evaluation.readers.truth import EMPTY
from medtransfer.evaluation.resampling import Statistic

N = EMPTY + 1
KRIPPENDORFF = (
    np.array(
        [
            [1, 2, 3, 3, 2, 1, 4, 1, 2, N, N, N],
            [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, N, 3],
            [N, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, N],
            [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, N],
        ]
    ).T
    - 1
)
"""Four observers, twelve units, values missing: Krippendorff 2011, section C."""

MANY = arrays(np.int64, st.tuples(st.integers(2, 12), st.integers(2, 5)), elements=st.integers(0, 3))
HOLES = arrays(np.int64, st.tuples(st.integers(1, 8), st.integers(2, 4)), elements=st.integers(EMPTY, 2))


def once(statistic: Statistic, cases: int) -> float:
    return float(statistic(np.ones((1, cases)))[0])


def alpha_by_hand(answers: np.ndarray, *, ordered: bool) -> float | None:
    """Krippendorff's definition, pair by pair, in fractions."""
    units = [[int(a) for a in row if a >= 0] for row in answers]
    units = [unit for unit in units if len(unit) >= 2]
    values = [value for unit in units for value in unit]
    n = {value: values.count(value) for value in range(max(values, default=0) + 1)}

    def distance(c: int, k: int) -> Fraction:
        if not ordered:
            return Fraction(int(c != k))
        low, high = min(c, k), max(c, k)
        return (sum((Fraction(n[g]) for g in range(low, high + 1)), Fraction(0)) - Fraction(n[c] + n[k], 2)) ** 2

    observed = sum((distance(c, k) / (len(unit) - 1) for unit in units for c, k in permutations(unit, 2)), Fraction(0))
    expected = sum((distance(c, k) for c, k in permutations(values, 2)), Fraction(0))
    return None if expected == 0 else float(1 - (len(values) - 1) * observed / expected)


def test_krippendorffs_own_example() -> None:
    counts = class_counts(KRIPPENDORFF, 5)
    assert once(alpha(counts), 12) == pytest.approx(0.743, abs=5e-4)
    assert once(alpha(counts, ordered=True), 12) == pytest.approx(0.815, abs=5e-4)


@given(HOLES, st.booleans())
def test_alpha_is_its_definition(answers: np.ndarray, ordered: bool) -> None:
    expected = alpha_by_hand(answers, ordered=ordered)
    found = once(alpha(class_counts(answers, 3), ordered=ordered), len(answers))
    assert np.isnan(found) if expected is None else found == pytest.approx(expected, abs=1e-12)


@given(MANY)
def test_fleiss_is_that_of_statsmodels(answers: np.ndarray) -> None:
    counts = class_counts(answers, 4)
    assume((counts.sum(axis=0) > 0).sum() > 1)
    assert once(fleiss(counts), len(answers)) == pytest.approx(fleiss_kappa(counts), abs=1e-12)


@given(MANY, st.booleans())
def test_cohen_is_that_of_scikit_learn(answers: np.ndarray, ordered: bool) -> None:
    first, second = answers[:, 0], answers[:, 1]
    assume(len(set(first) | set(second)) > 1)
    expected = cohen_kappa_score(first, second, labels=range(4), weights="quadratic" if ordered else None)
    assert once(cohen(answers[:, :2], 4, ordered=ordered), len(answers)) == pytest.approx(expected, abs=1e-12)


@given(MANY)
def test_weights_are_repetitions(answers: np.ndarray) -> None:
    counts = class_counts(answers, 4)
    twice = np.repeat(answers, np.arange(len(answers)) % 3, axis=0)
    assume(len(twice) > 0)
    weights = (np.arange(len(answers)) % 3).astype(float)[None]
    for ordered in (False, True):
        by_weight = alpha(counts, ordered=ordered)(weights)[0]
        repeated = once(alpha(class_counts(twice, 4), ordered=ordered), len(twice))
        assert by_weight == pytest.approx(repeated, abs=1e-12, nan_ok=True)
    for made in (fleiss, percent_agreement):
        repeated = once(made(class_counts(twice, 4)), len(twice))
        assert made(counts)(weights)[0] == pytest.approx(repeated, abs=1e-12, nan_ok=True)


@given(MANY, st.permutations(range(4)), st.randoms())
def test_names_of_classes_and_order_of_readers_say_nothing(answers: np.ndarray, names: list[int], random) -> None:
    columns = list(range(answers.shape[1]))
    random.shuffle(columns)
    other = np.array(names)[answers][:, columns]
    for made in (fleiss, percent_agreement, alpha):
        before, after = (once(made(class_counts(one, 4)), len(one)) for one in (answers, other))
        assert before == pytest.approx(after, abs=1e-12, nan_ok=True)


def test_perfect_agreement_and_chance() -> None:
    same = np.repeat(np.array([0, 1, 2, 1, 0])[:, None], 3, axis=1)
    counts = class_counts(same, 3)
    for made in (fleiss, percent_agreement, alpha):
        assert once(made(counts), 5) == pytest.approx(1)
    generator = np.random.default_rng(0)
    counts = class_counts(generator.integers(0, 3, size=(20_000, 3)), 3)
    for made in (fleiss, alpha):
        assert once(made(counts), 20_000) == pytest.approx(0, abs=0.02)


def test_where_there_is_nothing_to_say() -> None:
    one_class = class_counts(np.zeros((4, 3), dtype=np.int64), 2)
    assert np.isnan(once(fleiss(one_class), 4))
    assert np.isnan(once(alpha(one_class), 4))
    assert np.isnan(once(cohen(np.zeros((4, 2), dtype=np.int64), 2), 4))
    alone = class_counts(np.array([[1, EMPTY], [EMPTY, 0]]), 2)
    assert np.isnan(once(alpha(alone), 2))
    assert np.isnan(once(percent_agreement(alone), 2))
