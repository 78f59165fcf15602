from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from grouped_cohorts import POINT, cohort_of, drawn
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from medtransfer.core.errors import PredictionsError
from medtransfer.core.evaluated.heterogeneity import Subgroup, Subgroups
from medtransfer.evaluation.comparison.multiplicity import holm
from medtransfer.evaluation.heterogeneity.subgroups import subgroups
from medtransfer.evaluation.operating_points import at_threshold
from medtransfer.evaluation.positive import Positive
from medtransfer.evaluation.roc import auroc_estimate

CALIBRATION = "calibration-in-the-large"


def by_sex(view: Positive, table: pd.DataFrame) -> Subgroups:
    (one,) = subgroups(view, table, ["sex"], point=POINT)
    return one


def numbers(one: Subgroup) -> list[float]:
    """Every figure of a group, and what is said of its difference."""
    found: list[float | None] = [one.n, one.events, one.patients, one.shared_patients]
    for figure in one.figures:
        found += [figure.estimate.value, figure.estimate.low, figure.estimate.high]
        if figure.contrast:
            difference = figure.contrast.difference
            found += [difference.value, difference.low, difference.high, figure.contrast.p, figure.contrast.p_holm]
    return [float("nan") if x is None else float(x) for x in found]


def test_a_groups_figures_are_those_of_its_studies_alone() -> None:
    view, table = drawn(1, patients=300)
    found = by_sex(view, table)
    rows = (table["attribute_sex"] == "F").to_numpy()
    truth, probability, groups = view.truth[rows], view.probability[rows], view.groups[rows]
    female = next(one for one in found.groups if one.name == "F")
    assert (female.n, female.events, female.patients) == (rows.sum(), truth.sum(), np.unique(groups).size)
    assert female.figure("AUROC").estimate == auroc_estimate(truth, probability, groups)
    sensitivity, specificity, *_ = at_threshold(truth, probability, POINT.threshold, groups)
    assert female.figure("sensitivity").estimate == sensitivity
    assert female.figure("specificity").estimate == specificity
    assert female.figure(CALIBRATION).estimate.value == pytest.approx((probability - truth).mean())
    everyone = found.everyone
    assert everyone.figure("AUROC").estimate == auroc_estimate(view.truth, view.probability, view.groups)
    assert all(one.contrast is None for one in everyone.figures)
    with pytest.raises(KeyError):
        female.figure("kappa")


def test_the_difference_is_from_all_other_studies() -> None:
    found = by_sex(*drawn(1))
    first, second = found.groups
    for name in ("AUROC", "sensitivity", "specificity", CALIBRATION):
        one, other = first.figure(name), second.figure(name)
        assert one.contrast
        assert other.contrast
        assert one.contrast.difference.value == pytest.approx((one.estimate.value or 0) - (other.estimate.value or 0))
        assert one.contrast.difference.value == -(other.contrast.difference.value or 0)
        assert one.contrast.p == other.contrast.p
        assert one.contrast.p_holm == other.contrast.p_holm
    assert found.tests == 4
    assert "of two groups" in found.family


def test_p_values_are_adjusted_over_all_groups_and_figures() -> None:
    view, table = drawn(4)
    (found,) = subgroups(view, table, ["age"], point=POINT)
    contrasts = [figure.contrast for one in found.groups for figure in one.figures if figure.contrast]
    assert found.tests == len(contrasts) == 12
    assert "of 3 groups" in found.family
    assert [one.p_holm for one in contrasts] == list(holm([one.p for one in contrasts]))
    assert all((one.p_holm or 0) >= (one.p or 0) for one in contrasts)
    (without,) = subgroups(view, table, ["age"])
    assert without.tests == 6


def test_one_class_or_few_patients_of_one_are_not_estimable_and_never_0() -> None:
    view, table = drawn(2)
    sex = table["attribute_sex"].to_numpy(dtype=object)
    sex[np.flatnonzero(view.truth)[:9]] = "nine with it"
    sex[np.flatnonzero(~view.truth)[:30]] = "healthy"
    sex[np.flatnonzero(view.truth)[9:12]] = ""
    found = by_sex(view, table.assign(attribute_sex=sex))
    poor = {one.name: one for one in found.groups if one.name not in {"F", "M"}}
    assert set(poor) == {"nine with it", "healthy", "unknown"}
    for one in poor.values():
        for figure in one.figures:
            assert figure.estimate.value is None
            assert figure.contrast is None
            assert "10 or more are needed" in figure.estimate.note
    assert poor["healthy"].prevalence.high
    assert found.tests == 8
    text = found.model_dump_json()
    assert "NaN" not in text
    assert Subgroups.model_validate_json(text) == found


def test_where_the_rest_is_too_small_the_difference_is_not_estimable() -> None:
    view, table = drawn(2)
    sex = np.full(view.truth.size, "F", dtype=object)
    (whole,) = by_sex(view, table.assign(attribute_sex=sex)).groups
    assert whole.figure("AUROC").estimate.value is not None
    contrast = whole.figure("AUROC").contrast
    assert contrast
    assert (contrast.p, contrast.difference.value, contrast.difference.note) == (
        None,
        None,
        "there are no other studies",
    )
    sex[:5] = "M"
    found = by_sex(view, table.assign(attribute_sex=sex))
    contrast = found.groups[0].figure("AUROC").contrast
    assert contrast
    assert contrast.difference.note.startswith("of all other studies, ")
    assert (found.tests, found.family) == (0, "no difference could be tested")


