"""Natural frequencies: who the neighbours are, how often they had it, and that the interval holds what it says."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from medtransfer.core.errors import ConfigError
from medtransfer.core.results import ScoredStudies
from medtransfer.evaluation.intervals import wilson
from medtransfer.evaluation.natural_frequency import FEWEST, MOST, NaturalFrequency, natural_frequency
from medtransfer.evaluation.proportions import proportion


def scored(probability: np.ndarray, present: np.ndarray, owners: np.ndarray | None = None) -> ScoredStudies:
    probability = np.round(probability, 4)
    order = np.lexsort((present, probability))
    owners = np.arange(len(order)) if owners is None else owners
    return ScoredStudies(
        split="calibration",
        of="pneumonia",
        probabilities=tuple(probability[order].tolist()),
        present=tuple(present[order].tolist()),
        patients=tuple(owners[order].tolist()),
    )


def between(values: np.ndarray, found: NaturalFrequency) -> np.ndarray:
    assert found.lowest is not None
    assert found.highest is not None
    return (values >= found.lowest) & (values <= found.highest)


def evenly(n: int) -> ScoredStudies:
    """Scores 0, 1/n, …; the upper half have it."""
    return scored(np.arange(n) / n, np.arange(n) >= n / 2)


def test_in_the_middle_as_many_are_taken_below_as_above() -> None:
    found = natural_frequency(evenly(500), 0.5)
    assert (found.estimate.n, found.present, found.patients) == (50, 25, 50)
    assert (found.lowest, found.highest) == (0.45, 0.548)
    assert (found.scored, found.share, found.prevalence) == (500, 0.5, None)
    assert found.estimate.value == 0.5
    assert (found.estimate.low, found.estimate.high) == wilson(25, 50)
    assert (found.estimate.method, found.estimate.of) == ("Wilson", "pneumonia")


def test_towards_an_end_the_neighbourhood_narrows_and_never_below_the_fewest() -> None:
    studies = evenly(500)
    sizes = [natural_frequency(studies, p).estimate.n for p in (0.5, 0.96, 0.97, 0.99, 1.0)]
    assert sizes == [50, 40, 30, FEWEST, FEWEST]
    top = natural_frequency(studies, 1.0)
    assert (top.lowest, top.highest, top.estimate.value) == (0.96, 0.998, 1.0)
    assert top.estimate.note == "no scored study has so high a probability"
    assert "so low" in natural_frequency(scored(0.2 + np.arange(40) / 100, np.arange(40) > 9), 0.1).estimate.note


def test_a_small_cohort_gives_the_fewest_and_a_smaller_one_nothing() -> None:
    assert natural_frequency(evenly(FEWEST), 0.3).estimate.n == FEWEST
    none = natural_frequency(evenly(FEWEST - 1), 0.3, prevalence=0.1)
    assert (none.estimate.value, none.estimate.low, none.lowest, none.estimate.n) == (None, None, None, 0)
    assert none.estimate.note == "only 19 studies were scored, and 20 are needed"
    empty = ScoredStudies(split="validation", of="x", probabilities=(), present=(), patients=())
    assert natural_frequency(empty, 0.3).estimate.value is None


@given(
    st.lists(st.tuples(st.integers(0, 30), st.booleans()), min_size=FEWEST, max_size=150),
    st.integers(0, 30),
)
@settings(deadline=None, max_examples=150)
def test_laws_of_the_neighbourhood(studies: list[tuple[int, bool]], score: int) -> None:
    values, present = np.array([s for s, _ in studies]), np.array([y for _, y in studies])
    found = natural_frequency(scored(values / 30, present), score / 30)
    inside = between(np.round(values / 30, 4), found)
    assert inside.sum() == found.estimate.n >= FEWEST  # equal scores are taken all or none
    assert present[inside].sum() == found.present
    assert inside[values == score].all()  # those of the very same score are always among them
    assert found.estimate.n <= MOST + 2 * np.bincount(values).max()
    # A rising function of the scores changes nothing: recalibration finds the same neighbours.
    squeezed = natural_frequency(scored(0.1 + 0.5 * (values / 30) ** 2, present), 0.1 + 0.5 * (score / 30) ** 2)
    assert squeezed.estimate == found.estimate


def test_where_patients_repeat_the_interval_is_that_of_fewer_studies() -> None:
    generator = np.random.default_rng(3)
    owners = np.repeat(np.arange(25), 4)
    present = np.repeat(generator.random(25) < 0.5, 4)
    values = np.repeat(generator.random(25), 4) / 100 + 0.5
    together = natural_frequency(scored(values, present, owners), 0.505)
    alone = natural_frequency(scored(values, present), 0.505)
    assert together.estimate.value == alone.estimate.value
    assert together.patients < together.estimate.n
    assert "patients repeat" in together.estimate.method
    for wide, narrow in ((alone.estimate.low, together.estimate.low), (together.estimate.high, alone.estimate.high)):
        assert wide is not None
        assert narrow is not None
        assert wide > narrow


def test_at_a_stated_prevalence_the_odds_move_by_the_likelihood_ratio() -> None:
    found = natural_frequency(evenly(500), 0.5)
    same = natural_frequency(evenly(500), 0.5, prevalence=0.5)
    rare = natural_frequency(evenly(500), 0.5, prevalence=0.1)
    assert (same.estimate.low, same.estimate.high) == pytest.approx((found.estimate.low, found.estimate.high))
    # Half of the neighbours have it, as half of all have: a likelihood ratio of 1, so the stated prevalence itself.
    assert rare.estimate.value == pytest.approx(0.1)
    low, high = wilson(25, 50)
    for end, before in ((rare.estimate.low, low), (rare.estimate.high, high)):
        assert end is not None
        assert logit(end) == pytest.approx(logit(before) + logit(0.1))
    assert rare.estimate.note == "at a prevalence of 10 %"
    assert (rare.prevalence, rare.present, rare.share) == (0.1, 25, 0.5)


def test_all_or_none_stay_so_and_a_cohort_of_one_kind_cannot_be_shifted() -> None:
    top = natural_frequency(evenly(500), 0.99, prevalence=0.01)
    assert (top.estimate.value, top.estimate.high) == (1.0, 1.0)
    assert top.estimate.low is not None
    often = natural_frequency(evenly(500), 0.99, prevalence=0.2).estimate.low
    assert often is not None
    assert top.estimate.low < often
    ill = scored(np.arange(40) / 40, np.ones(40, dtype=bool))
    assert natural_frequency(ill, 0.5).estimate.value == 1.0
    shifted = natural_frequency(ill, 0.5, prevalence=0.2)
    assert (shifted.estimate.value, shifted.estimate.low) == (None, None)
    assert shifted.estimate.note == "all of the scored studies have the finding"


@pytest.mark.parametrize("prevalence", [0.0, 1.0, -0.1, 5.0])
def test_a_prevalence_outside_its_range_is_refused(prevalence: float) -> None:
    with pytest.raises(ConfigError) as error:
        natural_frequency(evenly(100), 0.5, prevalence=prevalence)
    assert error.value.code == "PrevalenceOutOfRange"


class World(NamedTuple):
    """Patients with one log-odds of the finding each, and how the model sees it.

    Attributes:
        separation: Between those with and without it, in standard deviations.
        prevalence: How frequent it is.
        slope: By which the model exaggerates the log-odds.
        each: Studies a patient, of which all have the finding or none.
    """

    separation: float
    prevalence: float
    slope: float = 1.0
    each: int = 1

    def draw(self, n: int, generator: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Scores, truths, owners and true risks of n studies."""
        owners = np.arange(n) // self.each
        ill = generator.random(n) < self.prevalence
        x = generator.normal(self.separation * ill[owners], 1)
        # Of the score alone: within a patient the truth is shared, so that studies are not independent.
        risk = expit(self.separation * x - self.separation**2 / 2 + logit(self.prevalence))
        return expit(self.slope * logit(risk)), ill[owners], owners, risk


