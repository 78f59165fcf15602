from __future__ import annotations

import sys
from importlib.resources import files

import dcurves
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_linear_model import GLM

from medtransfer.evaluation.net_benefit import THRESHOLDS, at_prevalence, avoided, net_benefit, shares, treat_all
from medtransfer.evaluation.positive import Positive, ascending


@pytest.fixture(scope="module")
def patients() -> pd.DataFrame:
    """dcurves' example: 750 patients, 105 of them with cancer."""
    with (files("dcurves") / "data" / "df_binary.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file)


def view_of(table: pd.DataFrame, column: str) -> Positive:
    p = table[column].to_numpy(dtype=float)
    return ascending(table["cancer"].to_numpy(dtype=bool), p, np.arange(len(table)))


def measured(view: Positive, *thresholds: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Net benefit, that of treating all, and interventions avoided."""
    t = np.array(thresholds)
    share = shares(view.truth, view.probability, t)(np.ones((1, view.truth.size)))
    return net_benefit(share, t)[0], treat_all(share, t)[0], avoided(share, t)[0]


def test_the_published_net_benefits(patients: pd.DataFrame) -> None:
    model, everyone, _ = measured(view_of(patients, "cancerpredmarker"), 0.05, 0.15, 0.20, 0.25)
    assert model == pytest.approx([0.105544, 0.079216, 0.067333, 0.0640], abs=5e-7)
    assert everyone[-1] == pytest.approx(-0.1466667, abs=5e-8)


def test_the_published_interventions_avoided(patients: pd.DataFrame) -> None:
    marker = patients["marker"].to_numpy(dtype=float)
    design = np.column_stack([np.ones_like(marker), marker])
    fitted = GLM(patients["cancer"].to_numpy(dtype=float), design, family=Binomial()).fit().fittedvalues
    *_, spared = measured(view_of(patients.assign(p=fitted), "p"), 0.15)
    assert spared == pytest.approx([33.11], abs=0.005)


@pytest.mark.parametrize("column", ["cancerpredmarker", "famhistory"])
def test_equal_to_dcurves_above_zero(patients: pd.DataFrame, column: str) -> None:
    theirs = dcurves.dca(patients, "cancer", [column], thresholds=THRESHOLDS)
    model, everyone, spared = measured(view_of(patients, column), *THRESHOLDS)
    for found, who in ((model, column), (everyone, "all")):
        assert found == pytest.approx(theirs.loc[theirs["model"] == who, "net_benefit"].to_numpy(), abs=1e-12)
    reference = theirs.loc[theirs["model"] == column, "net_intervention_avoided"].to_numpy()
    assert spared == pytest.approx(100 * reference, abs=1e-9)


def test_ties_at_zero_are_dcurves_only_other_rule(patients: pd.DataFrame) -> None:
    # Three in four have no family history, so p = 0: at or above t = 0 here, below it in dcurves.
    theirs = dcurves.dca(patients, "cancer", ["famhistory"], thresholds=[0.0])
    benefit = dict(zip(theirs["model"], theirs["net_benefit"], strict=True))
    assert (benefit["famhistory"], benefit["all"]) == pytest.approx((0.032, 0.140), abs=1e-12)
    model, everyone, _ = measured(view_of(patients, "famhistory"), 0.0)
    assert (model[0], everyone[0]) == pytest.approx((0.140, 0.140), abs=1e-12)
    below = patients.assign(famhistory=patients["famhistory"].replace({0: -sys.float_info.epsilon}))
    assert measured(view_of(below, "famhistory"), 0.0)[0] == pytest.approx([0.032], abs=1e-12)


@st.composite
def views(draw: st.DrawFn) -> Positive:
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(1, 60))
    p = np.round(generator.random(n), draw(st.integers(0, 3)))
    return ascending(generator.random(n) < draw(st.floats(0, 1)), p, np.arange(n))


@given(views(), st.lists(st.one_of(st.floats(0, 0.99), st.sampled_from([0.0, 0.1, 0.5])), min_size=1, max_size=8))
@settings(deadline=None, max_examples=150)
def test_net_benefit_counts_studies_at_or_above(view: Positive, thresholds: list[float]) -> None:
    model, everyone, spared = measured(view, *thresholds)
    n, y = view.truth.size, view.truth
    for k, t in enumerate(thresholds):
        called = view.probability >= t
        assert model[k] == pytest.approx((np.sum(called & y) - np.sum(called & ~y) * t / (1 - t)) / n, abs=1e-12)
        assert everyone[k] == pytest.approx(y.mean() - (1 - y.mean()) * t / (1 - t), abs=1e-12)
        if t > 1e-6:
            assert spared[k] == pytest.approx(100 * (model[k] - everyone[k]) * (1 - t) / t, rel=1e-6, abs=1e-6)


@given(views())
@settings(deadline=None, max_examples=60)
def test_weights_are_repeated_studies(view: Positive) -> None:
    generator = np.random.default_rng(view.truth.size)
    weights = generator.integers(0, 4, size=(3, view.truth.size)).astype(float)
    weights[:, 0] += 1
    t = np.array([0.0, 0.2, 0.5, 0.9])
    whole = shares(view.truth, view.probability, t)(weights)
    for row, found in zip(weights, whole, strict=True):
        times = row.astype(int)
        truth, p = np.repeat(view.truth, times), np.repeat(view.probability, times)
        assert shares(truth, p, t)(np.ones((1, truth.size)))[0] == pytest.approx(found)


def test_calling_everyone_is_treating_all_and_no_one_is_zero(patients: pd.DataFrame) -> None:
    always, never = patients.assign(p=1.0), patients.assign(p=0.0)
    model, everyone, spared = measured(view_of(always, "p"), *THRESHOLDS)
    assert model == pytest.approx(everyone, abs=1e-15)
    assert spared == pytest.approx(0, abs=1e-12)
    assert measured(view_of(never, "p"), *THRESHOLDS)[0] == pytest.approx(0)
    perfect = patients.assign(p=patients["cancer"].astype(float))
    assert measured(view_of(perfect, "p"), *THRESHOLDS)[0] == pytest.approx(0.14)


def test_at_the_ends_of_the_scale(patients: pd.DataFrame) -> None:
    model, everyone, spared = measured(view_of(patients, "cancerpredmarker"), 0.0, 1.0, 1.5)
    assert model[0] == everyone[0] == pytest.approx(0.14)
    assert np.isnan(spared[0])
    assert np.isnan([*model[1:], *everyone[1:]]).all()


@given(views(), st.floats(0.01, 0.99), st.floats(0.01, 0.9))
@settings(deadline=None, max_examples=80)
def test_a_stated_prevalence_weighs_both_rates(view: Positive, prevalence: float, t: float) -> None:
    at = np.array([t])
    share = shares(view.truth, view.probability, at)(np.ones((1, view.truth.size)))
    moved = at_prevalence(share, prevalence)
    if view.truth.all() or not view.truth.any():
        assert np.isnan(moved).all()
        return
    called = view.probability >= t
    se, sp = called[view.truth].mean(), (~called)[~view.truth].mean()
    wanted = prevalence * se - (1 - prevalence) * (1 - sp) * t / (1 - t)
    assert net_benefit(moved, at)[0, 0] == pytest.approx(wanted, abs=1e-12)
    assert treat_all(moved, at)[0, 0] == pytest.approx(prevalence - (1 - prevalence) * t / (1 - t))
    assert at_prevalence(share, float(view.truth.mean())) == pytest.approx(share, abs=1e-12)
