from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.meta_analysis import combine_effects

from medtransfer.core.errors import ConfigError
from medtransfer.evaluation.heterogeneity.between_sites import (
    between_interval,
    dersimonian_laird,
    generalised_q,
    reml,
    share_between,
)
from medtransfer.evaluation.heterogeneity.meta_analysis import Pooling, pooled, spread

Studies = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def bcg_counts() -> pd.DataFrame:
    """metafor's dat.bcg: tuberculosis and none, among vaccinated and others."""
    folder = os.environ.get("MEDTRANSFER_DATA")
    if not folder:
        pytest.skip("MEDTRANSFER_DATA is not set")
    return pd.read_csv(Path(folder) / "reference" / "bcg.csv").astype(float)


@pytest.fixture(scope="module")
def bcg(bcg_counts: pd.DataFrame) -> Studies:
    """Log risk ratios and their variances."""
    table = bcg_counts
    treated, control = table["tpos"] + table["tneg"], table["cpos"] + table["cneg"]
    effect = np.log((table["tpos"] / treated / (table["cpos"] / control)).to_numpy())
    variance = 1 / table["tpos"] - 1 / treated + 1 / table["cpos"] - 1 / control
    return effect, variance.to_numpy()


@st.composite
def studies(draw: st.DrawFn) -> Studies:
    k = draw(st.integers(3, 12))
    effects = [draw(st.floats(-5, 5)) for _ in range(k)]
    variances = [draw(st.floats(0.01, 4)) for _ in range(k)]
    return np.array(effects), np.array(variances)


def ends(one: Pooling) -> tuple[float, float, float]:
    return one.effect, one.interval.low, one.interval.high


@pytest.mark.real_data
def test_bcg_gives_metafors_published_values(bcg: Studies) -> None:
    assert ends(pooled(*bcg, estimator="equal")) == pytest.approx((-0.4303, -0.5097, -0.3509), abs=5e-5)
    dl = pooled(*bcg, estimator="DL", method="Wald")
    assert ends(dl) == pytest.approx((-0.7141, -1.0644, -0.3638), abs=5e-5)
    assert dl.between == pytest.approx(0.3088, abs=5e-5)
    assert share_between(dl.between, bcg[1]) == pytest.approx(0.9212, abs=5e-5)
    found = spread(*bcg)
    assert found.q == pytest.approx(152.2330, abs=5e-5)
    assert (found.degrees, found.between_dl) == (12, dl.between)
    assert found.p < 1e-20
    assert found.between == pytest.approx(0.3132, abs=5e-5)
    assert found.share == pytest.approx(0.9222, abs=5e-5)


@pytest.mark.real_data
def test_bcg_gives_metafors_reml(bcg: Studies) -> None:
    assert ends(pooled(*bcg, method="Wald")) == pytest.approx((-0.7145, -1.0669, -0.3622), abs=7e-5)


@pytest.mark.real_data
def test_log_odds_ratios_of_bcg_give_the_published_profile_interval(bcg_counts: pd.DataFrame) -> None:
    """metafor-project.org, analyses: van Houwelingen et al. (2002)."""
    counts = bcg_counts[["tpos", "tneg", "cpos", "cneg"]].to_numpy()
    y, v = np.log(counts) @ [1, -1, -1, 1], (1 / counts).sum(axis=1)
    # R finds the ends to 1.2e-4, the tolerance of its `uniroot`.
    assert between_interval(y, v) == pytest.approx((0.1302, 1.1812), abs=1.5e-4)


@given(studies())
@settings(deadline=None, max_examples=100)
def test_dersimonian_laird_and_hartung_knapp_equal_statsmodels(case: Studies) -> None:
    y, v = case
    with np.errstate(all="ignore"):  # statsmodels leaves a negative τ² as it is, and weighs by it
        reference: Any = combine_effects(y, v, method_re="dl", use_t=False)
    equal = pooled(y, v, estimator="equal")
    dl = pooled(y, v, estimator="DL", method="Wald")
    knapp = pooled(y, v, estimator="DL", method="Hartung–Knapp")
    assert equal.effect == pytest.approx(reference.mean_effect_fe, abs=1e-9)
    assert equal.standard_error == pytest.approx(reference.sd_eff_w_fe, rel=1e-9)
    if reference.tau2 >= 0:
        assert dl.between == pytest.approx(reference.tau2, rel=1e-9, abs=1e-12)
        assert dl.effect == pytest.approx(reference.mean_effect_re, abs=1e-9)
        assert dl.standard_error == pytest.approx(reference.sd_eff_w_re, rel=1e-9)
        assert knapp.standard_error == pytest.approx(reference.sd_eff_w_re_hksj, rel=1e-9)
        with_t = combine_effects(y, v, method_re="dl", use_t=True)
        assert knapp.interval == pytest.approx(with_t.conf_int()[3], rel=1e-8, abs=1e-9)
    else:
        assert dl.between == 0
    found = spread(y, v)
    assert found.q == pytest.approx(reference.q, rel=1e-9, abs=1e-12)
    assert found.p == pytest.approx(reference.test_homogeneity().pvalue, rel=1e-9)


