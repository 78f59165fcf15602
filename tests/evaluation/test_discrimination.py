"""Discrimination of one finding: pROC's values, the reference packages, the laws, and the ends of what can be had."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from MLstatkit import Delong_test
from questions import ends
from sklearn import metrics as sk

from medtransfer.core.evaluated.discrimination import Discrimination, PatientKinds
from medtransfer.evaluation.discrimination import discrimination, discrimination_statistic
from medtransfer.evaluation.intervals import normal_quantile
from medtransfer.evaluation.positive import Positive, ascending
from medtransfer.evaluation.resampling import resampled
from medtransfer.evaluation.roc import MOST_POINTS, auroc_estimate, delong_variance, placements

AREA, BOOTSTRAPPED, AVERAGE, PREVALENCE = "AUROC", "AUROC (bootstrap)", "average precision", "prevalence"


def found(view: Positive, *, replicates: int = 200, seed: int = 1) -> Discrimination:
    return discrimination(view, of="ill", rest="well", seed=seed, replicates=replicates)


def studies(n: int = 240, *, each: int = 1, knows: float = 1.2, ties: bool = False) -> Positive:
    """n patients of `each` studies, three tenths of which are ill."""
    generator = np.random.default_rng(n + each)
    truth = generator.random(n * each) < 0.3
    p = 1 / (1 + np.exp(1 - generator.normal(size=n * each) - knows * truth))
    return ascending(truth, np.round(p, 1) if ties else p, np.repeat(np.arange(n), each))


@st.composite
def cohorts(draw: st.DrawFn) -> Positive:
    """Some studies, in any order, of patients who may repeat; perhaps of one class only."""
    n = draw(st.integers(1, 40))
    p = draw(hnp.arrays(np.int64, n, elements=st.integers(0, 12))) / 12
    groups = draw(hnp.arrays(np.int64, n, elements=st.integers(0, 30)))
    return ascending(draw(hnp.arrays(bool, n)), p, groups)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("marker", "low", "high", "average"),
    [
        ("wfns", 0.7485348878, 0.8988228358, 0.6803366),
        ("s100b", 0.6301182118, 0.8326189156, 0.6856209),
        ("ndka", 0.5012449993, 0.7226709899, 0.4862487),
    ],
)
def test_intervals_of_asah(asah: pd.DataFrame, marker: str, low: float, high: float, average: float) -> None:
    """pROC's interval is symmetric on the scale of the area; ours takes the same error to the logit scale."""
    truth, score = (asah["outcome"] == "Poor").to_numpy(dtype=bool), asah[marker].to_numpy(dtype=float)
    area, error = placements(truth, score).auroc, delong_variance(truth, score) ** 0.5
    half = normal_quantile(0.95) * error
    assert (area - half, area + half) == pytest.approx((low, high), rel=1e-8)
    one = found(ascending(truth, score / score.max(), np.arange(truth.size)), replicates=2000)
    logit = np.log(area / (1 - area))
    expected = 1 / (1 + np.exp(-(logit + np.array([-1, 1]) * half / (area * (1 - area)))))
    assert (one.estimate(AREA).low, one.estimate(AREA).high) == pytest.approx(tuple(expected), rel=1e-8)
    assert one.estimate(AVERAGE).value == pytest.approx(average, abs=5.1e-8)
    assert ends(one.estimate(BOOTSTRAPPED)) == pytest.approx(ends(one.estimate(AREA)), abs=0.02)


@pytest.mark.real_data
def test_ndka_of_women_is_procs(asah: pd.DataFrame) -> None:
    women = asah[asah["gender"] == "Female"]
    truth, score = (women["outcome"] == "Poor").to_numpy(dtype=bool), women["ndka"].to_numpy(dtype=float)
    area, half = placements(truth, score).auroc, 1.959963984540054 * delong_variance(truth, score) ** 0.5
    assert (area, area - half, area + half) == pytest.approx((0.6671428571, 0.5261398, 0.8081459), abs=5.1e-8)


