from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from medtransfer.core.errors import ConfigError
from medtransfer.core.results import Estimate, OperatingPoint
from medtransfer.evaluation.likelihood_ratios import Ratio, likelihood_ratio
from medtransfer.evaluation.operating_points import at_threshold
from medtransfer.evaluation.predictive_values import npv_at, number_needed_to_evaluate, ppv_at, predictive_values_at
from medtransfer.evaluation.resampling import resampled
from medtransfer.evaluation.two_by_two import at_prevalence, tables


def ratios(tp: int, fp: int, fn: int, tn: int) -> tuple[Ratio, Ratio]:
    call = np.repeat([True, True, False, False], [tp, fp, fn, tn])
    truth = np.repeat([True, False, True, False], [tp, fp, fn, tn])
    own = np.arange(truth.size)
    return (
        likelihood_ratio(call, truth, own, said="positive"),
        likelihood_ratio(~call, truth, own, said="negative"),
    )


@given(st.tuples(*[st.integers(1, 300)] * 4), st.floats(0.001, 0.999))
@settings(deadline=None, max_examples=100)
def test_values_and_logit_intervals_of_mercaldo(cells: tuple[int, int, int, int], prevalence: float) -> None:
    tp, fp, fn, tn = cells
    se, sp = tp / (tp + fn), tn / (tn + fp)
    ppv, npv = (of(prevalence, one) for of, one in zip((ppv_at, npv_at), ratios(*cells), strict=True))
    assert ppv.value == pytest.approx(se * prevalence / (se * prevalence + (1 - sp) * (1 - prevalence)))
    assert npv.value == pytest.approx(sp * (1 - prevalence) / (sp * (1 - prevalence) + (1 - se) * prevalence))
    # Mercaldo's variance of logit PPV: (1−se)/(se·n₁) + sp/((1−sp)·n₀).
    spread = 1.959963984540054 * np.sqrt((1 - se) / se / (tp + fn) + sp / (1 - sp) / (tn + fp))
    centre = np.log(se * prevalence / ((1 - sp) * (1 - prevalence)))
    assert (ppv.low, ppv.high) == pytest.approx(
        (1 / (1 + np.exp(spread - centre)), 1 / (1 + np.exp(-spread - centre))), rel=1e-9
    )
    assert (npv.low or 0) < (npv.value or 0) < (npv.high or 0)


def test_at_the_samples_own_prevalence_it_is_the_samples_own_ppv() -> None:
    positive, negative = ratios(670, 202, 74, 640)
    own = 744 / 1586
    assert ppv_at(own, positive).value == pytest.approx(670 / 872, rel=1e-12)
    assert npv_at(own, negative).value == pytest.approx(640 / 714, rel=1e-12)


@pytest.mark.parametrize("prevalence", [0.02, 0.3])
def test_logit_interval_agrees_with_the_bootstrap(prevalence: float) -> None:
    cells = (670, 202, 74, 640)
    truth, call = np.repeat([True, False, True, False], cells), np.repeat([True, True, False, False], cells)
    drawn = resampled({"": tables(truth, call)}, np.arange(1586), seed=1, replicates=4000)[""]
    moved = at_prevalence(drawn, prevalence)
    low, high = np.quantile(moved[:, 0] / (moved[:, 0] + moved[:, 1]), [0.025, 0.975])
    ppv = ppv_at(prevalence, ratios(*cells)[0])
    assert ppv.low == pytest.approx(low, rel=0.02)
    assert ppv.high == pytest.approx(high, rel=0.02)


def test_at_a_specificity_of_one_ppv_is_one_and_has_a_lower_end() -> None:
    positive, negative = ratios(18, 0, 2, 30)
    ppv = ppv_at(0.05, positive)
    assert (ppv.value, ppv.high) == (1.0, 1.0)
    assert ppv.low is not None
    assert 0.1 < ppv.low < 0.8
    assert npv_at(0.05, negative).value == pytest.approx(0.95 / (0.95 + 0.1 * 0.05))
    assert ppv.note == "at a prevalence of 5 %"


