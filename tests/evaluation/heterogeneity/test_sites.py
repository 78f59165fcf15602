from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from grouped_cohorts import POINT, cohort_of, drawn

from medtransfer.core.evaluated.heterogeneity import Sites
from medtransfer.evaluation.heterogeneity.meta_analysis import pooled, spread
from medtransfer.evaluation.heterogeneity.sites import FEWEST_SITES, sites
from medtransfer.evaluation.roc import delong_variance, placements


def hospitals(
    seed: int, *, k: int, n: int = 200, tau: float = 0.0, perfect: str = "", useless: str = "", constant: str = ""
) -> Sites:
    generator = np.random.default_rng(seed)
    site = np.repeat([f"H{i:02}" for i in range(k)], n)
    truth = generator.random(k * n) < 0.4
    shift = np.where(site == useless, 0.0, np.repeat(1.5 + tau * generator.normal(size=k), n))
    p = 1 / (1 + np.exp(-(generator.normal(size=k * n) + shift * truth - 0.8)))
    p = np.where(site == perfect, np.where(truth, 0.9, 0.05), p)
    p = np.where(site == constant, 0.3, p)
    found = sites(*cohort_of(truth, p, np.arange(k * n), site=site), point=POINT)
    assert found is not None
    return found


def test_pooled_auroc_is_the_meta_analysis_of_the_sites() -> None:
    view, table = drawn(1, n=2100)
    found = sites(view, table)
    assert found is not None
    y, v = [], []
    for site in sorted(set(table["site"])):
        rows = (table["site"] == site).to_numpy()
        theta = placements(view.truth[rows], view.probability[rows]).auroc
        y.append(np.log(theta / (1 - theta)))
        v.append(delong_variance(view.truth[rows], view.probability[rows]) / (theta * (1 - theta)) ** 2)
    expected, far = pooled(np.array(y), np.array(v)), spread(np.array(y), np.array(v))
    (one,) = found.pooled
    back = [1 / (1 + np.exp(-x)) for x in (expected.effect, *expected.interval, *(expected.prediction or ()))]
    assert [one.estimate.value, one.estimate.low, one.estimate.high] == pytest.approx(back[:3])
    assert [one.prediction_low, one.prediction_high] == pytest.approx(back[3:])
    assert (one.q, one.p, one.between_variance_dl) == pytest.approx((far.q, far.p, far.between_dl))
    assert (one.sites, one.degrees, one.left_out, one.estimate.n) == (7, 6, (), 2100)
    assert one.between_share.value == pytest.approx(far.share)


def test_sensitivity_and_specificity_are_pooled_by_their_binomial_variance() -> None:
    view, table = drawn(1, n=2100)
    found = sites(view, table, point=POINT)
    assert found is not None
    assert [one.estimate.name for one in found.pooled] == ["AUROC", "sensitivity", "specificity"]
    y, v = [], []
    for site in sorted(set(table["site"])):
        rows = (table["site"] == site).to_numpy() & view.truth
        hit = int((view.probability[rows] >= POINT.threshold).sum())
        miss = int(rows.sum()) - hit
        y.append(np.log(hit / miss))
        v.append(1 / hit + 1 / miss)
    expected = pooled(np.array(y), np.array(v))
    assert found.pooled[1].estimate.value == pytest.approx(1 / (1 + np.exp(-expected.effect)))
    assert found.pooled[1].estimate.n == view.truth.sum()


@pytest.mark.parametrize("k", [2, 4, 5])
def test_nothing_is_pooled_below_five_sites(k: int) -> None:
    found = hospitals(3, k=k)
    assert len(found.by_site.groups) == k
    assert bool(found.pooled) == (k >= FEWEST_SITES)
    assert ("AUROC is not pooled: there are" in found.note) == (k < FEWEST_SITES)


def test_one_site_no_site_and_no_column_are_no_sites() -> None:
    view, table = drawn(1)
    assert sites(view, table.drop(columns="site")) is None
    assert sites(view, table.assign(site="A")) is None
    assert sites(view, table.assign(site="")) is None


def test_sites_that_are_not_estimable_are_named_and_unknown_ones_are_no_site() -> None:
    view, table = drawn(2, n=1400)
    site = table["site"].to_numpy(dtype=object)
    site[np.flatnonzero(~view.truth)[:25]] = "small"
    site[np.flatnonzero(view.truth)[:40]] = ""
    found = sites(view, table.assign(site=site), point=POINT)
    assert found is not None
    assert "unknown" in {one.name for one in found.by_site.groups}
    assert all(one.left_out == ("small",) for one in found.pooled)
    assert all(one.sites == 7 for one in found.pooled)
    assert "40 studies of an unknown site" in found.note


