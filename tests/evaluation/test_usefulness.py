from __future__ import annotations

import numpy as np
import pytest

from medtransfer.core.evaluated.usefulness import Usefulness
from medtransfer.evaluation.net_benefit import THRESHOLDS
from medtransfer.evaluation.positive import Positive, ascending
from medtransfer.evaluation.resampling import resampled
from medtransfer.evaluation.usefulness import usefulness, usefulness_statistic


def view(n: int = 300, *, each: int = 1, share: float = 0.3) -> Positive:
    generator = np.random.default_rng(2)
    truth = generator.random(n) < share
    p = 1 / (1 + np.exp(-(generator.normal(size=n) + 2 * truth - 1.5)))
    groups = generator.permutation(n)
    return ascending(*(np.repeat(part, each) for part in (truth, p, groups)))


def measured(
    view: Positive, threshold: float | None, *, seed: int, replicates: int, prevalence: float | None = None
) -> Usefulness:
    statistics = {"": usefulness_statistic(view, threshold)}
    drawn = resampled(statistics, view.groups, seed=seed, replicates=replicates)[""]
    return usefulness(view, threshold, drawn, prevalence=prevalence)


def test_the_curve_is_within_its_band_and_the_estimates_lie_on_it() -> None:
    found = measured(view(), 0.25, seed=0, replicates=400)
    assert found.net_benefit.x == THRESHOLDS
    for curve in (found.net_benefit, found.avoided):
        y, low, high = (np.array(part) for part in (curve.y, curve.low, curve.high))
        assert (low <= y).all()
        assert (y <= high).all()
        assert (high[10:40] > low[10:40]).all()
        assert curve.method == "pointwise patient bootstrap, 400 replicates"
    at = THRESHOLDS.index(0.25)
    values = {one.name: one.value for one in found.estimates}
    assert values["net benefit"] == found.net_benefit.y[at]
    assert values["net benefit of treating all"] == found.treat_all.y[at]
    assert values["net interventions avoided per 100"] == found.avoided.y[at]
    better = max(0.0, found.treat_all.y[at])
    assert values["net benefit over the better default"] == pytest.approx(found.net_benefit.y[at] - better)
    assert (found.threshold, found.stated_prevalence) == (0.25, None)


def test_the_band_of_a_mean_is_the_normal_one() -> None:
    # Near t = 0 net benefit is the prevalence, whose standard error is known.
    one = view(800)
    found = measured(one, None, seed=1, replicates=3000)
    y = one.truth & (one.probability >= 0.01)
    n = (~one.truth) & (one.probability >= 0.01)
    gain = y - n * 0.01 / 0.99
    half = 1.96 * gain.std() / np.sqrt(800)
    assert found.net_benefit.low[0] == pytest.approx(gain.mean() - half, abs=0.003)
    assert found.net_benefit.high[0] == pytest.approx(gain.mean() + half, abs=0.003)
    assert found.estimates == ()


def test_repeating_every_study_does_not_narrow_the_band() -> None:
    once, five = (
        measured(view(100), 0.2, seed=0, replicates=500),
        measured(view(100, each=5), 0.2, seed=0, replicates=500),
    )
    assert five.net_benefit.y == pytest.approx(once.net_benefit.y)
    widths = [np.subtract(one.net_benefit.high, one.net_benefit.low)[:40].mean() for one in (once, five)]
    assert widths[1] == pytest.approx(widths[0], rel=0.1)


def test_at_the_studies_own_prevalence_the_curve_stays() -> None:
    one = view()
    stated = measured(one, 0.2, seed=0, replicates=200, prevalence=float(one.truth.mean()))
    own = measured(one, 0.2, seed=0, replicates=200)
    assert stated.net_benefit.y == pytest.approx(own.net_benefit.y, abs=1e-12)
    assert stated.prevalence == own.prevalence
    # A prevalence that is known is not drawn again: the band of treat-all has no width, that of the model less.
    widths = [np.subtract(each.net_benefit.high, each.net_benefit.low)[0] for each in (stated, own)]
    assert widths[0] < widths[1]


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_thresholds_at_the_ends(threshold: float) -> None:
    found = measured(view(), threshold, seed=0, replicates=100)
    values = {one.name: one for one in found.estimates}
    if threshold:
        assert values["net benefit"].note == "at a threshold of 1 a false positive would weigh infinitely"
        assert all(one.value is None for one in found.estimates[:3])
    else:
        assert values["net benefit"].value == pytest.approx(found.prevalence)
        spared = values["net interventions avoided per 100"]
        assert (spared.value, spared.note) == (None, "at a threshold of 0 no intervention is worth avoiding")


def test_one_class_no_study_and_one_study() -> None:
    def of(truth: list[bool], prevalence: float | None = None) -> Usefulness:
        one = ascending(np.array(truth, dtype=bool), np.full(len(truth), 0.6), np.arange(len(truth)))
        return measured(one, 0.5, seed=0, replicates=100, prevalence=prevalence)

    assert of([]).note == "no study"
    assert of([True, True], 0.1).note == "only one class among the studies"
    assert of([True, True]).net_benefit.y[0] == 1
    assert of([False] * 3).net_benefit.y[20] == pytest.approx(-21 / 79)
    single = of([True])
    assert single.estimates[0].value == 1
    assert "no interval" in single.estimates[0].note


def test_a_rare_class_that_replicates_lack_leaves_no_band_at_a_stated_prevalence() -> None:
    one = ascending(np.arange(30) == 3, np.linspace(0, 1, 30), np.arange(30))
    found = measured(one, 0.5, seed=0, replicates=200, prevalence=0.1)
    assert found.net_benefit.low == ()
    assert "without a value in" in found.estimates[0].note
    assert measured(one, 0.5, seed=0, replicates=200).net_benefit.low
