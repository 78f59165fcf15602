from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from grouped_cohorts import drawn
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import confint_proportions_2indep

from medtransfer.core.results import Estimate
from medtransfer.evaluation.heterogeneity.differences import SMALLEST_P, correlation, difference
from medtransfer.evaluation.heterogeneity.measured import Measured, figure_names, measured, too_few
from medtransfer.evaluation.heterogeneity.subgroups import coded, part_of
from medtransfer.evaluation.intervals import class_strata, wilson
from medtransfer.evaluation.metrics import auroc
from medtransfer.evaluation.positive import Positive
from medtransfer.evaluation.resampling import resampled

NAMES = ("AUROC", "sensitivity", "specificity", "calibration-in-the-large")


def halves(seed: int, *, own: bool, n: int = 600, patients: int | None = None) -> tuple[Positive, np.ndarray]:
    view, table = drawn(seed, n, patients=patients, own=own)
    return coded(view), (table["attribute_sex"] == "F").to_numpy()


def both(view: Positive, inside: np.ndarray) -> tuple[dict[str, Measured], dict[str, Measured]]:
    patients = int(view.groups.max()) + 1
    first, second = (
        measured(part_of(view, rows), patients=patients, threshold=0.4, level=0.95) for rows in (inside, ~inside)
    )
    return tuple({one.estimate.name: one for one in side} for side in (first, second))  # pyright: ignore[reportReturnType]


def proportion_of(x: int, n: int, start: int) -> Measured:
    estimate = Estimate(name="sensitivity", value=x / n, method="Wilson", n=n)
    influence = np.zeros(1000)
    influence[start : start + n] = ((np.arange(n) < x) - x / n) / n
    return Measured(estimate=estimate, interval=partial(wilson, x, n), variance=x * (n - x) / n**3, influence=influence)