@given(st.integers(0, 10_000), st.integers(2, 80))
@settings(deadline=None, max_examples=30)
def test_counts_sum_to_the_whole(seed: int, n: int) -> None:
    generator = np.random.default_rng(seed)
    values = generator.choice(["a", "b", "c", "", "031Y", "2020-01-02", "<i>", "=1"], n)
    view, table = cohort_of(
        generator.random(n) < 0.5, generator.random(n).round(1), generator.integers(0, n, n), attribute_x=values
    )
    (found,) = subgroups(view, table, ["x"], point=POINT)
    for what in ("n", "events"):
        assert sum(getattr(one, what) for one in found.groups) == getattr(found.everyone, what)
    assert found.everyone.n == n
    assert ("unknown" in {one.name for one in found.groups}) == ("" in values)
    json.loads(found.model_dump_json(), parse_constant=pytest.fail)


@pytest.mark.parametrize("own", [True, False])
def test_names_of_groups_and_patients_and_the_order_of_rows_change_no_figure(own: bool) -> None:
    view, table = drawn(7, patients=250, own=own)
    found = by_sex(view, table)
    generator = np.random.default_rng(0)
    codes = generator.permutation(100_000)[: view.groups.max() + 1]
    order = generator.permutation(view.truth.size)
    renamed = table["attribute_sex"].map({"F": "zzz", "M": "aaa"})
    again_view, again_table = cohort_of(
        view.truth[order], view.probability[order], codes[view.groups][order], attribute_sex=renamed.to_numpy()[order]
    )
    again = {one.name: one for one in by_sex(again_view, again_table).groups}
    for one in found.groups:
        twin = again[{"F": "zzz", "M": "aaa"}[one.name]]
        assert numbers(twin) == pytest.approx(numbers(one), rel=1e-7, abs=1e-10, nan_ok=True)


def test_repeating_every_study_narrows_no_difference() -> None:
    view, table = drawn(3, n=300)
    five = np.repeat(np.arange(view.truth.size), 5)
    repeated = Positive(truth=view.truth[five], probability=view.probability[five], groups=view.groups[five])
    once = by_sex(view, table)
    often = by_sex(repeated, table.iloc[five].reset_index(drop=True))
    for one, other in zip(once.groups, often.groups, strict=True):
        for figure, same in zip(one.figures, other.figures, strict=True):
            assert figure.contrast
            assert same.contrast
            a, b = figure.contrast.difference, same.contrast.difference
            assert b.value == pytest.approx(a.value)
            assert (b.high or 0) - (b.low or 0) == pytest.approx((a.high or 0) - (a.low or 0), rel=0.05)


def test_prespecified_attributes_come_first_and_the_others_are_exploratory() -> None:
    view, table = drawn(1)
    found = subgroups(view, table, ["sex", "age"], prespecified=["site"], of="pneumonia")
    assert [(one.attribute, one.prespecified) for one in found] == [("site", True), ("sex", False), ("age", False)]
    assert {one.of for one in found} == {"pneumonia"}
    assert len(subgroups(view, table, ["sex", "sex"])) == 1
    with pytest.raises(PredictionsError) as caught:
        subgroups(view, table, ["sexx"])
    assert caught.value.code == "UnknownAttribute"


def test_no_study_one_study_and_one_patient() -> None:
    empty = cohort_of(np.array([], bool), np.array([]), np.array([], int), attribute_sex=np.array([], object))
    found = by_sex(*empty)
    assert (found.groups, found.everyone.n, found.tests) == ((), 0, 0)
    one = by_sex(*cohort_of(np.array([True]), np.array([1.0]), np.array([4]), attribute_sex=["F"]))
    assert [group.n for group in one.groups] == [1]
    truth = np.tile([True, False], 30)
    alone = by_sex(*cohort_of(truth, truth * 0.5, np.zeros(60), attribute_sex=["F", "M"] * 30))
    assert all(figure.estimate.value is None for group in alone.groups for figure in group.figures)


def test_a_record_whose_counts_do_not_reconcile_is_refused() -> None:
    found = by_sex(*drawn(1))
    broken = found.model_dump() | {"groups": found.model_dump()["groups"][:1]}
    with pytest.raises(ValidationError, match="groups sum to"):
        Subgroups.model_validate(broken)


@pytest.mark.slow
def test_under_no_difference_holm_claims_one_in_twenty_families_at_most() -> None:
    claims, runs = 0, 300
    for seed in range(runs):
        view, table = drawn(50_000 + seed, n=500, patients=300)
        (found,) = subgroups(view, table, ["site"], point=POINT)
        claims += any(
            figure.contrast and figure.contrast.p_holm is not None and figure.contrast.p_holm < 0.05
            for one in found.groups
            for figure in one.figures
        )
    assert claims / runs <= 0.085