@given(studies())
@settings(deadline=None, max_examples=100)
def test_reml_has_the_highest_restricted_likelihood(case: Studies) -> None:
    """Against the likelihood of the contrasts K'y with K'1 = 0: no formula in common with the code."""
    y, v = case
    contrasts = np.linalg.svd(np.ones((1, y.size)))[2][1:]

    def likelihood(tau2: float) -> float:
        covariance = contrasts @ np.diag(v + tau2) @ contrasts.T
        z = contrasts @ y
        return float(-0.5 * (np.linalg.slogdet(covariance)[1] + z @ np.linalg.solve(covariance, z)))

    found = reml(y, v)
    assert found >= 0
    around = [0.0, *np.geomspace(1e-4, 200, 60), found * 0.99, found * 1.01]
    assert likelihood(found) >= max(map(likelihood, around)) - 1e-9


def test_equal_variances_have_a_closed_form() -> None:
    """With vᵢ = v: τ² = max(0, s² − v) by either estimator, and Hartung–Knapp is the t-interval of the mean."""
    y = np.array([0.1, 0.9, -0.4, 1.6, 0.7])
    s2 = y.var(ddof=1)
    assert reml(y, np.full(5, 0.2)) == pytest.approx(s2 - 0.2, rel=1e-9)
    assert dersimonian_laird(y, np.full(5, 0.2)) == pytest.approx(s2 - 0.2, rel=1e-12)
    assert reml(y, np.full(5, 2.0)) == dersimonian_laird(y, np.full(5, 2.0)) == 0
    one = pooled(y, np.full(5, 0.2), method="Hartung–Knapp")
    half = 2.7764451051977987 * (s2 / 5) ** 0.5
    assert ends(one) == pytest.approx((y.mean(), y.mean() - half, y.mean() + half), rel=1e-9)
    reach = 3.182446305284263 * (s2 - 0.2 + s2 / 5) ** 0.5
    assert one.prediction == pytest.approx((y.mean() - reach, y.mean() + reach), rel=1e-9)


@given(studies(), st.floats(-3, 3), st.floats(0.1, 10))
@settings(deadline=None, max_examples=50)
def test_shifting_and_scaling_effects_shifts_and_scales_the_answer(case: Studies, by: float, factor: float) -> None:
    y, v = case
    once, moved = pooled(y, v), pooled(factor * y + by, factor**2 * v)
    assert moved.between == pytest.approx(factor**2 * once.between, rel=1e-5, abs=1e-7)
    assert moved.effect == pytest.approx(factor * once.effect + by, rel=1e-5, abs=1e-6)
    assert spread(factor * y + by, factor**2 * v).share == pytest.approx(spread(y, v).share, abs=1e-6)


@given(studies())
@settings(deadline=None, max_examples=50)
def test_the_profile_interval_is_where_q_crosses_the_quantiles(case: Studies) -> None:
    y, v = case
    low, high = between_interval(y, v)
    assert 0 <= low <= high
    tail = spread(y, v)
    if high > 0:
        assert generalised_q(y, v, high) == pytest.approx(_quantile(0.025, y.size - 1), rel=1e-6)
    if low > 0:
        assert generalised_q(y, v, low) == pytest.approx(_quantile(0.975, y.size - 1), rel=1e-6)
        assert tail.p < 0.025
    assert 0 <= tail.share_interval.low <= tail.share_interval.high < 1


