"""The objective L_S + λ·L_T + Ω as named terms.

    J = (L_S + λ·L_T + Σ_k ω_k·Ω_k) / (1 + λ)

The constant divisor lets the learning rate mean the same for every λ and leaves the minimiser where it is. λ = ∞
is target-only, J = L_T + Σ ω_k·Ω_k, and never touches the source; λ = 0 is source-only. Without source data L_S is
replaced by an anchor in Ω, and λ and its strength are one degree of freedom: λ is then ∞.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from medtransfer.core.config.transfer import FEATURES, INSTANCES, PARAMETERS, ObjectiveConfig
from medtransfer.core.errors import ObjectiveError
from medtransfer.core.types import CaseWeights, Task
from medtransfer.data.tensors import Logits, Scalar, Targets, Weights
from medtransfer.models.classifier import HEAD, Classifier
from medtransfer.models.heads import known, losses
from medtransfer.transfer.types import Domain, Sample, SampleWeights, Term, TransferData

SOURCE_LOSS = "L_S"
TARGET_LOSS = "L_T"


@dataclass(frozen=True)
class TermValue:
    """One term at one step: its unweighted value, and what it is multiplied by in J."""

    value: Scalar
    weight: float
    in_gradient: bool = True


class Objective(nn.Module):
    """Named terms, summed in one visible place.

    Attributes:
        trade_off: λ.
        features: Feature terms Ω_k with parameters of their own, by name.
        parameter_terms: Parameter terms Ω_k, by name.
        strengths: ω_k by name.
        class_weights: Weight of each of the target's classes, or None.
        one_question: Has the source the target's classes, so that their weights hold in L_S too?
        task: The kind of the target's question.
        source_task: That of the source's.
    """

    class_weights: Tensor | None

    def __init__(
        self,
        *,
        trade_off: float,
        features: Mapping[str, nn.Module],
        parameter_terms: Mapping[str, Term],
        strengths: Mapping[str, float],
        class_weights: Tensor | None = None,
        one_question: bool = True,
        task: Task = "multiclass",
        source_task: Task = "multiclass",
    ) -> None:
        super().__init__()
        self.one_question = one_question
        self.task: Task = task
        self.source_task: Task = source_task
        self.trade_off = trade_off
        self.features = nn.ModuleDict(dict(features))
        self.parameter_terms = dict(parameter_terms)
        self.strengths = dict(strengths)
        self.register_buffer("class_weights", class_weights, persistent=False)

    @property
    def needs_source(self) -> bool:
        """Must a step bring a source batch?"""
        return not math.isinf(self.trade_off)

    @property
    def needs_target(self) -> bool:
        """Must a step bring a target batch?"""
        return self.trade_off > 0 or len(self.features) > 0

    @property
    def anchored(self) -> frozenset[str]:
        """Parameters that some term holds, so that weight decay must not."""
        return frozenset().union(*(term.anchored for term in self.parameter_terms.values()))

    def weight(self, name: str) -> float:
        """What the term called `name` is multiplied by in J."""
        if name == TARGET_LOSS:
            return 1.0 if math.isinf(self.trade_off) else self.trade_off / (1 + self.trade_off)
        omega = 1.0 if name == SOURCE_LOSS else self.strengths[name]
        return omega if math.isinf(self.trade_off) else omega / (1 + self.trade_off)

    def forward(
        self, source: Domain | None, target: Domain | None, source_weights: Weights | None
    ) -> dict[str, TermValue]:
        """Every term at this step; `total` adds them up."""
        terms: dict[str, TermValue] = {}
        if source is not None and source.labels is not None and self.needs_source:
            classes = self.class_weights if self.one_question else None
            risk = _risk(self.source_task, source.logits, source.labels, cases=source_weights, classes=classes)
            terms[SOURCE_LOSS] = TermValue(risk, self.weight(SOURCE_LOSS))
        if target is not None and target.labels is not None and self.trade_off > 0:
            risk = _risk(self.task, target.logits, target.labels, cases=None, classes=self.class_weights)
            terms[TARGET_LOSS] = TermValue(risk, self.weight(TARGET_LOSS))
        if source is not None and target is not None:
            for name, module in self.features.items():
                terms[name] = TermValue(module(source, target), self.weight(name))
        for name, term in self.parameter_terms.items():
            with torch.set_grad_enabled(not term.proximal):
                terms[name] = TermValue(term.loss(), self.weight(name), in_gradient=not term.proximal)
        return terms

    def post_step(self, optimiser: torch.optim.Optimizer, *, share: float = 1.0) -> None:
        """Let the proximal terms act after the optimiser's step; `share` is what clipping left of the gradient."""
        for name, term in self.parameter_terms.items():
            term.post_step(optimiser, strength=self.weight(name) * share)


