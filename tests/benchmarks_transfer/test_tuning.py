"""Choosing a learning rate: trials are asked for until the question is answered, and never after."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.transfer.methods import LONGEST, SMOKE, WHOLE, Method
from benchmarks.transfer.tuning import Choice, Measured, Missing, next_trials

SEEDS = (1000, 1001)
LOW, MIDDLE, HIGH = WHOLE.rates
LOWER, HIGHER = WHOLE.beyond


PLAIN = Method(title="plain")
FLAT_ONE = replace(PLAIN, until_flat=True)
TERM = replace(PLAIN, strengths=(0.5, 0.1, 0.9))


def at(*, strength: float = 0.0, **aurocs: float) -> Measured:
    """AUROC of `low=…`, `middle_x2=…`, alike for both seeds."""
    rates = {"low": LOW, "middle": MIDDLE, "high": HIGH, "lower": LOWER, "higher": HIGHER}
    found: dict[Choice, dict[int, float]] = {}
    for name, value in aurocs.items():
        rate, _, times = name.partition("_x")
        found[Choice(rates[rate], int(times or 1), strength)] = dict.fromkeys(SEEDS, value)
    return found


def ask(measured: Measured, method: Method = PLAIN) -> tuple[Choice | None, list[Missing]]:
    return next_trials(measured, study=WHOLE, method=method, seeds=SEEDS)


def test_first_the_grid() -> None:
    choice, missing = ask({})
    assert choice is None
    assert set(missing) == {Missing(Choice(rate), seed) for rate in WHOLE.rates for seed in SEEDS}


def test_only_what_is_missing() -> None:
    measured = {**at(low=0.8, middle=0.9), Choice(HIGH): {1000: 0.7}}
    assert ask(measured) == (None, [Missing(Choice(HIGH), 1001)])


def test_the_middle_rate_needs_no_more() -> None:
    assert ask(at(low=0.8, middle=0.9, high=0.7)) == (Choice(MIDDLE), [])


@pytest.mark.parametrize(("best", "beyond"), [("low", LOWER), ("high", HIGHER)])
def test_at_the_edge_one_rate_further_is_tried(best: str, beyond: float) -> None:
    measured = at(**({"low": 0.8, "middle": 0.8, "high": 0.8} | {best: 0.9}))
    assert ask(measured) == (None, [Missing(Choice(beyond), seed) for seed in SEEDS])
    for value, expected in ((0.95, beyond), (0.7, LOW if best == "low" else HIGH)):
        with_it = {**measured, Choice(beyond): dict.fromkeys(SEEDS, value)}
        assert ask(with_it) == (Choice(expected), [])


def test_of_equals_the_lower_rate() -> None:
    assert ask(at(low=0.8, middle=0.9, high=0.9)) == (Choice(MIDDLE), [])


def test_the_mean_over_draws_decides() -> None:
    measured = {Choice(LOW): {1000: 0.99, 1001: 0.5}, **at(middle=0.8, high=0.7)}
    assert ask(measured) == (Choice(MIDDLE), [])


def test_steps_are_doubled_until_it_is_flat() -> None:
    grid = at(low=0.8, middle=0.9, high=0.7)
    assert ask(grid, FLAT_ONE) == (None, [Missing(Choice(MIDDLE, 2), seed) for seed in SEEDS])
    assert ask({**grid, **at(middle_x2=0.9049)}, FLAT_ONE) == (Choice(MIDDLE), [])
    better = {**grid, **at(middle_x2=0.92)}
    assert ask(better, FLAT_ONE) == (None, [Missing(Choice(MIDDLE, 4), seed) for seed in SEEDS])
    assert ask({**better, **at(middle_x4=0.9)}, FLAT_ONE) == (Choice(MIDDLE, 2), [])
    assert ask({**better, **at(middle_x4=0.95)}, FLAT_ONE) == (Choice(MIDDLE, LONGEST), [])


def test_strengths_are_tried_at_the_best_rate() -> None:
    grid = at(strength=0.5, low=0.8, middle=0.9, high=0.7)
    expected = [Missing(Choice(MIDDLE, 1, strength), seed) for seed in SEEDS for strength in (0.1, 0.9)]
    assert ask(grid, TERM) == (None, expected)
    both = {**grid, **at(strength=0.1, middle=0.9), **at(strength=0.9, middle=0.89)}
    assert ask(both, TERM) == (Choice(MIDDLE, 1, 0.5), [])
    both = {**grid, **at(strength=0.1, middle=0.85), **at(strength=0.9, middle=0.91)}
    assert ask(both, TERM) == (Choice(MIDDLE, 1, 0.9), [])


def test_a_grid_of_one_asks_nothing() -> None:
    alone = replace(SMOKE, rates=(0.5,))
    assert next_trials({}, study=alone, method=FLAT_ONE, seeds=SEEDS) == (Choice(0.5), [])
    assert next_trials({}, study=alone, method=TERM, seeds=SEEDS) == (Choice(0.5, 1, 0.5), [])
