"""The comparison as a whole: its laws, its verdicts and what it warns of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from questions import GRADES, LABELS, ordered_classes, several_labels
from rivals import of_another_bundle, point, rival, unread, without_truth
from sklearn import metrics as sk

from medtransfer.core.errors import CatalogueError, ConfigError
from medtransfer.core.evaluated.comparison import Comparison
from medtransfer.core.results import Predictions
from medtransfer.evaluation.cases import measured_cases
from medtransfer.evaluation.comparison.compare import compare
from medtransfer.evaluation.comparison.finding_measures import METRICS
from medtransfer.evaluation.operating_points import at_threshold
from medtransfer.evaluation.positive import against_the_rest
from medtransfer.evaluation.provenance import provenance
from medtransfer.evaluation.roc import auroc_estimate

SECONDARY = ("average_precision", "brier", "log_loss", "sensitivity", "specificity")


def quick(*predictions: Predictions, **asked: object) -> Comparison:
    names = tuple("ABCDEF"[: len(predictions)])
    return compare(predictions, names, **{"replicates": 400, **asked})


@pytest.fixture(scope="module")
def three() -> Comparison:
    return quick(rival("a"), rival("b", strength=1.6), rival("c", strength=3.2), margin=0.05)


def test_figures_are_those_of_the_model_alone() -> None:
    found = quick(rival("a"), rival("b"))
    for model, one in zip(found.models, (rival("a"), rival("b")), strict=True):
        view = against_the_rest(measured_cases(one), 1)
        assert model.figures["auroc"] == auroc_estimate(view.truth, view.probability, view.groups)
        rates = {rate.name: rate for rate in at_threshold(view.truth, view.probability, 0.4, view.groups)}
        assert model.figures["sensitivity"].value == rates["sensitivity"].value
        assert model.figures["specificity"].low == rates["specificity"].low
        for name in ("average_precision", "brier", "log_loss"):
            expected = METRICS.get(name)(view.truth, view.probability)
            assert model.figures[name].value == pytest.approx(expected, rel=1e-12)
        assert model.provenance == provenance(one, seed=0)


def test_every_difference_is_model_less_reference(three: Comparison) -> None:
    assert three.reference.name == "A"
    assert [one.model for one in three.headlines] == ["B", "C"]
    assert {one.metric for one in three.differences} == {"auroc", *SECONDARY}
    for one in three.differences:
        values = {model.name: model.figures[one.metric].value for model in three.models}
        ours, theirs = values[one.model], values["A"]
        assert ours is not None
        assert theirs is not None
        assert one.value == pytest.approx(ours - theirs, abs=1e-12)
        assert one.value is not None
        assert one.low is not None
        assert one.high is not None
        assert one.low <= one.value <= one.high
        assert one.p is not None
        assert one.p_adjusted is not None
        assert one.p <= one.p_adjusted <= 1
        assert one.better == ("lower" if one.metric in {"brier", "log_loss"} else "higher")
    assert three.difference("auroc").method == "Obuchowski (paired, clustered)"
    assert three.difference("auroc", "C").finding == three.difference("brier", "C").finding == "better"
    assert three.difference("auroc", "B").finding == "no_evidence"
    with pytest.raises(KeyError):
        three.difference("auroc", "A")


def test_holm_is_over_the_models_of_one_figure_and_method(three: Comparison) -> None:
    for metric in ("auroc", *SECONDARY):
        rows = [one for one in three.differences if one.metric == metric]
        for method in {one.method for one in rows}:
            raw = sorted(one.p or 0 for one in rows if one.method == method)
            adjusted = sorted(one.p_adjusted or 0 for one in rows if one.method == method)
            assert adjusted == pytest.approx([min(1, 2 * raw[0]), max(min(1, 2 * raw[0]), raw[1])])


def test_turning_the_models_round_turns_every_sign() -> None:
    there, back = quick(rival("a"), rival("b", strength=2.0)), quick(rival("b", strength=2.0), rival("a"))
    for one, other in zip(there.differences, back.differences, strict=True):
        assert one.value is not None
        assert one.low is not None
        assert one.high is not None
        assert (one.metric, one.method) == (other.metric, other.method)
        assert (one.value, one.low, one.high, one.p) == pytest.approx(
            (-(other.value or 0), -(other.high or 0), -(other.low or 0), other.p), abs=1e-12
        )
        assert {one.finding, other.finding} in ({"better", "worse"}, {"no_evidence"})
    for one, other in zip(there.discordances, back.discordances, strict=True):
        assert (one.only_model, one.p_exact) == (other.only_reference, other.p_exact)


@pytest.mark.parametrize("studies", [160, 12])
def test_a_model_beside_itself_differs_by_nothing(studies: int) -> None:
    one = rival("a", studies=studies)
    found = quick(one, of_another_bundle(one, "b"), margin=0.05)
    for row in found.differences:
        assert (row.value, row.p, row.p_adjusted, row.low, row.high) == (0.0, 1.0, 1.0, None, None)
        assert row.finding == "no_evidence"
        assert row.note
    asked = found.headlines[0].non_inferiority
    assert asked is not None
    assert asked.finding == "not_estimable"
    assert all((row.only_model, row.p_exact, row.p) == (0, 1.0, None) for row in found.discordances)


def test_the_order_of_rows_changes_no_byte() -> None:
    first, second = unread(rival("a"), [3, 9]), rival("b")
    shuffled = replace(second, table=second.table.sample(frac=1, random_state=3))
    assert quick(first, shuffled).model_dump_json() == quick(first, second).model_dump_json()


def test_a_monotone_map_changes_no_auroc_but_the_brier_score() -> None:
    one = rival("a")
    p = one.table["probability_pneumonia"] ** 2
    table = one.table.assign(probability_pneumonia=p, probability_normal=1 - p, decision="", bundle_sha256="b" * 64)
    mapped = replace(one, table=table, bundle_sha256="b" * 64, operating_point=point(0.16))
    found = quick(one, mapped)
    assert found.difference("auroc").value == 0
    assert found.difference("sensitivity").value == 0
    assert found.difference("brier").finding != "not_estimable"
    assert found.difference("brier").value != 0


def five_times(one: Predictions) -> Predictions:
    """Every row five times, of the same patients."""
    table = pd.concat([one.table.assign(study_id=one.table["study_id"] + f"/{i}") for i in range(5)], ignore_index=True)
    return replace(one, table=table)


def test_repeating_every_row_moves_no_test() -> None:
    first, second = rival("a"), rival("b", strength=2.0)
    once, five = quick(first, second, replicates=1000), quick(five_times(first), five_times(second), replicates=1000)
    alone = [
        replace(one, table=one.table.assign(patient_id=one.table["study_id"]))
        for one in map(five_times, (first, second))
    ]
    naive = quick(*alone, replicates=1000)
    for one, repeated, wrong in zip(once.differences, five.differences, naive.differences, strict=True):
        width = (one.high or 0) - (one.low or 0)
        assert repeated.value == pytest.approx(one.value, abs=1e-9)
        assert (repeated.high or 0) - (repeated.low or 0) == pytest.approx(width, rel=0.08), one.metric
        assert (wrong.high or 0) - (wrong.low or 0) < 0.65 * width
    assert five.difference("auroc").p == pytest.approx(once.difference("auroc").p, rel=1e-6)
    for one, repeated in zip(once.discordances, five.discordances, strict=True):
        assert repeated.p_exact == pytest.approx(one.p_exact, rel=1e-9)


@pytest.mark.parametrize(
    ("strength", "margin", "finding"),
    [(1.45, 0.2, "shown"), (1.45, 0.001, "not_shown"), (0.2, 0.02, "refuted"), (3.0, 0.01, "shown")],
)
@pytest.mark.parametrize("metric", ["auroc", "log_loss"])
def test_non_inferiority(strength: float, margin: float, finding: str, metric: str) -> None:
    """Where less is better, the margin lies on the other side."""
    found = quick(rival("a"), rival("b", strength=strength, own=0.3), metric=metric, margin=margin)
    head = found.headlines[0]
    asked = head.non_inferiority
    assert asked is not None
    assert (asked.margin, asked.finding) == (margin, finding)
    assert head.low is not None
    assert head.high is not None
    worst = head.low if metric == "auroc" else -head.high
    assert (worst > -margin) == (finding == "shown")
    assert all(one.non_inferiority is None for one in found.differences if one.metric != metric)
    assert found.metric == metric == found.differences[0].metric


def test_non_inferiority_of_several_models_is_adjusted() -> None:
    found = quick(rival("a"), *(rival(letter, own=0.3) for letter in "bcde"), margin=0.03)
    margins = [one.non_inferiority for one in found.headlines]
    raw = [one.p for one in margins if one is not None and one.p is not None]
    adjusted = [one.p_adjusted for one in margins if one is not None and one.p_adjusted is not None]
    assert min(adjusted) == pytest.approx(min(1, 4 * min(raw)))


def test_a_lone_study_a_patient_gets_delong_and_mcnemar_themselves() -> None:
    alone = [replace(one, table=one.table.assign(patient_id=one.table["study_id"])) for one in (rival("a"), rival("b"))]
    found = quick(*alone)
    assert found.difference("auroc").method == "DeLong (paired)"
    assert found.discordances[0].exact_method == "McNemar, exact"
    assert found.n_patients == found.n_studies == 160


def test_without_an_operating_point_decisions_are_not_compared() -> None:
    found = quick(rival("a"), rival("b", threshold=None))
    assert found.discordances == ()
    assert set(found.reference.figures) == {"auroc", "average_precision", "brier", "log_loss"}
    assert any("No operating point came with B" in line for line in found.warnings)
    with pytest.raises(CatalogueError, match="'sensitivity'"):
        quick(rival("a"), rival("b", threshold=None), metric="sensitivity")


def test_decisions_are_counted_at_each_models_own_threshold() -> None:
    first, second = rival("a", threshold=0.4), rival("b", threshold=0.7)
    found = quick(first, second, metric="sensitivity")
    truth = (first.table["truth"] == "pneumonia").to_numpy(dtype=bool)
    right = [
        (one.table["probability_pneumonia"] >= t).to_numpy(dtype=bool) == truth
        for one, t in ((first, 0.4), (second, 0.7))
    ]
    among = {"positive": truth, "negative": ~truth, "all": np.ones_like(truth)}
    assert [one.among for one in found.discordances] == list(among)
    for one in found.discordances:
        rows = among[one.among]
        assert one.only_model == (right[1] & ~right[0] & rows).sum()
        assert one.only_reference == (right[0] & ~right[1] & rows).sum()
        assert one.both_right + one.both_wrong + one.only_model + one.only_reference == rows.sum()
    assert found.headlines[0].metric == "sensitivity"
    assert found.headlines[0].n == truth.sum()


def test_different_rules_are_warned_of() -> None:
    one = rival("b")
    assert one.operating_point is not None
    other = one.operating_point.model_copy(update={"rule": "youden", "goal": None})
    found = quick(rival("a"), replace(one, operating_point=other))
    assert any("different rules" in line for line in found.warnings)
    assert not any("different rules" in line for line in quick(rival("a"), one).warnings)


def test_one_class_only_is_not_estimable() -> None:
    first, second = (
        replace(one, table=one.table[one.table["truth"] == "normal"].reset_index(drop=True))
        for one in (rival("a"), rival("b"))
    )
    found = quick(first, second, margin=0.05)
    for metric in ("auroc", "average_precision", "sensitivity"):
        row = found.difference(metric)
        assert (row.value, row.p, row.finding) == (None, None, "not_estimable")
        assert row.note
        assert found.reference.figures[metric].value is None
    assert found.difference("specificity").value is not None
    assert found.difference("brier").low is not None
    assert {one.among for one in found.discordances} == {"negative", "all"}
    assert any("'pneumonia': 0" in line for line in found.warnings)


@pytest.mark.parametrize("patients", ["one", "two"])
def test_one_patient_or_one_of_each_class_gives_no_interval(patients: str) -> None:
    def of(one: Predictions) -> Predictions:
        who = one.table["truth"] if patients == "two" else "somebody"
        return replace(one, table=one.table.assign(patient_id=who))

    found = quick(of(rival("a")), of(rival("b", strength=2.0)))
    row = found.difference("auroc")
    assert row.value is not None
    assert (row.low, row.p, row.finding) == (None, None, "not_estimable")
    assert row.note


def test_a_single_study_is_compared_without_a_crash() -> None:
    first, second = (replace(one, table=one.table.iloc[:1]) for one in (rival("a"), rival("b")))
    found = quick(first, second, margin=0.1)
    assert found.n_studies == 1
    assert found.difference("brier").value is not None
    assert found.difference("brier").p is None


def test_certain_probabilities_and_ties() -> None:
    def rounded(one: Predictions) -> Predictions:
        p = one.table["probability_pneumonia"].round()
        return replace(one, table=one.table.assign(probability_pneumonia=p, probability_normal=1 - p, decision=""))

    found = quick(rounded(rival("a")), rounded(rival("b")))
    assert found.difference("log_loss").low is not None
    assert found.difference("auroc").low is not None


def test_unknown_patients_stamp_every_figure() -> None:
    one = rival("b")
    table = one.table.copy()
    table.loc[4, "patient_id"] = ""
    first = rival("a")
    blank = replace(first, table=first.table.assign(patient_id=table["patient_id"]), patients_unknown=True)
    found = quick(blank, replace(one, table=table, patients_unknown=True))
    assert all("patients unknown" in row.note for row in found.differences)
    assert all("patients unknown" in row.note for model in found.models for row in model.figures.values())
    assert any("patients are unknown" in line for line in found.warnings)


def test_many_studies_left_out_are_warned_of() -> None:
    found = quick(without_truth(rival("a"), list(range(30))), rival("b"))
    assert any(line.startswith("30 of 160 studies are left out") for line in found.warnings)
    assert any(line.startswith("Only 400 bootstrap replicates") for line in found.warnings)


@pytest.mark.parametrize("margin", [0.0, -0.1, float("inf"), float("nan")])
def test_a_margin_is_a_positive_number(margin: float) -> None:
    with pytest.raises(ConfigError) as error:
        quick(rival("a"), rival("b"), margin=margin)
    assert error.value.code == "NoMargin"


def test_a_metric_that_is_none_is_refused() -> None:
    with pytest.raises(CatalogueError, match="Did you mean 'auroc'"):
        quick(rival("a"), rival("b"), metric="aurok")
    with pytest.raises(CatalogueError, match="'macro_auroc'"):
        quick(rival("a"), rival("b"), metric="macro_auroc")


def blurred(one: Predictions, letter: str) -> Predictions:
    """Another bundle, half as sure."""
    columns = [name for name in one.table.columns if name.startswith("probability_")]
    middle = 0.5 if one.task == "multilabel" else 1 / len(columns)
    table = one.table.assign(**{name: 0.5 * one.table[name] + 0.5 * middle for name in columns})
    noise = np.random.default_rng(0).permutation(len(table))
    for name in columns:
        table[name] = 0.7 * table[name] + 0.3 * table[name].to_numpy()[noise]
    return replace(one, table=table, bundle_sha256=letter * 64)


@pytest.mark.parametrize(
    ("one", "metrics"),
    [
        (several_labels(240), {"macro_auroc", "log_loss", "brier"}),
        (ordered_classes(90), {"macro_auroc", "quadratic_kappa", "ranked_probability_score", "log_loss", "brier"}),
        (replace(ordered_classes(90), task="multiclass"), {"macro_auroc", "log_loss", "brier"}),
    ],
    ids=["labels", "ordinal", "classes"],
)
def test_other_questions(one: Predictions, metrics: set[str]) -> None:
    found = quick(one, blurred(one, "e"))
    assert found.metric == "macro_auroc"
    assert set(found.reference.figures) == metrics == {row.metric for row in found.differences}
    cases = measured_cases(one)
    truth = cases.truth if one.task == "multilabel" else np.eye(len(GRADES))[cases.truth]
    known = ~np.isnan(truth)
    areas, losses = [], []
    for k in range(truth.shape[1]):
        rows = known[:, k]
        areas.append(sk.roc_auc_score(truth[rows, k], cases.probability[rows, k]))
        losses.append((cases.probability[rows, k] - truth[rows, k]) ** 2)
    figures = found.reference.figures
    assert figures["macro_auroc"].value == pytest.approx(np.mean(areas))
    of_all = np.concatenate(losses).mean() * (1 if one.task == "multilabel" else len(GRADES))
    assert figures["brier"].value == pytest.approx(of_all)
    if one.task != "multilabel":
        expected = sk.log_loss(cases.truth, cases.probability, labels=range(len(GRADES)))
        assert figures["log_loss"].value == pytest.approx(expected)
    if one.task == "ordinal":
        called = cases.probability.argmax(axis=1)
        kappa = sk.cohen_kappa_score(cases.truth, called, weights="quadratic")
        assert figures["quadratic_kappa"].value == pytest.approx(kappa)
    assert all(row.low is not None for row in found.differences)
    assert found.difference("macro_auroc").finding == "worse"
    assert found.classes == (LABELS if one.task == "multilabel" else GRADES)
    assert found.discordances == ()


def test_a_class_that_nobody_has_leaves_no_macro_auroc() -> None:
    one = replace(ordered_classes(90), task="multiclass")
    table = one.table[one.table["truth"] != GRADES[-1]].reset_index(drop=True)
    found = quick(replace(one, table=table), blurred(replace(one, table=table), "e"))
    row = found.difference("macro_auroc")
    assert (row.value, row.note) == (None, f"no study of class {GRADES[-1]}")
    assert found.difference("brier").value is not None