@pytest.mark.parametrize("ties", [False, True])
def test_figures_are_those_of_the_reference_packages(ties: bool) -> None:
    view = studies(ties=ties)
    one, y = found(view), view.truth.astype(int)
    assert one.estimate(AREA).value == pytest.approx(sk.roc_auc_score(y, view.probability), abs=1e-12)
    assert one.estimate(AVERAGE).value == pytest.approx(sk.average_precision_score(y, view.probability), abs=1e-12)
    assert one.estimate(PREVALENCE).value == y.mean()
    _, _, wald, _, area, _, _ = Delong_test(y, view.probability, 1 - view.probability)
    value, half = (
        placements(view.truth, view.probability).auroc,
        1.959963984540054 * delong_variance(view.truth, view.probability) ** 0.5,
    )
    assert area == pytest.approx(value, abs=1e-12)
    assert tuple(wald) == pytest.approx((value - half, value + half), abs=1e-12)


def test_the_error_is_that_of_confidenceinterval() -> None:
    peer = pytest.importorskip("confidenceinterval")
    view = studies()
    area, (low, high) = peer.roc_auc_score(view.truth.astype(int), view.probability)
    half = 1.959963984540054 * delong_variance(view.truth, view.probability) ** 0.5
    assert area == pytest.approx(placements(view.truth, view.probability).auroc, abs=1e-6)
    assert (high - low) / 2 == pytest.approx(half, abs=1e-6)


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="no R")
def test_variance_and_area_are_those_of_proc_in_r() -> None:
    view = studies(80, ties=True)
    numbers = (", ".join(map(str, one)) for one in (view.truth.astype(int), view.probability))
    said = subprocess.run(
        [
            "Rscript",
            "-e",
            "suppressMessages(library(pROC)); r <- roc(c({}), c({}), direction='<', quiet=TRUE);".format(*numbers)
            + "cat(sprintf('%.15g %.15g', as.numeric(auc(r)), var(r)))",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if said.returncode:
        pytest.skip("R has no pROC")
    area, variance = map(float, said.stdout.split())
    assert placements(view.truth, view.probability).auroc == pytest.approx(area, rel=1e-12)
    assert delong_variance(view.truth, view.probability) == pytest.approx(variance, rel=1e-10)


@pytest.mark.parametrize("ties", [False, True])
def test_repeating_every_row_moves_nothing_but_naive_delong(ties: bool) -> None:
    """The bootstrap to the last bit, since it draws the same patients; naive DeLong would shrink by √5."""
    once = studies(60, ties=ties)
    five = Positive(
        truth=np.repeat(once.truth, 5), probability=np.repeat(once.probability, 5), groups=np.repeat(once.groups, 5)
    )
    one, other = found(once, replicates=500), found(five, replicates=500)
    for name in (BOOTSTRAPPED, AVERAGE):
        assert ends(other.estimate(name)) == pytest.approx(ends(one.estimate(name)), abs=1e-12)
    assert one.roc is not None
    assert other.roc is not None
    assert other.roc.low == pytest.approx(one.roc.low)
    assert other.roc.high == pytest.approx(one.roc.high)
    naive, alone = (delong_variance(view.truth, view.probability) for view in (five, once))
    assert (naive / alone) ** 0.5 == pytest.approx(5**-0.5, rel=0.02)
    # The variance between patients stays exactly; its interval takes Student's quantile where patients repeat.
    (low, value, high), (low5, value5, high5) = (ends(view.estimate(AREA)) for view in (one, other))
    assert value5 == value
    assert low - 0.01 < low5 < low
    assert high < high5 < high + 0.01


@given(cohorts())
@settings(deadline=None, max_examples=60)
def test_intervals_and_bands_contain_what_they_are_of(view: Positive) -> None:
    one = found(view, replicates=100)
    for estimate in one.estimates:
        assert (estimate.low is None) == (estimate.high is None)
        if estimate.low is None:
            assert estimate.note
        else:
            low, value, high = ends(estimate)
            assert 0 <= low <= value <= high <= 1
    for curve in (one.roc, one.precision_recall):
        if curve is not None and curve.low:
            assert (np.array(curve.low) <= curve.y).all()
            assert (np.array(curve.high) >= curve.y).all()
            assert 0 <= min(curve.low) <= max(curve.high) <= 1
    assert sum(map(sum, one.histogram.counts.values())) == one.n == view.truth.size
    kinds = one.patients
    assert kinds.only_with + kinds.only_without + kinds.both == np.unique(view.groups).size
    assert (one.roc is None) == (one.events in {0, one.n}) == (one.precision_recall is None)


@given(cohorts(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=30)
def test_neither_names_of_patients_nor_monotone_maps_change_a_figure(view: Positive, random) -> None:
    """What is drawn stays the same to the last bit; sums over patients may be rounded in another order."""
    names = list(range(500, 531))
    random.shuffle(names)
    renamed = Positive(truth=view.truth, probability=view.probability, groups=np.array(names)[view.groups])
    mapped = Positive(truth=view.truth, probability=view.probability**3, groups=view.groups)
    one = found(view, replicates=100)
    for other in (found(each, replicates=100) for each in (renamed, mapped)):
        assert (other.roc, other.precision_recall, other.patients) == (one.roc, one.precision_recall, one.patients)
        assert other.estimate(AVERAGE) == one.estimate(AVERAGE)
        for ours, theirs in zip(one.estimates, other.estimates, strict=True):
            assert (theirs.value, theirs.note) == (ours.value, ours.note)
            assert theirs.low == pytest.approx(ours.low, abs=1e-9)
            assert theirs.high == pytest.approx(ours.high, abs=1e-9)


def test_the_order_of_the_rows_changes_nothing() -> None:
    view = studies(80, each=3)  # no two probabilities are equal
    shuffled = np.random.default_rng(0).permutation(view.truth.size)
    again = ascending(view.truth[shuffled], view.probability[shuffled], view.groups[shuffled])
    assert found(again).model_dump_json() == found(view).model_dump_json()


def test_a_drawing_may_be_shared() -> None:
    view = studies(90)
    drawn = resampled({"": discrimination_statistic(view)}, view.groups, seed=1, replicates=200)[""]
    shared = discrimination(view, of="ill", rest="well", seed=1, replicates=200, drawn=drawn)
    assert shared == found(view)


def test_below_chance_is_shown_as_such() -> None:
    view = studies(300, knows=-1.5)
    low, value, high = ends(found(view).estimate(AREA))
    assert low < value < high < 0.5
    right = ascending(view.truth, 1 - view.probability, view.groups)
    assert ends(found(right).estimate(AREA)) == pytest.approx((1 - high, 1 - value, 1 - low), abs=1e-9)


def test_one_class_only() -> None:
    for truth in (True, False):
        one = found(ascending(np.full(9, truth), np.linspace(0, 1, 9), np.arange(9)))
        for name in (AREA, BOOTSTRAPPED, AVERAGE):
            assert (one.estimate(name).value, one.estimate(name).note) == (None, "only one class among the studies")
        assert one.estimate(PREVALENCE).value == float(truth)
        assert (one.roc, one.precision_recall) == (None, None)
        assert one.events == 9 * truth


def test_no_study_and_one_study() -> None:
    nothing = found(ascending(np.empty(0, dtype=bool), np.empty(0), np.empty(0, dtype=np.int64)))
    assert {one.note for one in nothing.estimates} == {"no study"}
    alone = found(ascending(np.array([True]), np.array([1.0]), np.array([3])))
    assert (alone.n, alone.events, alone.estimate(AREA).value) == (1, 1, None)
    assert alone.histogram.counts["ill"][-1] == 1  # p = 1 falls in the last bin


def test_one_patient_has_values_and_no_interval() -> None:
    one = found(ascending(np.array([True, False, True, False]), np.array([0.9, 0.2, 0.4, 0.5]), np.zeros(4, dtype=int)))
    assert one.patients == PatientKinds(only_with=0, only_without=0, both=1)
    for name in (AREA, BOOTSTRAPPED, AVERAGE):
        estimate = one.estimate(name)
        assert estimate.value is not None
        assert (estimate.low, estimate.high) == (None, None)
        assert estimate.note
    assert one.roc is not None
    assert one.precision_recall is not None
    assert one.roc.low == one.precision_recall.low == ()


def test_one_patient_with_the_finding_says_nothing_of_the_next() -> None:
    """Within strata he is drawn every time, without them in two replicates of three."""
    view = ascending(np.arange(30) == 17, np.linspace(0, 1, 30), np.arange(30))
    one = found(view)
    for name in (AREA, BOOTSTRAPPED, AVERAGE):
        assert one.estimate(name).low is None
        assert "no interval" in one.estimate(name).note
    assert one.roc is not None
    assert one.roc.low == ()
    assert one.precision_recall is not None
    assert one.precision_recall.low == ()


def test_replicates_without_the_finding_are_counted() -> None:
    """With five ill patients of 200 some replicates in a thousand draw none of them."""
    truth = np.arange(200) % 40 == 7
    view = ascending(truth, np.linspace(0.01, 0.99, 200) ** 2, np.arange(200))
    average = found(view, replicates=2000).estimate(AVERAGE)
    assert average.low is not None
    count, rest = average.note.split(" ", 1)
    assert rest.startswith("of 2000 replicates have no value and are left out; fewer than 20 studies of one kind")
    assert 2 <= int(count) <= 20  # (1 − 5/200)²⁰⁰ · 2000 = 12.6


@pytest.mark.parametrize(("events", "flagged"), [(8, True), (19, True), (20, False), (60, False), (65, True)])
def test_intervals_from_few_studies_are_flagged(events: int, flagged: bool) -> None:
    truth = np.random.default_rng(0).permutation(80) < events
    one = found(ascending(truth, np.linspace(0, 1, 80), np.arange(80)))
    for name in (AREA, BOOTSTRAPPED, AVERAGE):
        assert one.estimate(name).low is not None
        assert ("fewer than 20 studies of one kind" in one.estimate(name).note) == flagged


def test_a_perfect_and_a_constant_score() -> None:
    truth = np.arange(40) >= 25
    perfect = found(ascending(truth, truth.astype(float), np.arange(40)))
    assert (perfect.estimate(AREA).value, perfect.estimate(AREA).high) == (1.0, 1.0)
    assert perfect.estimate(AREA).low == pytest.approx(0.025 ** (1 / 15))
    assert perfect.estimate(BOOTSTRAPPED).note == "no interval: the same on every replicate"
    constant = found(ascending(truth, np.full(40, 0.3), np.arange(40)))
    assert constant.estimate(AREA).value == 0.5
    assert constant.estimate(AREA).note
    assert constant.estimate(AVERAGE).value == constant.estimate(PREVALENCE).value
    assert constant.roc is not None
    assert (constant.roc.x, constant.roc.y) == ((0, 1), (0, 1))


def test_large_cohorts_stay_small_on_paper() -> None:
    view = studies(60_000)
    one = found(view, replicates=100)
    for curve in (one.roc, one.precision_recall):
        assert curve is not None
        assert 300 < len(curve.x) <= MOST_POINTS
        assert len(curve.low) == len(curve.x)
    assert len(one.model_dump_json()) < 80_000


def test_naive_delong_is_not_shown_where_patients_repeat() -> None:
    view = studies(60, each=4)
    estimate = auroc_estimate(view.truth, view.probability, view.groups)
    assert estimate.method == "Obuchowski (clustered), logit scale, t quantile"
    alone = auroc_estimate(view.truth, view.probability, np.arange(view.truth.size))
    assert alone.method == "DeLong, logit scale"
