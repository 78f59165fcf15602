"""How figures are said: numbers, intervals, names, and the one-sentence verdict."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from medtransfer.core.evaluated.evaluation import Evaluation
    from medtransfer.core.results import Estimate, OperatingPoint

RESEARCH_USE: Final = "Research use only. Not a medical device; not for diagnosis, triage or treatment of any patient."
"""Stands on every page and screen."""

CHANCE: Final = 0.5
"""AUROC of a model that knows nothing."""

_LABELS: Final = {
    "auroc": "AUROC",
    "auc": "AUROC",
    "roc_auc": "AUROC",
    "ap": "Average precision",
    "ppv": "Positive predictive value",
    "npv": "Negative predictive value",
    "brier": "Brier score",
    "log_loss": "Log-loss",
    "f1": "F1 score",
    "ece": "Expected calibration error",
}
_AVERAGED: Final = {
    "class": ("averaged over the classes", "of a class", "one of another class"),
    "label": ("averaged over the labels", "with a label", "one without it"),
}
_AUROC: Final = frozenset({"auroc", "auc", "roc_auc"})
_MACRO: Final = frozenset({"macro_auroc", "auroc_macro"})


def slug(name: str) -> str:
    """`Log-loss` → `log_loss`: the same figure under the same key, however it is spelt."""
    return "_".join(name.lower().replace("-", " ").replace("_", " ").split())


def label(name: str) -> str:
    """What a figure is called in print: `log_loss` → `Log-loss`."""
    if known := _LABELS.get(slug(name)):
        return known
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def is_auroc(estimate: Estimate) -> bool:
    """Whether the figure is an area under one ROC curve."""
    return slug(estimate.name) in _AUROC


def is_macro_auroc(estimate: Estimate) -> bool:
    """Whether the figure is a mean of several areas under ROC curves."""
    return slug(estimate.name) in _MACRO


def estimable(estimate: Estimate) -> bool:
    """Whether there is a figure at all."""
    return estimate.value is not None and not math.isnan(estimate.value)


def has_interval(estimate: Estimate) -> bool:
    """Whether both ends of the interval are known."""
    return all(end is not None and not math.isnan(end) for end in (estimate.low, estimate.high))


def number(value: float | None, digits: int = 3) -> str:
    """A figure with a real minus sign; `not estimable` where there is none."""
    if value is None or math.isnan(value):
        return "not estimable"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:.{digits}f}".replace("-", "−")


def significant(value: float) -> str:
    """A figure of any size to three digits: `0.560`, `0.0000806`, `12.3`, `1.23e+09`."""
    if not math.isfinite(value) or value == 0:
        return number(value)
    digits = 2 - math.floor(math.log10(abs(value)))
    return number(value, max(digits, 0)) if digits <= 9 and digits >= -4 else f"{value:.2e}".replace("-", "−")


def interval(estimate: Estimate, digits: int = 3) -> str:
    """`0.852–0.951`, `−0.410 to 0.120`, or an empty string where there is no interval."""
    if not has_interval(estimate):
        return ""
    low, high = number(estimate.low, digits), number(estimate.high, digits)
    return f"{low} to {high}" if "−" in low + high else f"{low}–{high}"


def level(estimate: Estimate) -> str:
    """`95 % CI`."""
    return f"{estimate.level * 100:g} % CI"


def figure(estimate: Estimate) -> str:
    """`AUROC 0.912, 95 % CI 0.852–0.951`, whatever of it there is."""
    if not estimable(estimate):
        return f"{label(estimate.name)} not estimable{_because(estimate)}"
    if not has_interval(estimate):
        return f"{label(estimate.name)} {number(estimate.value)}, no interval{_because(estimate)}"
    return f"{label(estimate.name)} {number(estimate.value)}, {level(estimate)} {interval(estimate)}"


def count(n: int, one: str, many: str | None = None) -> str:
    """`1 study`, `1,204 studies`."""
    return f"{n:,} {one if n == 1 else (many or f'{one}s')}"


def verdict(evaluation: Evaluation) -> str:
    """What the headline figure says of studies or of patients, in one sentence of plain words."""
    studies, patients = count(evaluation.n_studies, "study", "studies"), count(evaluation.n_patients, "patient")
    on = f"On {studies} of {patients}" if evaluation.level == "study" else f"On {patients} with {studies}"
    if not evaluation.estimates:
        return f"{on}, nothing was estimated."
    head = evaluation.estimates[0]
    if is_macro_auroc(head):
        kind = "label" if evaluation.task == "multilabel" else "class"
        return f"{on}, {_discrimination(head, kind, unit=evaluation.level)}."
    if is_auroc(head):
        return f"{on}, {_discrimination(head, 'class', head.of or evaluation.positive, unit=evaluation.level)}."
    return f"{on}: {figure(head)}."


def rule(point: OperatingPoint) -> str:
    """How the threshold was chosen: `sensitivity of at least 0.90`."""
    goal = "" if point.goal is None else f"{point.goal:g}"
    words = {
        "sensitivity": f"sensitivity of at least {goal}",
        "specificity": f"specificity of at least {goal}",
        "youden": "largest Youden index (sensitivity + specificity − 1)",
        "cost": "smallest expected cost" + (f", weighing a missed finding {goal} times a false alarm" if goal else ""),
    }
    return words.get(slug(point.rule), f"{label(point.rule)} {goal}".strip())


def _discrimination(head: Estimate, kind: str, finding: str | None = None, *, unit: str) -> str:
    """What an AUROC says of a finding or, without one, averaged over the classes or labels (`kind`)."""
    over, *others = _AVERAGED[kind]
    with_, without = (f"with {finding}", "one without") if finding else others
    of = f" for {finding}" if finding else f", {over}"
    if head.value is None or not estimable(head):
        return f"discrimination{of} could not be estimated{_because(head)}"
    if head.low is None or head.high is None or not has_interval(head):
        return (
            f"the AUROC{of} is {number(head.value)}, but no interval could be given{_because(head)}, "
            "so no discrimination is shown"
        )
    if head.low <= CHANCE <= head.high:
        return (
            f"no discrimination{of} is shown: the AUROC is {number(head.value)}, and its {level(head)} "
            f"{interval(head)} includes 0.5, which is chance"
        )
    pairs = f"{100 * head.value:.0f} % of pairs ({figure(head)})"
    average = "" if finding else f"{over}, "
    check = "check which class is the positive one" if kind == "class" else "check what 1 and 0 mean"
    if head.high < CHANCE:
        return (
            f"{average}the model ranks the wrong way round: it puts a {unit} {with_} above {without} "
            f"in only {pairs}; {check}"
        )
    return f"{average}the model ranks a {unit} {with_} above {without} in {pairs}"


def _because(estimate: Estimate) -> str:
    return f" ({estimate.note})" if estimate.note else ""