WORLDS = {
    "usual": (World(1.5, 0.3), 60),
    "usual, many": (World(1.5, 0.3), 400),
    "rare": (World(1.8, 0.1), 300),
    "overconfident": (World(1.5, 0.3, slope=2.5), 150),
    "nearly separated": (World(3.0, 0.5), 200),
    "three studies a patient": (World(1.5, 0.3, each=3), 300),
}


@pytest.mark.parametrize("name", WORLDS)
def test_the_interval_holds_the_frequency_between_its_scores(name: str) -> None:
    """At nominal 95 %; of 800 cohorts 93 % or more, also at another prevalence."""
    world, n = WORLDS[name]
    generator = np.random.default_rng(20)
    far, *_ = world.draw(400_000, generator)
    _, truth, _, _ = everyone = world.draw(400_000, generator)
    order = np.argsort(everyone[0])
    values, below = everyone[0][order], np.concatenate([[0], np.cumsum(truth[order])])
    held, moved, cohorts, other = 0, 0, 800, 0.05
    for score in far[:cohorts]:
        probability, present, owners, _ = world.draw(n, generator)
        studies = scored(probability, present, owners)
        found = natural_frequency(studies, float(score))
        assert found.lowest is not None
        assert found.highest is not None
        first, last = np.searchsorted(values, found.lowest, "left"), np.searchsorted(values, found.highest, "right")
        real = float(below[last] - below[first]) / max(int(last - first), 1)
        assert found.estimate.low is not None
        assert found.estimate.high is not None
        held += found.estimate.low <= real <= found.estimate.high
        shifted = natural_frequency(studies, float(score), prevalence=other).estimate
        there = expit(logit(np.clip(real, 1e-9, 1 - 1e-9)) - logit(world.prevalence) + logit(other))
        assert shifted.low is not None
        assert shifted.high is not None
        moved += shifted.low - 1e-9 <= there <= shifted.high + 1e-9
    assert held / cohorts >= 0.93
    assert moved / cohorts >= 0.93


def test_the_estimate_is_the_proportion_of_its_neighbours() -> None:
    generator = np.random.default_rng(9)
    values, present, owners = generator.random(90), generator.random(90) < 0.4, np.arange(90) // 2
    found = natural_frequency(scored(values, present, owners), 0.62)
    near = between(np.round(values, 4), found)
    expected = proportion("natural frequency", present[near], owners[near])
    assert (found.estimate.value, found.estimate.n) == (expected.value, expected.n)
    assert (found.estimate.low, found.estimate.high) == pytest.approx((expected.low, expected.high))
