from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from medtransfer.core.errors import ConfigError, PredictionsError
from medtransfer.core.results import OperatingPoint
from medtransfer.decision.thresholds import Rule, candidates, choose
from medtransfer.evaluation.operating_points import confusion


def pick(truth: np.ndarray, p: np.ndarray, rule: Rule, goal: float | None) -> OperatingPoint:
    return choose(truth, p, rule=rule, goal=goal, positive="ill", chosen_on="validation")


def rates(truth: np.ndarray, p: np.ndarray, threshold: float) -> tuple[float, float]:
    counts = confusion(truth, p, threshold)
    return counts.true_positive / truth.sum(), counts.true_negative / (~truth).sum()


@st.composite
def scored(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    n = draw(st.integers(2, 40))
    truth = draw(hnp.arrays(bool, n))
    truth[:2] = [True, False]
    grid = st.integers(0, 10).map(lambda k: k / 10)
    return truth, draw(hnp.arrays(np.float64, n, elements=st.one_of(grid, st.floats(0, 1))))


@given(scored(), st.floats(0, 1))
@settings(deadline=None, max_examples=100)
def test_sensitivity_is_reached_by_the_highest_threshold(case: tuple[np.ndarray, np.ndarray], goal: float) -> None:
    truth, p = case
    point = pick(truth, p, "sensitivity", goal)
    assert rates(truth, p, point.threshold)[0] >= goal
    assert point.sensitivity.value == rates(truth, p, point.threshold)[0]
    higher = candidates(p)[candidates(p) > point.threshold]
    assert all(rates(truth, p, float(one))[0] < goal for one in higher)


@given(scored(), st.floats(0, 1))
@settings(deadline=None, max_examples=100)
def test_specificity_is_reached_by_the_lowest_threshold(case: tuple[np.ndarray, np.ndarray], goal: float) -> None:
    truth, p = case
    point = pick(truth, p, "specificity", goal)
    assert rates(truth, p, point.threshold)[1] >= goal
    lower = candidates(p)[candidates(p) < point.threshold]
    assert all(rates(truth, p, float(one))[1] < goal for one in lower)


@given(scored(), st.floats(0, 50))
@settings(deadline=None, max_examples=100)
def test_youden_and_cost_beat_every_threshold_and_ties_go_down(
    case: tuple[np.ndarray, np.ndarray], cost: float
) -> None:
    truth, p = case
    everywhere = np.unique(np.concatenate([candidates(p), p, np.linspace(0, 1, 30)]))
    best = pick(truth, p, "youden", None).threshold
    youden = [sum(rates(truth, p, float(one))) for one in everywhere]
    assert sum(rates(truth, p, best)) == pytest.approx(max(youden), abs=1e-12)

    def price(threshold: float) -> float:
        counts = confusion(truth, p, threshold)
        return counts.false_positive + cost * counts.false_negative

    cheapest = pick(truth, p, "cost", cost).threshold
    prices = [price(float(one)) for one in candidates(p)]
    assert price(cheapest) == min(prices)
    assert all(price(float(one)) > price(cheapest) for one in candidates(p) if one < cheapest)


@given(scored())
@settings(deadline=None, max_examples=100)
def test_candidates_are_all_ways_to_split(case: tuple[np.ndarray, np.ndarray]) -> None:
    _, p = case
    splits = [tuple(p >= one) for one in candidates(p)]
    assert len(set(splits)) == len(splits) == np.unique(p).size + 1
    assert all(splits[0])
    assert not any(splits[-1])
    assert (np.diff(candidates(p)) > 0).all()


def test_thresholds_lie_midway() -> None:
    truth = np.array([False, False, True, True])
    p = np.array([0.2, 0.4, 0.6, 0.8])
    assert pick(truth, p, "sensitivity", 1).threshold == pytest.approx(0.5)
    assert pick(truth, p, "sensitivity", 0.5).threshold == pytest.approx(0.7)
    assert pick(truth, p, "specificity", 1).threshold == pytest.approx(0.5)
    assert pick(truth, p, "youden", None).threshold == pytest.approx(0.5)
    assert candidates(p)[[0, -1]] == pytest.approx([0.1, 0.9])


def test_no_study_called_positive_is_possible_at_probability_one() -> None:
    truth, p = np.array([True, False]), np.array([0.5, 1.0])
    point = pick(truth, p, "specificity", 1.0)
    assert point.threshold == np.nextafter(1, 2)
    assert OperatingPoint.model_validate_json(point.model_dump_json()) == point


def test_neighbouring_floats_are_kept_apart() -> None:
    low = 0.3
    p = np.array([low, np.nextafter(low, 1)])
    assert candidates(p)[1] == p[1]


def test_ties_go_to_the_threshold_that_misses_fewer() -> None:
    truth = np.array([True, False, True, False])
    p = np.array([0.2, 0.4, 0.6, 0.8])
    assert pick(truth, p, "youden", None).threshold == pytest.approx(0.1)  # J = 0 at 0.1, 0.5 and 0.9
    assert pick(truth, p, "cost", 1).threshold == pytest.approx(0.1)


def test_tiny_changes_move_no_decision() -> None:
    generator = np.random.default_rng(0)
    p = generator.random(200)
    truth = generator.random(200) < p
    point = pick(truth, p, "sensitivity", 0.9)
    nudged = p + generator.uniform(-1e-9, 1e-9, size=200)
    assert ((p >= point.threshold) == (nudged >= point.threshold)).all()


def test_patients_widen_the_intervals() -> None:
    truth = np.tile([True, False], 50)
    p = np.repeat(np.random.default_rng(0).random(20), 5)
    groups = np.repeat(np.arange(20), 5)
    point = choose(truth, p, rule="youden", goal=None, positive="ill", chosen_on="validation", groups=groups)
    assert "patients repeat" in point.sensitivity.method
    assert (point.positive, point.chosen_on, point.met) == ("ill", "validation", True)


@pytest.mark.parametrize("truth", [np.ones(4, dtype=bool), np.zeros(4, dtype=bool), np.zeros(0, dtype=bool)])
def test_one_class_is_refused(truth: np.ndarray) -> None:
    with pytest.raises(PredictionsError) as error:
        pick(truth, np.linspace(0, 1, truth.size), "youden", None)
    assert error.value.code == "OneClass"


@pytest.mark.parametrize("bad", [np.nan, -0.1, 1.5])
def test_what_is_no_probability_is_refused(bad: float) -> None:
    with pytest.raises(PredictionsError) as error:
        pick(np.array([True, False]), np.array([bad, 0.5]), "youden", None)
    assert error.value.code == "NotProbabilities"


@pytest.mark.parametrize(
    ("rule", "goal"),
    [
        ("sensitivity", None),
        ("sensitivity", 1.5),
        ("specificity", -0.1),
        ("specificity", float("nan")),
        ("youden", 0.9),
        ("cost", None),
        ("cost", -1.0),
        ("cost", float("inf")),
    ],
)
def test_a_goal_must_suit_its_rule(rule: Rule, goal: float | None) -> None:
    with pytest.raises(ConfigError) as error:
        pick(np.array([True, False]), np.array([0.2, 0.5]), rule, goal)
    assert error.value.code == "GoalOutOfRange"
    assert rule in str(error.value)
