from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from medtransfer.evaluation.accounting.given_label import given_label, superiority
from medtransfer.evaluation.roc import clustered_variance


def two_sites(
    *, seed: int, n: int = 400, lift: float = 0.0, prevalence: tuple[float, float] = (0.2, 0.7)
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Site, truth and score; the sites differ in prevalence, and by `lift` in the scores of equal truths."""
    generator = np.random.default_rng(seed)
    south = generator.random(n) < 0.5
    truth = generator.random(n) < np.where(south, prevalence[1], prevalence[0])
    score = generator.normal(size=n) + 1.5 * truth + lift * south
    return south, truth, 1 / (1 + np.exp(-score))


def test_a_score_that_follows_the_site_is_found() -> None:
    south, truth, p = two_sites(seed=0, lift=0.6)
    found, chance = superiority(south, truth, p, np.arange(400))
    assert found.low is not None
    assert found.low > 0.5
    assert chance is not None
    assert chance < 0.001


def test_another_prevalence_alone_is_no_association() -> None:
    """The marginal comparison is fooled by it, the one given the truth is not."""
    south, truth, p = two_sites(seed=0)
    assert mannwhitneyu(p[south], p[~south]).pvalue < 1e-6
    found, chance = superiority(south, truth, p, np.arange(400))
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.5 < found.high
    assert chance is not None
    assert chance > 0.05


def test_with_one_truth_alone_it_is_the_rank_sum_test_with_the_clustered_variance() -> None:
    generator = np.random.default_rng(0)
    has, p = np.arange(60) % 3 == 0, generator.random(60)
    truth = np.zeros(60, dtype=bool)
    found, _ = superiority(has, truth, p, np.arange(60))
    assert found.value == pytest.approx(mannwhitneyu(p[has], p[~has]).statistic / (has.sum() * (~has).sum()))
    assert "one of the two truths" in found.note
    assert found.value is not None
    assert found.high is not None
    half = np.log(found.high / (1 - found.high)) - np.log(found.value / (1 - found.value))
    error = half / 1.959964 * found.value * (1 - found.value)
    assert error**2 == pytest.approx(clustered_variance(has, p, np.arange(60)), rel=0.05)


def test_repeating_every_study_changes_no_interval() -> None:
    south, truth, p = two_sites(seed=1, lift=0.2)
    once, _ = superiority(south, truth, p, np.arange(400))
    groups = np.repeat(np.arange(400), 4)
    often, _ = superiority(np.repeat(south, 4), np.repeat(truth, 4), np.repeat(p, 4), groups)
    assert often.value == pytest.approx(once.value, abs=2e-3)
    assert often.low == pytest.approx(once.low, abs=2e-3)


@given(st.integers(0, 1000))
@settings(deadline=None, max_examples=25)
def test_unmoved_by_monotone_maps_and_mirrored_by_the_other_value(seed: int) -> None:
    south, truth, p = two_sites(seed=seed, n=120, lift=0.3, prevalence=(0.4, 0.6))
    found, _ = superiority(south, truth, p, np.arange(120))
    mapped, _ = superiority(south, truth, p**3, np.arange(120))
    other, _ = superiority(~south, truth, p, np.arange(120))
    assert mapped.value == pytest.approx(found.value)
    assert found.value is not None
    assert other.value == pytest.approx(1 - found.value)
    assert found.low is not None
    assert other.high == pytest.approx(1 - found.low)


def test_two_values_are_one_comparison_and_holm_counts_all() -> None:
    south, truth, p = two_sites(seed=0, lift=0.3)
    generator = np.random.default_rng(1)
    columns = {
        "site": pd.Series(np.where(south, "south", "north")),
        "manufacturer": pd.Series(generator.choice(["Agfa", "GE", "Philips"], 400)),
        "view": pd.Series(["PA"] * 400),
        "sex": pd.Series(generator.choice(["F", "M"], 400)),
    }
    found = given_label(columns, truth, p, np.arange(400))
    assert [row.attribute for row in found] == ["site", *["manufacturer"] * 3]
    assert {row.studies for row in found if row.attribute == "manufacturer"} != {0}
    chances = [row.p_holm for row in found]
    assert chances[0] is not None
    assert chances[0] == min(chance for chance in chances if chance is not None)
    _, raw = superiority((columns["site"] == found[0].value).to_numpy(), truth, p, np.arange(400))
    assert raw is not None
    assert chances[0] == pytest.approx(4 * raw)


def test_few_patients_blank_cells_and_perfect_separation() -> None:
    south, truth, p = two_sites(seed=0, n=60)
    few, chance = superiority(np.arange(60) < 3, truth, p, np.arange(60))
    assert (few.value, chance) == (None, None)
    assert "fewer than 10 patients" in few.note
    cells = pd.Series(np.where(np.arange(60) < 40, np.where(south, "a", "b"), ""))
    (row,) = given_label({"site": cells}, truth, p, np.arange(60))
    assert row.superiority.n <= 40
    apart, chance = superiority(np.arange(60) < 30, np.zeros(60, dtype=bool), np.arange(60) / 60.0, np.arange(60))
    assert (apart.value, chance) == (0.0, None)


@pytest.mark.slow
def test_p_values_are_right_where_patients_repeat() -> None:
    """500 cohorts: patients with one to five studies on one scanner, scores alike within the patient."""
    below = []
    for seed in range(500):
        generator = np.random.default_rng(seed)
        groups = np.repeat(np.arange(80), generator.integers(1, 6, 80))
        scanner = (generator.random(80) < 0.5)[groups]
        truth = generator.random(groups.size) < 0.5
        score = generator.normal(size=80)[groups] + 0.5 * generator.normal(size=groups.size) + truth
        _, chance = superiority(scanner, truth, 1 / (1 + np.exp(-score)), groups)
        below.append(chance is not None and chance < 0.05)
    assert 0.025 <= np.mean(below) <= 0.085
