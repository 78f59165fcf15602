"""Fingerprint → plan, by readable rules with reasons.

Every rule answers one question from counts that stand in the fingerprint, and says why in one sentence that is
written above the key in the TOML file. Whatever the user sets holds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medtransfer.core.catalogue import own_name
from medtransfer.core.config.plan import Plan
from medtransfer.core.config.toml import changed, validated
from medtransfer.data.converted import Conversions
from medtransfer.data.fingerprint import fingerprint
from medtransfer.data.names import case_names
from medtransfer.data.splits import assign_splits
from medtransfer.data.stored.content import LIMITS
from medtransfer.models.weights.sidecar import check_weight_file
from medtransfer.planning.question import asks_the_same, question_reasons, require_question
from medtransfer.planning.volumes import volume_rules

if TYPE_CHECKING:
    from collections.abc import Iterable

    from medtransfer.data.cohort import Cohort
    from medtransfer.data.content import Content
    from medtransfer.data.converted import Conversion
    from medtransfer.data.fingerprint import Fingerprint

FEW_LABELLED, SMALL_VALIDATION = 200, 0.3
"""Below so many labelled studies the validation share is larger."""

FEW_EVENTS = 20
"""Below so many validation studies with the finding, no sensitivity is aimed at."""

HOLD_WEIGHTS = ("lora", "domain_batch_norm")
"""Policies that are planned without an anchor: adapters hold the pretrained weights by themselves, and nobody has
measured whether domain batch normalisation gains by one."""

Choose = Callable[[str, object, str], None]
"""Set a key to a value, for a reason."""

BATCH = 32
"""Studies a step; fewer where there are not so many."""


def plan(
    cohort: Cohort,
    *,
    source: Cohort | Mapping[str, Cohort] | None = None,
    backbone: str | Callable[..., object] = "resnet18",
    weights: str = "none",
    labels_per_class: int | None = None,
    seed: int = 0,
    changes: Iterable[str] = (),
) -> Plan:
    """Make a plan for a target cohort.

    Args:
        cohort: The target hospital.
        source: Another hospital whose labelled studies help; or several, by names of their own; or None.
        backbone: Entry of `models/backbones/`, or a function of your own that builds a `Backbone`.
        weights: `none`, `imagenet`, the name of imported weights, or a local file.
        labels_per_class: Label budget: use only so many labelled studies of each class.
        seed: Of splits, order, augmentation and initial weights.
        changes: `key.path=value`, as `--set` takes them; they win over every rule.

    Returns:
        The plan; `plan.reasons` says why.

    Raises:
        CohortError: A cohort cannot answer the question (one class only, nobody positive declared, …).
        ConfigError: A value or a change is not allowed.
        CatalogueError: There is no such backbone, term or policy.
        WeightsError: The weight file or its sidecar is not there, or for another backbone.
    """
    require_question(cohort)
    changes = tuple(changes)
    sources = {
        name: replace(other, task=cohort.task, classes=cohort.classes, positive=cohort.positive)  # in one order
        if asks_the_same(other, cohort)
        else other
        for name, other in by_name(source).items()
    }
    values: dict[str, Any] = {
        "seed": seed,
        "target": _cohort_config(cohort, labels_per_class),
        "sources": {name: _cohort_config(other, None) for name, other in sources.items()},
        "model": {"backbone": backbone if isinstance(backbone, str) else own_name(backbone), "weights": weights},
    }
    few = labels_per_class is not None or _labelled(cohort) < FEW_LABELLED
    if few:
        values["split"] = {"validation": SMALL_VALIDATION}
    converted = _conversion(cohort)
    if converted is not None:
        values["preprocess"] = converted[1].preprocess.model_dump(exclude_none=True)
        values["read"] = converted[1].read.model_dump(exclude_none=True, exclude=LIMITS)
    draft = changed(validated(Plan, values, path="plan"), changes)
    if draft.model.weights not in {"none", "imagenet"}:
        check_weight_file(Path(draft.model.weights), draft.model.backbone)
    assigned = assign_splits(cohort, draft.split, seed=draft.seed, labels_per_class=draft.target.labels_per_class)
    asked_goal = any(change.startswith("decision.") for change in changes)
    rules, reasons = _rules(fingerprint(assigned), sources, draft, cohort, asked_goal=asked_goal)
    if draft.target.labels_per_class is not None:
        reasons["target.labels_per_class"] = (
            "Equal numbers of each class: probabilities are calibrated to that mix, not to the hospital's prevalence."
        )
    if few:
        reasons["split.validation"] = "Few labelled studies: a larger share validates, or no threshold could be chosen."
    if converted is not None:
        for room in ("preprocess", "read"):
            reasons[room] = f"As the arrays in {converted[0].name} were converted: others would be refused."
    for key, value in rules.items():
        _put(values, key, value)
    kept = {key: reason for key, reason in reasons.items() if not _overridden(key, changes)}
    return changed(validated(Plan, values, path="plan"), changes).model_copy(update={"reasons": kept})


def by_name(source: Cohort | Mapping[str, Cohort] | None) -> dict[str, Cohort]:
    """Source cohorts by the names that a plan gives them: a single one is called `source`."""
    if source is None:
        return {}
    return dict(source) if isinstance(source, Mapping) else {"source": source}


def with_content(made: Plan, content: Content, changes: Iterable[str]) -> Plan:
    """The plan, and what the headers of the target's rows ask for; what the user set holds.

    Args:
        made: By `plan`.
        content: Of the target's rows.
        changes: `key.path=value`, as `plan` got them.

    Raises:
        ConfigError: A value is not allowed together with the others.
    """
    changes = tuple(changes)
    values = made.model_dump(mode="python", exclude_none=True, exclude={"reasons"})
    reasons = dict(made.reasons)
    converted = "preprocess" in reasons
    for rules in volume_rules(made, content):
        if any(converted and key.startswith("preprocess.") for key, _, _ in rules):
            continue
        if any(_overridden(key, changes) and _value(values, key) != value for key, value, _ in rules):
            continue
        for key, value, reason in rules:
            _put(values, key, value)
            reasons[key] = reason
    return validated(Plan, values, path="plan").model_copy(update={"reasons": reasons})


def _conversion(cohort: Cohort) -> tuple[Path, Conversion] | None:
    """The folder that the cohort's first converted row lies in, and what it was made with; None where no row does.

    `fit` refuses rows that were converted in another way.
    """
    conversions = Conversions()
    for path, name in zip(cohort.table["path"], case_names(cohort.table), strict=True):
        found = conversions.row(cohort.file(path), name.removeprefix(str(path)))
        if found is not None:
            return found[0], conversions.conversion(found[0])
    return None


def _rules(
    counts: Fingerprint, sources: Mapping[str, Cohort], draft: Plan, cohort: Cohort, *, asked_goal: bool
) -> tuple[dict[str, Any], dict[str, str]]:
    rules: dict[str, Any] = {}
    reasons: dict[str, str] = {}

    def choose(key: str, value: object, reason: str) -> None:
        rules[key] = value
        reasons[key] = reason

    pretrained = draft.model.weights != "none"
    n, events = counts.labelled_per_split.get("train", 0), counts.events_per_split.get("validation", 0)
    reasons |= question_reasons(cohort)
    if not sources:
        choose(
            "objective.trade_off",
            math.inf,
            "No source cohort: L_S is replaced by an anchor at the pretrained weights."
            if pretrained
            else "No source cohort and no pretrained weights: the target's own loss is all there is.",
        )
    elif not math.isinf(draft.objective.trade_off):  # the user's λ = ∞ would leave its terms without a source
        _source_rules(choose, sources, cohort, aligned=draft.policy.name != "head")
    if pretrained:
        if draft.policy.name not in HOLD_WEIGHTS:
            choose(
                "objective.parameters",
                {"l2_sp": {"strength": 0.01}},
                "Pretrained weights: stay near them (L2-SP).",
            )
        choose("training.learning_rate", 1e-3, "The head's rate; the stages move at a tenth of it.")
        if draft.policy.name == "full":  # another policy, chosen by the user, has other settings
            choose(
                "policy",
                {"name": "full", "settings": {"backbone": 0.1}},
                "Pretrained stages are near where they should be.",
            )
    else:
        reasons["model.weights"] = "Random start: everything is learnt from the cohorts alone."
    steps = max(1, n // BATCH)
    choose(
        "training.batch_size",
        BATCH if n >= BATCH else max(2, n),
        f"{n} training studies; steps an epoch: {steps}.",
    )
    if events < draft.training.min_validation_events:
        reasons["training.patience"] = (
            f"Not used: the rarest answer has {events} validation studies, fewer than "
            f"{draft.training.min_validation_events}, so the schedule is fixed and the last epoch is kept."
        )
    if cohort.positive is not None and not asked_goal:
        _decision_rule(choose, counts.per_split.get("validation", {}), cohort.positive)
    return rules, reasons


def _decision_rule(choose: Choose, validation: Mapping[str, int], positive: str) -> None:
    events = validation.get(positive, 0)
    if events < FEW_EVENTS:
        choose(
            "decision.rule",
            "youden",
            f"Validation studies with the finding: {events}. A sensitivity to reach would hang on one or two of them, "
            "so the sum of sensitivity and specificity decides.",
        )
    else:
        reason = f"Chosen on {sum(validation.values())} validation studies; read its interval."
        choose("decision.rule", "sensitivity", reason)


def _source_rules(choose: Choose, sources: Mapping[str, Cohort], cohort: Cohort, *, aligned: bool) -> None:
    """What source hospitals add; features that nothing moves cannot be aligned."""
    choose("objective.trade_off", 1.0, "Source and target count alike: λ = 1.")
    others = [
        f"{name}: {', '.join(o.classes)} ({o.task})" for name, o in sources.items() if not asks_the_same(o, cohort)
    ]
    if others:
        ours = f"{', '.join(cohort.classes)} ({cohort.task})"
        choose(
            "objective.trade_off",
            1.0,
            f"Another question than the target's, {ours}, is asked by {'; '.join(others)}: a head of its own, λ = 1.",
        )
    else:
        choose(
            "objective.instances",
            {"classifier_ratio": {}},
            "Same question at both hospitals: one head, source studies weighed by likeness to the target.",
        )
    if aligned:
        choose(
            "objective.features",
            {"coral": {"strength": 1.0}},
            "Align the covariance of the features of both hospitals.",
        )


def _labelled(cohort: Cohort) -> int:
    """Labelled studies that are not locked away for testing."""
    studies = cohort.studies()
    return int(((studies["label"] != "") & (studies["split"] != "test")).sum())


def _cohort_config(cohort: Cohort, labels_per_class: int | None) -> dict[str, Any]:
    config = {
        "cohort": str(cohort.source.resolve()),
        "sha256": cohort.sha256,
        "label": cohort.label,
        "task": cohort.task,
        "classes": cohort.classes,
        "positive": cohort.positive,
        "labels_per_class": labels_per_class,
        "patients_unknown": cohort.patients_unknown,
    }
    return {key: value for key, value in config.items() if value is not None}


def _put(values: dict[str, Any], dotted: str, value: object) -> None:
    *path, last = dotted.split(".")
    for key in path:
        values = values.setdefault(key, {})
    values[last] = value


def _value(values: Mapping[str, Any], dotted: str) -> object:
    """What stands at a key; None where nothing does."""
    for key in dotted.split("."):
        if not isinstance(values, dict) or key not in values:
            return None
        values = values[key]
    return values


def _overridden(key: str, changes: Iterable[str]) -> bool:
    """Did the user set this key, something inside it, or the table it is in?"""
    return any(
        f"{change.partition('=')[0]}.".startswith(f"{key}.") or f"{key}.".startswith(f"{change.partition('=')[0]}.")
        for change in changes
    )