def test_the_modified_interval_is_never_narrower() -> None:
    agreeing, v = np.array([0.5, 0.51, 0.49, 0.5, 0.5]), np.full(5, 0.2)
    plain, modified = pooled(agreeing, v, method="Hartung–Knapp"), pooled(agreeing, v)
    assert plain.standard_error < 0.01
    assert modified.standard_error == pytest.approx(pooled(agreeing, v, method="Wald").standard_error)
    differing = np.array([0.5, 2.0, -1.0, 3.0, 0.0])
    w = np.array([0.1, 0.2, 0.9, 0.4, 0.3])
    scale = (
        pooled(differing, w, method="Hartung–Knapp").standard_error / pooled(differing, w, method="Wald").standard_error
    )
    assert scale > 1
    assert pooled(differing, w) == pooled(differing, w, method="Hartung–Knapp")


def test_order_of_studies_does_not_matter() -> None:
    generator = np.random.default_rng(0)
    y, v = generator.normal(size=8), generator.uniform(0.1, 1, 8)
    order = generator.permutation(8)
    assert ends(pooled(y[order], v[order])) == pytest.approx(ends(pooled(y, v)), rel=1e-9)


@pytest.mark.parametrize(
    ("y", "v"), [([1.0], [1.0]), ([1.0, 2.0], [1.0, 0.0]), ([1.0, 2.0], [1.0, np.inf]), ([1.0, np.nan], [1.0, 1.0])]
)
def test_what_cannot_be_pooled_is_refused(y: list[float], v: list[float]) -> None:
    with pytest.raises(ConfigError) as caught:
        pooled(np.array(y), np.array(v))
    assert caught.value.code == "NotPoolable"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("k", "tau", "foretold"), [(5, 0.0, 0.97), (5, 0.5, 0.88), (12, 0.3, 0.82), (12, 1.0, 0.91), (30, 0.5, 0.91)]
)
def test_known_spread_is_found_and_intervals_hold_it(k: int, tau: float, foretold: float) -> None:
    """1,000 simulated meta-analyses with τ known; `foretold` is the least that prediction intervals hold."""
    generator = np.random.default_rng(7)
    runs = 1000
    within, covered, plain, predicted, profile, rejected = [], 0, 0, 0, 0, 0
    for _ in range(runs):
        v = generator.uniform(0.02, 0.3, k)
        y = generator.normal(1.0, np.sqrt(tau**2 + v))
        one, knapp, far = pooled(y, v), pooled(y, v, method="Hartung–Knapp"), spread(y, v)
        within.append(one.between)
        covered += one.interval.low <= 1.0 <= one.interval.high
        plain += knapp.interval.low <= 1.0 <= knapp.interval.high
        assert one.prediction is not None
        predicted += one.prediction.low <= generator.normal(1.0, tau) <= one.prediction.high
        profile += far.between_interval.low <= tau**2 <= far.between_interval.high
        rejected += far.p < 0.05
    assert 0.925 <= plain / runs <= 0.97
    assert plain <= covered <= runs
    assert predicted / runs >= foretold
    assert 0.93 <= profile / runs <= 0.985
    if tau:
        assert np.mean(within) == pytest.approx(tau**2, rel=0.12)
    else:
        assert 0.03 <= rejected / runs <= 0.07


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="Rscript is not there")
@pytest.mark.parametrize("estimator", ["REML", "DL"])
def test_equals_metafor(estimator: Literal["REML", "DL"]) -> None:
    generator = np.random.default_rng(3)
    y, v = generator.normal(size=9).round(6), generator.uniform(0.05, 0.5, 9).round(6)
    program = (
        "if (!requireNamespace('metafor', quietly = TRUE)) quit(status = 3);"
        f"f <- metafor::rma(c({','.join(map(str, y))}), c({','.join(map(str, v))}), method='{estimator}', test='knha',"
        "control=list(threshold=1e-12));"
        "cat(sprintf('%.12f', c(f$b, f$ci.lb, f$ci.ub, f$tau2, f$QE, f$I2)))"
    )
    run = subprocess.run(["Rscript", "-e", program], capture_output=True, text=True, check=False)
    if run.returncode == 3:
        pytest.skip("metafor is not there")
    assert run.returncode == 0, run.stderr
    effect, low, high, between, q, share = map(float, run.stdout.split())
    one = pooled(y, v, estimator=estimator, method="Hartung–Knapp")
    assert (*ends(one), one.between) == pytest.approx((effect, low, high, between), rel=1e-6)
    assert spread(y, v).q == pytest.approx(q, rel=1e-8)
    assert 100 * share_between(one.between, v) == pytest.approx(share, rel=1e-6)


def _quantile(tail: float, degrees: int) -> float:
    """By simulation-free inversion with the incomplete gamma function."""
    from scipy.special import gammaincinv

    return float(2 * gammaincinv(degrees / 2, tail))