def test_leaving_out_the_odd_site_moves_the_pooled_figure_most() -> None:
    found = hospitals(5, k=8, useless="H03")
    for one in (found.pooled[0], found.pooled[1]):
        assert one.moved_most_by == "H03"
        assert [other.site for other in one.without] == [group.name for group in found.by_site.groups]
        moved = next(other.estimate for other in one.without if other.site == "H03")
        others = [other.estimate.value or 1.0 for other in one.without if other.site != "H03"]
        assert (moved.value or 0.0) > max(others)
        odd = next(group for group in found.by_site.groups if group.name == "H03")
        assert moved.n == one.estimate.n - odd.figure(one.estimate.name).estimate.n


def test_a_perfect_site_is_pooled_with_a_half_added_and_said() -> None:
    found = hospitals(5, k=6, perfect="H03")
    for one in found.pooled:
        assert one.sites == 6
        assert one.estimate.note == "half a success and half a failure added at H03"
        assert (one.estimate.value or 1) < 1


def test_a_site_without_variation_is_left_out_of_the_pooled_auroc() -> None:
    found = hospitals(5, k=6, constant="H01")
    auroc, _, specificity = found.pooled
    assert auroc.left_out == ("H01",)
    assert specificity.left_out == ()
    assert "H01" in specificity.estimate.note


def test_sites_alike_and_sites_apart() -> None:
    alike, apart = hospitals(11, k=12).pooled[0], hospitals(11, k=12, tau=1.0).pooled[0]
    assert alike.p > 0.05 > apart.p
    assert (apart.between_share.value or 0) > 0.7
    assert (apart.prediction_high or 0) - (apart.prediction_low or 1) > (apart.estimate.high or 0) - (
        apart.estimate.low or 1
    )
    for one in (alike, apart):
        for estimate in (one.estimate, one.equal_effects, one.between_variance, one.between_share):
            assert estimate.low is not None
            assert estimate.value is not None
            assert estimate.high is not None
            assert estimate.low <= estimate.value <= estimate.high


def test_patients_at_several_sites_are_said() -> None:
    view, table = drawn(1, n=1400, patients=300, own=False)
    found = sites(view, table, point=POINT)
    assert found is not None
    assert "several sites" in found.note
    assert "several sites" not in hospitals(1, k=6).note


def test_more_sites_than_groups_are_shown_are_all_kept() -> None:
    found = hospitals(1, k=25, n=80)
    assert len(found.by_site.groups) == found.pooled[0].sites == 25
    json.loads(found.model_dump_json(), parse_constant=pytest.fail)
    assert Sites.model_validate_json(found.model_dump_json()) == found


def test_renaming_sites_and_shuffling_rows_change_no_pooled_figure() -> None:
    view, table = drawn(6, n=1400, patients=700)
    order = np.random.default_rng(0).permutation(view.truth.size)
    renamed = table["site"].map(dict(zip("ABCDEFG", "gfedcba", strict=True))).to_numpy()
    once = sites(view, table, point=POINT)
    again = sites(
        *cohort_of(view.truth[order], view.probability[order], view.groups[order] + 7, site=renamed[order]), point=POINT
    )
    assert once is not None
    assert again is not None
    for one, other in zip(once.pooled, again.pooled, strict=True):
        a, b = (
            pd.Series([x.estimate.value, x.estimate.low, x.prediction_low, x.q, x.between_share.value])
            for x in (one, other)
        )
        assert b.tolist() == pytest.approx(a.tolist(), rel=1e-6, abs=1e-9)


@pytest.mark.slow
def test_pooled_auroc_covers_the_average_sites_and_prediction_the_next() -> None:
    """200 networks of 8 hospitals whose separations vary; the average site's logit AUROC from 400,000 draws."""
    from scipy.stats import norm

    generator = np.random.default_rng(0)
    logits = norm.cdf((1.5 + 0.5 * generator.normal(size=400_000)) / np.sqrt(2))
    logits = np.log(logits / (1 - logits))
    covered = predicted = 0
    for seed in range(200):
        (one, *_) = hospitals(900 + seed, k=8, n=150, tau=0.5).pooled
        average = 1 / (1 + np.exp(-logits.mean()))
        following = 1 / (1 + np.exp(-generator.choice(logits)))
        covered += (one.estimate.low or 0) <= average <= (one.estimate.high or 0)
        predicted += (one.prediction_low or 0) <= following <= (one.prediction_high or 0)
    assert 0.92 <= covered / 200 <= 0.995
    assert predicted / 200 >= 0.88
