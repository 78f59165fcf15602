"""The transfer benchmark's statistics: patients are drawn, differences are paired, the left-out is left out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from benchmarks.transfer.intervals import (
    Draws,
    Runs,
    Sampled,
    aurocs,
    difference,
    draws,
    leave_one_out,
    mean_of,
    over_seeds,
    patient_weights,
    winner,
)

REPLICATES = 400


@pytest.fixture(scope="module")
def toy() -> tuple[Draws, np.ndarray]:
    """60 patients with one to three cases each; the scores' noise is shared by a patient's cases."""
    generator = np.random.default_rng(7)
    cases = generator.integers(1, 4, 60)
    patients = np.repeat(np.arange(60), cases)
    ill = generator.random(60) < 0.5
    truth = ill[patients]
    scores = 1.2 * truth + generator.normal(size=60)[patients]
    return draws(truth, patients, replicates=REPLICATES), scores


def runs(drawn: Draws, scores: np.ndarray, *, seeds: int, noise: float, shift: int = 0) -> Runs:
    return {
        seed: aurocs(drawn, scores + noise * np.random.default_rng(100 * shift + seed).normal(size=len(scores)))
        for seed in range(seeds)
    }


def test_the_difference_of_a_method_with_itself_is_nought(toy: tuple[Draws, np.ndarray]) -> None:
    drawn, scores = toy
    ours = runs(drawn, scores, seeds=5, noise=1.0)
    found = difference(drawn, ours, dict(ours))
    assert found is not None
    assert found.value == 0
    assert not found.replicates.any()
    assert found.interval == (0, 0)


def test_differences_are_antisymmetric(toy: tuple[Draws, np.ndarray]) -> None:
    drawn, scores = toy
    ours, theirs = (runs(drawn, scores, seeds=4, noise=1.0, shift=shift) for shift in (1, 2))
    one, other = difference(drawn, ours, theirs), difference(drawn, theirs, ours)
    assert one is not None
    assert other is not None
    assert one.value == -other.value
    assert np.array_equal(one.replicates, -other.replicates)
    assert one.interval == pytest.approx([-end for end in reversed(other.interval)], abs=1e-12)


def test_differences_are_paired(toy: tuple[Draws, np.ndarray]) -> None:
    """A method that ranks nearly alike differs by little, however much both vary with the patients."""
    drawn, scores = toy
    ours = runs(drawn, scores, seeds=5, noise=0.3)
    theirs = {seed: aurocs(drawn, scores + 0.3 * np.random.default_rng(seed).normal(size=len(scores)) + 1e-9 * scores)
              for seed in range(5)}  # fmt: skip
    found = difference(drawn, ours, theirs)
    assert found is not None
    low, high = over_seeds(drawn, ours).interval
    assert high - low > 0.05
    assert found.interval[1] - found.interval[0] < 1e-3


def test_seeds_that_only_one_method_has_do_not_count(toy: tuple[Draws, np.ndarray]) -> None:
    drawn, scores = toy
    ours = runs(drawn, scores, seeds=5, noise=1.0)
    theirs = {seed: run for seed, run in ours.items() if seed in {1, 3}}
    found = difference(drawn, ours, theirs)
    assert found is not None
    assert not found.replicates.any()
    assert difference(drawn, ours, {}) is None


@settings(max_examples=40, deadline=None)
@given(cases=st.lists(st.integers(1, 4), min_size=2, max_size=12), seed=st.integers(0, 2**31))
def test_patients_are_drawn_not_cases(cases: list[int], seed: int) -> None:
    patients = np.repeat(np.arange(len(cases)), cases)
    strata = (patients % 2).astype(np.int64)
    weights = patient_weights(patients, strata, 50, np.random.default_rng(seed))
    for patient in range(len(cases)):
        own = weights[:, patients == patient]
        assert (own == own[:, :1]).all()
    first = np.unique(patients, return_index=True)[1]
    for stratum in np.unique(strata):
        members = first[strata[first] == stratum]
        assert (weights[:, members].sum(axis=1) == len(members)).all()


def test_copies_of_cases_widen_nothing(toy: tuple[Draws, np.ndarray]) -> None:
    """Ten pictures of each patient say no more about other patients than one does; drawn as cases they would."""
    generator = np.random.default_rng(3)
    truth = generator.random(50) < 0.5
    scores = truth + generator.normal(size=50)
    widths = []
    for copies in (1, 10):
        patients = np.repeat(np.arange(50), copies)
        drawn = draws(np.repeat(truth, copies), patients, replicates=REPLICATES)
        low, high = aurocs(drawn, np.repeat(scores, copies)).interval
        widths.append(high - low)
    assert widths[1] == pytest.approx(widths[0], rel=1e-9)
    as_cases = draws(np.repeat(truth, 10), np.arange(500), replicates=REPLICATES)
    low, high = aurocs(as_cases, np.repeat(scores, 10)).interval
    assert high - low < widths[0] / 2


def test_replicates_are_those_of_scikit_learn(toy: tuple[Draws, np.ndarray]) -> None:
    drawn, scores = toy
    found = aurocs(drawn, scores)
    assert found.value == pytest.approx(roc_auc_score(drawn.truth, scores), abs=1e-12)
    for replicate in range(0, REPLICATES, 40):
        expected = roc_auc_score(drawn.truth, scores, sample_weight=drawn.weights[replicate])
        assert found.replicates[replicate] == pytest.approx(expected, abs=1e-12)


def test_means_over_seeds_vary_with_the_seeds_too(toy: tuple[Draws, np.ndarray]) -> None:
    drawn, scores = toy
    alike = over_seeds(drawn, dict.fromkeys(range(5), aurocs(drawn, scores)))
    assert np.allclose(alike.replicates, aurocs(drawn, scores).replicates)
    level = {seed: Sampled(seed / 10, np.full(REPLICATES, seed / 10)) for seed in range(5)}
    found = over_seeds(drawn, level)
    assert found.value == pytest.approx(0.2)
    assert found.replicates.mean() == pytest.approx(0.2, abs=4 * 0.1414 / np.sqrt(5 * REPLICATES))
    assert found.replicates.std() == pytest.approx(0.1414 / np.sqrt(5), rel=0.15)  # the mean of five draws


def test_equal_seeds_give_equal_replicates() -> None:
    truth, patients = np.arange(20) % 2 == 0, np.arange(20) // 3
    one, other = (draws(truth, patients, replicates=20) for _ in range(2))
    assert np.array_equal(one.weights, other.weights)
    assert np.array_equal(one.seeds, other.seeds)
    assert not np.array_equal(one.weights, draws(truth, patients, replicates=20, seed=1).weights)


def test_the_mean_of_figures_is_paired() -> None:
    one, other = Sampled(1.0, np.array([1.0, 2.0])), Sampled(3.0, np.array([3.0, 2.0]))
    assert mean_of([one, other]).value == 2
    assert mean_of([one, other]).replicates.tolist() == [2, 2]


GAINS = {
    "a": {"plain": 0.0, "x": 0.1, "y": -0.1},
    "b": {"plain": 0.0, "x": 0.1, "y": 0.0},
    "c": {"plain": 0.0, "x": -0.3, "y": 0.2},
}


def test_the_choice_is_made_on_the_others() -> None:
    assert leave_one_out(GAINS) == {"a": "y", "b": "y", "c": "x"}


@given(cohort=st.sampled_from(sorted(GAINS)), gains=st.lists(st.floats(-1, 1), min_size=3, max_size=3))
def test_the_left_out_cohort_has_no_say(cohort: str, gains: list[float]) -> None:
    changed = GAINS | {cohort: dict(zip(GAINS[cohort], gains, strict=True))}
    assert leave_one_out(changed)[cohort] == leave_one_out(GAINS)[cohort]


def test_a_method_that_another_cohort_lacks_is_not_chosen() -> None:
    lacking = GAINS | {"b": {"plain": 0.0, "x": 0.1}}
    assert leave_one_out(lacking) == {"a": "plain", "b": "y", "c": "x"}
    assert leave_one_out({"a": {"plain": 0.0}}) == {}


def test_the_winner_counts_every_cohort() -> None:
    assert winner(GAINS) == "y"
    assert winner({}) is None