def test_without_positive_calls_there_is_none() -> None:
    positive, negative = ratios(0, 0, 5, 20)
    ppv = ppv_at(0.1, positive)
    assert (ppv.value, ppv.low, ppv.note) == (None, None, "no study was called positive; at a prevalence of 10 %")
    assert npv_at(0.1, negative).value == pytest.approx(0.9)
    assert number_needed_to_evaluate(ppv).value is None


def test_number_needed_to_evaluate_is_the_reciprocal() -> None:
    ppv = Estimate(name="PPV", value=0.25, low=0.2, high=0.5, method="Wilson", n=40)
    one = number_needed_to_evaluate(ppv)
    assert (one.name, one.value, one.low, one.high) == ("number needed to evaluate", 4.0, 2.0, 5.0)
    none = number_needed_to_evaluate(ppv.model_copy(update={"value": 0.0, "low": 0.0}))
    assert (none.value, none.low, none.high) == (None, None, None)
    assert none.note == "no true positive: no number is enough"


def chosen(cells: tuple[int, int, int, int], owners: np.ndarray | None = None) -> tuple[OperatingPoint, list[Ratio]]:
    """An operating point on a 2 × 2 table, and the likelihood ratios of the very studies."""
    call = np.repeat([True, True, False, False], cells)
    truth = np.repeat([True, False, True, False], cells)
    groups = np.arange(truth.size) if owners is None else owners
    sensitivity, specificity, *_ = at_threshold(truth, call.astype(np.float64), 0.5, groups)
    point = OperatingPoint(
        rule="youden",
        goal=None,
        threshold=0.5,
        positive="pneumonia",
        chosen_on="validation",
        sensitivity=sensitivity,
        specificity=specificity,
    )
    ratios = [
        likelihood_ratio(made, truth, groups, said=said) for made, said in ((call, "positive"), (~call, "negative"))
    ]
    return point, ratios


@given(st.tuples(*[st.integers(0, 200)] * 4), st.floats(0.001, 0.999))
@settings(deadline=None, max_examples=150)
def test_from_an_operating_point_they_are_those_of_its_studies(cells: tuple[int, int, int, int], at: float) -> None:
    tp, fp, fn, tn = cells
    assume(tp + fn and fp + tn)
    point, (more, less) = chosen(cells)
    found = predictive_values_at(point, at)
    counts = found.counts
    assert (counts.true_positive, counts.false_positive, counts.false_negative, counts.true_negative) == cells
    for ours, expected in ((found.ppv, ppv_at(at, more)), (found.npv, npv_at(at, less))):
        assert (ours.n, ours.note, ours.method) == (expected.n, expected.note, expected.method)
        for end in ("value", "low", "high"):
            found_end, expected_end = getattr(ours, end), getattr(expected, end)
            assert (found_end is None) == (expected_end is None)
            assert expected_end is None or found_end == pytest.approx(expected_end, rel=1e-9, abs=1e-12)


def test_from_an_operating_point_patients_who_repeat_widen_the_interval() -> None:
    cells = (80, 30, 20, 170)
    kinds = np.repeat([0, 1, 2, 3], cells)
    owners = 1_000 * kinds + np.concatenate([np.arange(n) // 5 for n in cells])
    plain, _ = chosen(cells)
    clustered, (more, _) = chosen(cells, owners)
    one, many = predictive_values_at(plain, 0.1).ppv, predictive_values_at(clustered, 0.1).ppv
    exact = ppv_at(0.1, more)
    assert one.value == many.value == pytest.approx(exact.value)

    def width(estimate: Estimate) -> float:
        assert estimate.low is not None
        assert estimate.high is not None
        return estimate.high - estimate.low

    assert width(many) > 1.5 * width(one)
    assert width(many) == pytest.approx(width(exact), rel=0.1)


def test_from_an_operating_point_without_rates_there_are_none() -> None:
    point, _ = chosen((5, 3, 2, 9))
    nothing = point.sensitivity.model_copy(update={"value": None, "low": None, "high": None, "n": 0})
    found = predictive_values_at(point.model_copy(update={"sensitivity": nothing}), 0.2)
    assert (found.ppv.value, found.npv.value, found.ppv.low) == (None, None, None)
    assert found.ppv.note.startswith("no positive study")
    with pytest.raises(ConfigError):
        predictive_values_at(point, 1.0)
