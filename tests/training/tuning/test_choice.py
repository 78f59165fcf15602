from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tuned import plan_of, trial_of

from medtransfer.training.tuning.choice import (
    best_trial,
    caution,
    one_standard_error,
    paired_difference,
    pareto_front,
    standard_error,
)

LOSSES = st.lists(
    st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.5, 0.9, 1.7]), min_size=3, max_size=3), min_size=1, max_size=9
)
POINTS = st.lists(st.tuples(*[st.integers(0, 6).map(float)] * 2), max_size=25)


@given(losses=LOSSES, seed=st.integers(0, 99))
def test_the_rule_takes_the_most_cautious_of_those_within_one_standard_error(losses: list[list[float]], seed: int):
    generator = np.random.default_rng(seed)
    trials = [trial_of(number, parts) for number, parts in enumerate(losses, 1)]
    cautions = {t.number: (float(generator.integers(3)), float(generator.integers(3))) for t in trials}
    chosen = one_standard_error(trials, cautions)
    means = [float(np.mean(parts)) for parts in losses]
    best = int(np.argmin(means))
    limit = means[best] + np.std(losses[best], ddof=1) / math.sqrt(3)
    surely, maybe = (
        {t.number for t, mean in zip(trials, means, strict=True) if mean <= limit + slack} for slack in (-1e-9, 1e-9)
    )
    assert chosen.number in maybe
    assert all(cautions[chosen.number] >= cautions[number] for number in surely)
    assert all(chosen.loss <= trials[n - 1].loss for n in surely if cautions[n] == cautions[chosen.number])


def test_trials_that_did_not_come_to_an_end_are_never_taken() -> None:
    cut = trial_of(1, [0.01]).model_copy(update={"state": "pruned", "log_loss": None, "standard_error": None})
    whole = trial_of(2, [0.5, 0.6])
    assert best_trial([cut, whole]) == one_standard_error([cut, whole], {2: (0.0, 0.0)}) == whole


def test_without_a_standard_error_only_equals_are_near() -> None:
    even = [trial_of(1, [0.5, 0.5]), trial_of(2, [0.5, 0.500001]), trial_of(3, [0.5, 0.5])]
    assert one_standard_error(even, {1: (0.0, 0.0), 2: (9.0, 9.0), 3: (1.0, 0.0)}).number == 3


def test_a_stronger_anchor_is_more_cautious_and_among_equals_a_larger_share_of_the_sources() -> None:
    def with_(strength: float, trade_off: float) -> tuple[float, float]:
        return caution(plan_of(trade_off=trade_off, parameters={"l2": {"strength": strength}}, sources=1))

    assert with_(0.1, math.inf) > with_(0.01, 0.0)
    assert with_(0.1, 0.0) > with_(0.1, 1.0) > with_(0.1, 3.0) > with_(0.1, math.inf)
    assert caution(plan_of(trade_off=math.inf, parameters={"l2": {}})) == (1.0, 0.0)


@given(points=POINTS)
def test_nobody_on_the_front_is_dominated_and_everybody_else_is(points: list[tuple[float, float]]) -> None:
    front = pareto_front(points)

    def dominated(index: int) -> bool:
        return any(
            all(a <= b for a, b in zip(other, points[index], strict=True)) and other != points[index]
            for other in points
        )

    assert {index for index in range(len(points)) if not dominated(index)} == set(front)
    assert [points[index] for index in front] == sorted(points[index] for index in front)


def test_the_standard_error_is_that_of_the_mean() -> None:
    values = [0.3, 0.5, 0.4, 0.9]
    assert standard_error(values) == pytest.approx(math.sqrt(sum((v - 0.525) ** 2 for v in values) / 3 / 4))


def test_a_paired_difference_does_not_see_how_hard_the_parts_are() -> None:
    hard = [0.1, 1.5, 0.7]
    found = paired_difference(trial_of(1, [loss - 0.05 for loss in hard]), trial_of(2, hard))
    assert found.mean == pytest.approx(-0.05)
    assert found.standard_error == pytest.approx(0.0, abs=1e-12)
