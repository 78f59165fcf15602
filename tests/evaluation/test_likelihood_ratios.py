from __future__ import annotations

import shutil
import subprocess
from math import inf, isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtransfer.evaluation.intervals import wilson
from medtransfer.evaluation.likelihood_ratios import likelihood_ratio, ratio_estimate
from medtransfer.evaluation.resampling import resampled
from medtransfer.evaluation.two_by_two import tables


def studies(tp: int, fp: int, fn: int, tn: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Call, truth and a patient for each."""
    call = np.repeat([True, True, False, False], [tp, fp, fn, tn])
    truth = np.repeat([True, False, True, False], [tp, fp, fn, tn])
    return call, truth, np.arange(truth.size)


def test_the_published_table() -> None:
    call, truth, own = studies(670, 202, 74, 640)
    positive = likelihood_ratio(call, truth, own, said="positive")
    negative = likelihood_ratio(~call, truth, own, said="negative")
    assert (positive.value, positive.low, positive.high) == pytest.approx((3.75373, 3.32069, 4.24323), abs=5.1e-6)
    assert (negative.value, negative.low, negative.high) == pytest.approx((0.13086, 0.10506, 0.16298), abs=5.1e-6)
    assert positive.method == "Simel"


@given(st.tuples(*[st.integers(1, 300)] * 4), st.floats(0.5, 0.99))
@settings(deadline=None, max_examples=100)
def test_simel_is_the_normal_interval_of_the_logarithm(cells: tuple[int, int, int, int], level: float) -> None:
    tp, fp, fn, tn = cells
    call, truth, own = studies(*cells)
    one = likelihood_ratio(call, truth, own, said="positive", level=level)
    assert one.value == pytest.approx(tp / (tp + fn) / (fp / (fp + tn)))
    # The variance written in counts: 1/TP − 1/(TP+FN) + 1/FP − 1/(FP+TN).
    variance = 1 / tp - 1 / (tp + fn) + 1 / fp - 1 / (fp + tn)
    assert np.log(one.high / one.low) ** 2 / 4 / variance == pytest.approx(
        np.log(likelihood_ratio(*studies(1, 1, 1, 1), said="positive", level=level).high) ** 2
    )
    assert one.low * one.high == pytest.approx(one.value**2)


def test_at_a_specificity_of_one_there_is_no_upper_bound() -> None:
    call, truth, own = studies(18, 0, 2, 30)
    one = likelihood_ratio(call, truth, own, said="positive")
    assert one.value == one.high == inf
    assert 3 < one.low < 30
    said = ratio_estimate("LR+", one)
    assert (said.value, said.low, said.high) == (None, None, None)
    assert said.note == f"unbounded: no study without the finding was called so; at least {one.low:.3g} (95 % CI)"


def test_no_miss_gives_zero_with_an_upper_end() -> None:
    call, truth, own = studies(20, 5, 0, 30)
    said = ratio_estimate("LR-", likelihood_ratio(~call, truth, own, said="negative"))
    assert (said.value, said.low) == (0.0, 0.0)
    assert said.high is not None
    assert 0.02 < said.high < 0.6
    # Ten times the studies without a miss: nearly ten times as small.
    more = likelihood_ratio(~np.repeat(call, 10), np.repeat(truth, 10), np.arange(550), said="negative")
    assert 5 < said.high / more.high < 12


@pytest.mark.parametrize(
    ("cells", "note"),
    [
        ((0, 3, 0, 4), "no positive study"),
        ((3, 0, 4, 0), "no negative study"),
        ((0, 0, 4, 4), "no study was called positive"),
    ],
)
def test_what_is_no_ratio_says_why(cells: tuple[int, int, int, int], note: str) -> None:
    call, truth, own = studies(*cells)
    said = ratio_estimate("LR+", likelihood_ratio(call, truth, own, said="positive"))
    assert (said.value, said.low, said.note) == (None, None, note)


def test_repeating_every_study_leaves_the_interval() -> None:
    call, truth, own = studies(40, 12, 10, 50)
    once = likelihood_ratio(call, truth, own, said="positive")
    five = likelihood_ratio(*(np.repeat(part, 5) for part in (call, truth, own)), said="positive")
    assert five.value == pytest.approx(once.value)
    assert (five.low, five.high) == pytest.approx((once.low, once.high), rel=0.03)
    assert "clustered" in five.method


def test_a_class_of_one_patient_has_no_interval() -> None:
    call, truth = np.array([True, False, True, False, False]), np.array([True, True, False, False, False])
    one = likelihood_ratio(call, truth, np.array([1, 1, 2, 3, 4]), said="positive")
    assert one.value == pytest.approx(1.5)
    assert isnan(one.low)
    assert ratio_estimate("LR+", one).note == "no interval: fewer than two patients of one class"


def test_clustered_variance_agrees_with_the_bootstrap() -> None:
    generator = np.random.default_rng(5)
    groups = np.repeat(np.arange(400), 4)
    leaning = generator.normal(size=400)[groups]
    truth = generator.random(1600) < 0.4
    call = generator.normal(size=1600) + 1.5 * leaning + 1.5 * truth > 1
    one = likelihood_ratio(call, truth, groups, said="positive")
    drawn = resampled({"": tables(truth, call)}, groups, seed=0, replicates=4000)[""]
    ratio = np.log(drawn[:, 0] / (drawn[:, 0] + drawn[:, 2]) / drawn[:, 1] * (drawn[:, 1] + drawn[:, 3]))
    assert np.log(one.high / one.low) / 2 == pytest.approx(1.96 * ratio.std(), rel=0.05)


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=80)
def test_intervals_contain_their_ratio_whatever_repeats(seed: int) -> None:
    generator = np.random.default_rng(seed)
    n = int(generator.integers(2, 40))
    call, truth, groups = generator.random(n) < 0.5, generator.random(n) < 0.4, generator.integers(0, n, n)
    one = likelihood_ratio(call, truth, groups, said="positive")
    if not (isnan(one.value) or isnan(one.low)):
        assert 0 <= one.low <= one.value <= one.high


@pytest.mark.slow
@pytest.mark.parametrize(("patients", "least"), [(20, 0.92), (60, 0.93), (200, 0.935)])
@pytest.mark.parametrize("each", [1, 5])
def test_coverage(patients: int, least: float, each: int) -> None:
    covered, expected = [], 0.8 / 0.25
    for k in range(1500):
        generator = np.random.default_rng(k)
        truth = np.repeat(np.arange(patients) % 2 == 0, each)
        groups = np.repeat(np.arange(patients), each)
        mean = np.where(np.arange(patients) % 2 == 0, 0.8, 0.25)
        own = generator.beta(mean, 1 - mean)[groups] if each > 1 else mean
        call = generator.random(groups.size) < own
        one = likelihood_ratio(call, truth, groups, said="positive")
        if not (isnan(one.value) or isnan(one.low)):
            covered.append(one.low <= expected <= one.high)
    assert len(covered) > 1450
    assert np.mean(covered) > least


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="Rscript is not there")
@pytest.mark.parametrize("cells", [(80, 12, 20, 88), (9, 3, 4, 41), (670, 202, 74, 640)])
def test_equals_epir(cells: tuple[int, int, int, int]) -> None:
    """Its order of cells is TP, FP, FN, TN; proportions with Wilson's interval, ratios with Simel's."""
    names = ("se", "sp", "pv.pos", "pv.neg", "lr.pos", "lr.neg")
    program = (
        "if (!requireNamespace('epiR', quietly = TRUE)) quit(status = 3); library(epiR, quietly = TRUE);"
        f"d <- epi.tests(c({','.join(map(str, cells))}), method = 'wilson')$detail;"
        f"for (s in c({','.join(map(repr, names))})) cat(sprintf('%.12f', unlist(d[d$statistic == s, 2:4])), '\\n')"
    )
    run = subprocess.run(["Rscript", "-e", program], capture_output=True, text=True, check=False)
    if run.returncode == 3:
        pytest.skip("epiR is not there")
    assert run.returncode == 0, run.stderr
    theirs = [list(map(float, line.split())) for line in run.stdout.strip().splitlines()]
    tp, fp, fn, tn = cells
    call, truth, own = studies(*cells)
    rates = ((tp, tp + fn), (tn, tn + fp), (tp, tp + fp), (tn, tn + fn))
    ratios = [
        likelihood_ratio(call, truth, own, said="positive"),
        likelihood_ratio(~call, truth, own, said="negative"),
    ]
    for ends, (k, n) in zip(theirs[:4], rates, strict=True):
        assert (k / n, *wilson(k, n)) == pytest.approx(ends, abs=1e-9)
    for ends, one in zip(theirs[4:], ratios, strict=True):
        assert (one.value, one.low, one.high) == pytest.approx(ends, rel=1e-9)
