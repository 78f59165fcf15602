from __future__ import annotations

import math

import pytest
from evaluations import of_patients

from medtransfer.core.evaluated.evaluation import Evaluation
from medtransfer.core.results import Estimate
from medtransfer.reporting import words


def auroc(value: float | None, low: float | None = None, high: float | None = None, note: str = "") -> Estimate:
    return Estimate(name="AUROC", value=value, low=low, high=high, method="DeLong", n=80, of="pneumonia", note=note)


def said(evaluation: Evaluation, head: Estimate) -> str:
    return words.verdict(evaluation.model_copy(update={"estimates": (head,)}))


def test_verdict_says_pairs_and_interval(evaluation: Evaluation) -> None:
    assert said(evaluation, auroc(0.912, 0.852, 0.951)) == (
        "On 160 studies of 120 patients, the model ranks a study with pneumonia above one without in "
        "91 % of pairs (AUROC 0.912, 95 % CI 0.852–0.951)."
    )
    assert words.figure(evaluation.estimates[0]) in words.verdict(evaluation)


def test_verdict_on_patients_speaks_of_patients() -> None:
    head = auroc(0.912, 0.852, 0.951)
    assert said(of_patients(), head) == (
        "On 120 patients with 160 studies, the model ranks a patient with pneumonia above one without in "
        "91 % of pairs (AUROC 0.912, 95 % CI 0.852–0.951)."
    )
    assert "puts a patient with pneumonia above one" in said(of_patients(), auroc(0.2, 0.1, 0.3))


@pytest.mark.parametrize(("low", "high"), [(0.42, 0.68), (0.5, 0.68), (0.3, 0.5)])
def test_an_interval_that_includes_chance_shows_nothing(evaluation: Evaluation, low: float, high: float) -> None:
    sentence = said(evaluation, auroc((low + high) / 2, low, high))
    assert "no discrimination for pneumonia is shown" in sentence
    assert "includes 0.5" in sentence
    assert "of pairs" not in sentence


def test_worse_than_chance_is_said(evaluation: Evaluation) -> None:
    sentence = said(evaluation, auroc(0.2, 0.1, 0.3))
    assert "the wrong way round" in sentence
    assert "check which class is the positive one" in sentence


def test_without_an_interval_nothing_is_shown(evaluation: Evaluation) -> None:
    sentence = said(evaluation, auroc(0.99, note="one study per class"))
    assert "no discrimination is shown" in sentence
    assert "one study per class" in sentence


@pytest.mark.parametrize("value", [None, math.nan])
def test_not_estimable_is_words(evaluation: Evaluation, value: float | None) -> None:
    sentence = said(evaluation, auroc(value, note="one class only"))
    assert sentence.endswith("discrimination for pneumonia could not be estimated (one class only).")
    assert "nan" not in sentence.lower()


def test_macro_average_names_no_class(multi_class: Evaluation) -> None:
    sentence = words.verdict(multi_class)
    assert "averaged over the classes, the model ranks a study of a class above one of another class" in sentence
    assert words.figure(multi_class.estimates[0]) in sentence


def test_macro_average_over_labels_speaks_of_labels(multi_label: Evaluation) -> None:
    sentence = words.verdict(multi_label)
    assert "averaged over the labels, the model ranks a study with a label above one without it in" in sentence
    low = Estimate(name="macro AUROC", value=0.2, low=0.1, high=0.3, method="bootstrap", n=80)
    assert "check what 1 and 0 mean" in said(multi_label, low)


def test_another_headline_is_quoted(evaluation: Evaluation) -> None:
    head = Estimate(name="log-loss", value=0.39, low=0.3, high=0.5, level=0.9, method="bootstrap", n=80)
    assert said(evaluation, head) == "On 160 studies of 120 patients: Log-loss 0.390, 90 % CI 0.300–0.500."


def test_nothing_estimated_and_singular(evaluation: Evaluation) -> None:
    alone = evaluation.model_copy(update={"estimates": (), "n_studies": 1, "n_patients": 1})
    assert words.verdict(alone) == "On 1 study of 1 patient, nothing was estimated."


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "not estimable"),
        (math.nan, "not estimable"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        (-0.25, "−0.250"),
    ],
)
def test_number(value: float | None, text: str) -> None:
    assert words.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.56, "0.560"),
        (0.00008064, "0.0000806"),
        (-12.34, "−12.3"),
        (147.95, "148"),
        (0.0, "0.000"),
        (3e-12, "3.00e−12"),
    ],
)
def test_a_figure_of_any_size_has_three_digits(value: float, text: str) -> None:
    assert words.significant(value) == text


def test_interval_with_a_minus_uses_a_word() -> None:
    assert words.interval(auroc(0.0, -0.5, 0.5)) == "−0.500 to 0.500"


@pytest.mark.parametrize(
    ("rule", "goal", "text"),
    [
        ("sensitivity", 0.9, "sensitivity of at least 0.9"),
        ("specificity", 0.95, "specificity of at least 0.95"),
        ("youden", None, "largest Youden index (sensitivity + specificity − 1)"),
        ("cost", 5.0, "smallest expected cost, weighing a missed finding 5 times a false alarm"),
        ("local_rule", 2.0, "Local rule 2"),
    ],
)
def test_rule(evaluation: Evaluation, rule: str, goal: float | None, text: str) -> None:
    assert evaluation.operating_point is not None
    assert words.rule(evaluation.operating_point.model_copy(update={"rule": rule, "goal": goal})) == text