def total(terms: Mapping[str, TermValue]) -> Scalar:
    """J without its proximal terms: what is differentiated."""
    return torch.stack([term.weight * term.value for term in terms.values() if term.in_gradient]).sum()


def build_objective(
    config: ObjectiveConfig,
    *,
    model: Classifier,
    start: Mapping[str, Tensor] | None,
    data: TransferData,
    class_weights: CaseWeights | None = None,
) -> Objective:
    """Build every term, or say now what is missing.

    Args:
        config: λ and the terms.
        model: The network to be trained.
        start: Its pretrained parameters by name, None where the weights are random.
        data: Training cases of the domains; `data.source` is None where there is no source cohort.
        class_weights: Weight of each target class, `class`, or None.

    Raises:
        ObjectiveError: A term needs what is not there; the hint says how to cure it.
    """
    check_objective(config, model=model, has_source=data.source is not None)
    features = {
        name: FEATURES.get(name)(model.feature_dim, model.classes, **_settings(s))
        for name, s in config.features.items()
    }
    parameters = {
        name: PARAMETERS.get(name)(model, start, data, **_settings(s)) for name, s in config.parameters.items()
    }
    strengths = {
        n: float(s.get("strength", 1.0)) for terms in (config.features, config.parameters) for n, s in terms.items()
    }
    return Objective(
        trade_off=config.trade_off,
        features={name: module for name, module in features.items() if strengths[name] > 0},
        parameter_terms={name: term for name, term in parameters.items() if strengths[name] > 0},
        strengths=strengths,
        class_weights=None if class_weights is None else torch.as_tensor(class_weights, dtype=torch.float32),
        one_question=model.source_head() == HEAD,
        task=model.task,
        source_task=model.source_task,
    )


def check_objective(config: ObjectiveConfig, *, model: Classifier, has_source: bool) -> None:
    """Refuse what can be refused before any image has been read.

    Raises:
        ObjectiveError: A term needs a source, or one question; or would do nothing.
    """
    needing = [SOURCE_LOSS] if not math.isinf(config.trade_off) else []
    needing += [*config.instances, *config.features]
    if needing and not has_source:
        raise ObjectiveError(
            f"{', '.join(needing)} need a source cohort, and the plan has none",
            code="NoSource",
            path="source.cohort",
            hint="Name one (`medtransfer plan TARGET --source SOURCE`), or set trade_off = inf and remove the terms.",
        )
    unused = [*config.instances, *config.features]
    if unused and math.isinf(config.trade_off):
        raise ObjectiveError(
            f"λ = inf skips the source, and {', '.join(unused)} would do nothing",
            code="ConflictingTerms",
            path="objective.trade_off",
            hint="Set a finite trade_off, or remove the terms.",
        )
    if model.source_head() == HEAD:
        return
    if config.trade_off == 0:
        raise ObjectiveError(
            "λ = 0 never looks at the target's labels, and the source asks another question",
            code="TwoQuestions",
            path="objective.trade_off",
            hint="Set trade_off above 0, or the target's head would stay as random as it began.",
        )
    if config.instances:
        raise ObjectiveError(
            "instance weights need one question: source and target have different classes",
            code="TwoQuestions",
            path="objective.instances",
            hint="Give both cohorts the same classes, or remove the instance weights.",
        )


def weigh_source(config: ObjectiveConfig, source: Sample, target: Sample) -> SampleWeights | None:
    """The source's weights, or None where the objective asks for none."""
    for name, settings in config.instances.items():
        return INSTANCES.get(name)(source, target, **settings)
    return None


def _risk(task: Task, logits: Logits, labels: Targets, *, cases: Weights | None, classes: Tensor | None) -> Scalar:
    """Mean of w_i·w_class·loss_i over the cases whose truth is known, at least in part.

    Instance weights have *global* mean 1, so the batch's own mean is not removed.
    """
    risk = losses(task, logits, labels)
    if classes is not None:
        risk = risk * classes[labels]
    if cases is not None:
        risk = risk * cases
    return risk.sum() / known(task, labels).sum().clamp(min=1)


def _settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key != "strength"}
