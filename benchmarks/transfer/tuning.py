"""Which learning rate, by validation on patients of the training part; pure functions of the trials so far.

A trial's draw is made of patients outside a held-out 30 % of the training part, and measured on those: more
labels than a budget holds, alike for every method that is trained. No test study is in a trial's table at all.

The rate with the best mean AUROC over the tuning draws wins, the lower one of equals. Where it is the lowest or the
highest of the grid, one rate further is tried. Where a term's strength is to be chosen, its other values are tried at
that rate, and the best one wins, the earlier of equals. What is to reach a plateau gets twice the steps, and twice
again, for as long as that is better by more than `FLAT`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from benchmarks.transfer.methods import FLAT, LONGEST, Method, Study

Measured = Mapping["Choice", Mapping[int, float]]
"""Choice → tuning seed → AUROC."""


class Choice(NamedTuple):
    """How a setting's cells are trained: head's learning rate, times the method's steps, strength of the term."""

    rate: float
    times: int = 1
    strength: float = 0.0


class Missing(NamedTuple):
    """A trial that a choice waits for."""

    choice: Choice
    seed: int


def next_trials(
    measured: Measured, *, study: Study, method: Method, seeds: Iterable[int]
) -> tuple[Choice | None, list[Missing]]:
    """The choice, or the trials that are needed before the next question can be asked."""
    seeds = tuple(seeds)
    first, *others = method.strengths or (0.0,)
    tried = [Choice(rate, strength=first) for rate in study.rates]
    if len(tried) == 1:
        return tried[0], []
    if lacking := _lacking(measured, tried, seeds):
        return None, lacking
    best = _best(measured, tried, seeds)
    if best.rate in {min(study.rates), max(study.rates)}:
        lower, higher = study.beyond
        further = Choice(lower if best.rate == min(study.rates) else higher, strength=first)
        if lacking := _lacking(measured, [further], seeds):
            return None, lacking
        best = _best(measured, [*tried, further], seeds)
    rivals = [best._replace(strength=strength) for strength in others]
    if lacking := _lacking(measured, rivals, seeds):
        return None, lacking
    best = _best(measured, [best, *rivals], seeds)
    while method.until_flat and best.times < LONGEST:
        longer = best._replace(times=2 * best.times)
        if lacking := _lacking(measured, [longer], seeds):
            return None, lacking
        if _mean(measured[longer], seeds) - _mean(measured[best], seeds) <= FLAT:
            break
        best = longer
    return best, []


def _mean(by_seed: Mapping[int, float], seeds: tuple[int, ...]) -> float:
    """Mean AUROC over the tuning draws."""
    return sum(by_seed[seed] for seed in seeds) / len(seeds)


def _best(measured: Measured, tried: Iterable[Choice], seeds: tuple[int, ...]) -> Choice:
    """Of equals the lower rate, then the earlier one."""
    return max(tried, key=lambda choice: (_mean(measured[choice], seeds), -choice.rate))


def _lacking(measured: Measured, choices: Iterable[Choice], seeds: tuple[int, ...]) -> list[Missing]:
    return [Missing(choice, seed) for seed in seeds for choice in choices if seed not in measured.get(choice, {})]