@given(
    st.integers(10, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    st.integers(10, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
)
@settings(deadline=None, max_examples=60)
def test_two_proportions_give_newcombes_interval(first: tuple[int, int], second: tuple[int, int]) -> None:
    (x, n), (y, m) = first, second
    found, p = difference(proportion_of(x, n, 0), proportion_of(y, m, 500), level=0.95)
    expected = confint_proportions_2indep(x, n, y, m, method="newcomb", compare="diff")
    assert (found.low, found.high) == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert p is not None
    assert found.low is not None
    assert found.high is not None
    assert (p < 0.05) == (not found.low <= 0 <= found.high)


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("patients", [None, 250])
def test_the_difference_turns_round_exactly(own: bool, patients: int | None) -> None:
    view, inside = halves(1, own=own, patients=patients)
    first, second = both(view, inside)
    assert tuple(first) == figure_names(0.4) == NAMES
    for name in NAMES:
        (there, p), (back, q) = (
            difference(first[name], second[name], level=0.95),
            difference(second[name], first[name], level=0.95),
        )
        assert there.value == -(back.value or 0.0)
        assert (there.low, there.high) == (-(back.high or 0.0), -(back.low or 0.0))
        assert p == q
        assert (correlation(first[name], second[name]) != 0) == (patients is not None and not own)


@pytest.mark.parametrize("own", [True, False])
def test_the_standard_error_is_the_patient_bootstraps(own: bool) -> None:
    """Half the interval's width, over 1.96, against the spread of 4,000 resamplings of whole patients."""
    view, inside = halves(3, own=own, n=1600, patients=500)
    first, second = both(view, inside)
    called = view.probability >= 0.4

    def mean(values: np.ndarray, among: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return weights[:, among] @ values[among] / weights[:, among].sum(axis=1)

    def gap(statistic: object, weights: np.ndarray) -> np.ndarray:
        return statistic(inside, weights) - statistic(~inside, weights)  # pyright: ignore[reportCallIssue]

    statistics = {
        "AUROC": lambda rows, w: auroc.weighted(view.truth[rows], view.probability[rows], w[:, rows]),
        "sensitivity": lambda rows, w: mean(called.astype(float), rows & view.truth, w),
        "specificity": lambda rows, w: mean((~called).astype(float), rows & ~view.truth, w),
        "calibration-in-the-large": lambda rows, w: mean(view.probability - view.truth, rows, w),
    }
    drawings = resampled(
        {name: partial(gap, one) for name, one in statistics.items()},
        view.groups,
        seed=0,
        replicates=4000,
        strata=class_strata(view.truth.astype(np.int64), view.groups) if own else None,
    )
    for name in NAMES:
        found, _ = difference(first[name], second[name], level=0.95)
        assert found.low is not None
        assert found.high is not None
        assert found.value == pytest.approx(np.mean(drawings[name]), abs=0.01)
        assert (found.high - found.low) / 3.92 == pytest.approx(np.std(drawings[name]), rel=0.08)


def test_patients_in_both_groups_narrow_the_difference() -> None:
    """What both halves have of a patient cancels: ignoring it, the interval would be too wide."""
    view, inside = halves(5, own=False, n=1500, patients=150)
    first, second = both(view, inside)
    one, other = first["calibration-in-the-large"], second["calibration-in-the-large"]
    alone = Measured(
        estimate=other.estimate,
        interval=other.interval,
        variance=other.variance,
        influence=np.zeros_like(other.influence),
    )
    assert correlation(one, other) > 0.2
    shared, apart = difference(one, other, level=0.95)[0], difference(one, alone, level=0.95)[0]
    assert (shared.high or 0) - (shared.low or 0) < 0.9 * ((apart.high or 0) - (apart.low or 0))
    assert "correlation" in shared.method
    assert "correlation" not in apart.method


def test_a_perfect_group_has_a_difference_and_a_p_value() -> None:
    view, inside = halves(2, own=True)
    perfect = Positive(
        truth=view.truth,
        probability=np.where(inside, np.where(view.truth, 0.9, 0.1), view.probability),
        groups=view.groups,
    )
    order = np.argsort(perfect.probability, kind="stable")
    sorted_view = Positive(
        truth=perfect.truth[order], probability=perfect.probability[order], groups=perfect.groups[order]
    )
    first, second = both(sorted_view, inside[order])
    for name in ("AUROC", "sensitivity", "specificity"):
        found, p = difference(first[name], second[name], level=0.95)
        assert first[name].estimate.value == 1.0
        assert found.low is not None
        assert found.high is not None
        assert 0 < found.low < (found.value or 0) < found.high <= 1
        assert p is not None
        assert SMALLEST_P <= p < 0.001


def test_no_variation_is_not_estimable() -> None:
    view, inside = halves(2, own=True)
    constant = Positive(truth=view.truth, probability=np.full(view.truth.size, 0.3), groups=view.groups)
    first, second = both(constant, inside)
    found, p = difference(first["AUROC"], second["AUROC"], level=0.95)
    assert (found.value, p) == (None, None)
    assert found.note
    assert difference(first["sensitivity"], second["sensitivity"], level=0.95)[1] == 1.0


def test_ten_patients_of_either_kind_are_needed() -> None:
    truth = np.repeat([True, False], 50)
    view = Positive(truth=truth, probability=np.linspace(0, 1, 100), groups=np.arange(100))
    assert too_few(view) == ""
    assert "9 patients with the finding" in too_few(part_of(view, np.arange(100) >= 41))
    assert "9 patients without it" in too_few(part_of(view, np.arange(100) < 59))
    assert too_few(part_of(view, (np.arange(100) >= 40) & (np.arange(100) < 60))) == ""
    twice = Positive(truth=truth, probability=view.probability, groups=np.arange(100) // 6)
    assert "9 patients with the finding" in too_few(twice)


@pytest.mark.slow
@pytest.mark.parametrize("own", [True, False])
def test_intervals_of_differences_hold_the_truth(own: bool) -> None:
    """1,000 cohorts of 300 studies in which both halves are alike: the truth is 0, and p is about uniform."""
    runs = 1000
    covered, p_values = dict.fromkeys(NAMES, 0), {name: [] for name in NAMES}
    for seed in range(runs):
        view, inside = halves(10_000 + seed, own=own, n=300, patients=150)
        first, second = both(view, inside)
        for name in NAMES:
            found, p = difference(first[name], second[name], level=0.95)
            assert found.low is not None
            assert found.high is not None
            covered[name] += found.low <= 0 <= found.high
            p_values[name].append(p)
    for name in NAMES:
        assert 0.93 <= covered[name] / runs <= 0.975, name
        for quantile in (0.05, 0.1, 0.25, 0.5, 0.75):
            assert np.mean(np.array(p_values[name]) < quantile) == pytest.approx(quantile, abs=0.05), name
