"""From a plan's names to an objective; what is missing, or would do nothing, is said before anything is trained."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from medtransfer.core.config.transfer import FEATURES, INSTANCES, PARAMETERS, ObjectiveConfig
from medtransfer.core.errors import ObjectiveError
from medtransfer.models.classifier import HEAD, Classifier
from medtransfer.transfer.objective import SOURCE_LOSS, Objective, TradeOff
from medtransfer.transfer.risk import Risk
from medtransfer.transfer.types import POOLED, Sample, SampleWeights, Term, TransferData

_OF_THE_OBJECTIVE = ("strength", "ramp")
"""Settings of a term that its entry never sees."""


def build_objective(
    config: ObjectiveConfig,
    *,
    model: Classifier,
    start: Mapping[str, Tensor] | None,
    data: TransferData,
    risk: Risk | None = None,
    shares: Mapping[str, float] | None = None,
    seed: int = 0,
) -> Objective:
    """Build every term, or say now what is missing.

    Args:
        config: λ and the terms.
        model: The network to be trained.
        start: Its pretrained parameters by name, None where the weights are random.
        data: Training cases of the domains.
        risk: L_T, and L_S of the sources that ask the target's question; default: the plain mean of the losses.
        shares: How much each source counts, by name; not named: 1.
        seed: Of what terms draw when they are built.

    Raises:
        ObjectiveError: A term needs what is not there; the hint says how to cure it.
    """
    check_objective(config, model=model, sources=tuple(data.sources))
    risk = risk or Risk(model.task)
    active = {
        name: s for terms in (config.features, config.parameters) for name, s in terms.items() if _strength(s) > 0
    }
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        features = {
            source: {name: _feature_term(name, s, model, data) for name, s in config.features.items() if name in active}
            for source in data.sources
        }
        parameters: dict[str, Term] = {
            name: PARAMETERS.get(name)(model, start, data, **_own(s))
            for name, s in config.parameters.items()
            if name in active
        }
    _check_held_once(parameters)
    _check_one_question(features, model)
    return Objective(
        trade_off=TradeOff(end=config.trade_off, start=config.trade_off_start, ramp=config.ramp),
        target_risk=risk,
        source_risks={
            name: risk if model.head_of(name) == HEAD else Risk(data.tasks.get(name, model.task))
            for name in data.sources
        },
        shares=shares,
        features=features,
        parameter_terms=parameters,
        strengths={name: _strength(s) for name, s in active.items()},
        ramps={name: float(s.get("ramp", 0.0)) for name, s in active.items()},
    )


def check_objective(config: ObjectiveConfig, *, model: Classifier, sources: tuple[str, ...]) -> None:
    """Refuse what can be refused before any image has been read.

    Raises:
        ObjectiveError: A term needs a source, or one question; or would do nothing.
    """
    needing = [SOURCE_LOSS] if not math.isinf(config.trade_off) else []
    needing += [*config.instances, *config.features]
    if needing and not sources:
        raise ObjectiveError(
            f"{', '.join(needing)} need a source cohort, and the plan has none",
            code="NoSource",
            path="sources",
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
    _check_taps(config, model)
    others = [name for name in sources if model.head_of(name) != HEAD]
    if not others:
        return
    for name, settings in config.features.items():
        if _strength(settings) > 0 and FEATURES.beside(FEATURES.get(name), "ONE_QUESTION"):
            raise _two_questions(name, others)
    if config.trade_off == 0 and not config.trade_off_start and len(others) == len(sources):
        raise ObjectiveError(
            "λ = 0 never looks at the target's labels, and no source asks the target's question",
            code="TwoQuestions",
            path="objective.trade_off",
            hint="Set trade_off above 0, or the target's head would stay as random as it began.",
        )
    if config.instances:
        raise ObjectiveError(
            f"instance weights need one question: target and {', '.join(others)} have different classes",
            code="TwoQuestions",
            path="objective.instances",
            hint="Give both cohorts the same classes, or remove the instance weights.",
        )


def weigh_source(config: ObjectiveConfig, source: Sample, target: Sample) -> SampleWeights | None:
    """The source's weights, or None where the objective asks for none."""
    for name, settings in config.instances.items():
        return INSTANCES.get(name)(source, target, **settings)
    return None


def _feature_term(name: str, settings: Mapping[str, Any], model: Classifier, data: TransferData) -> nn.Module:
    length = _tap_length(settings.get("tap", POOLED), model, data)
    told = {"task": model.task} if ":" not in name and "task" in FEATURES.hyperparameters(name) else {}
    return FEATURES.get(name)(length, model.classes, **{**told, **_own(settings)})


def _tap_length(tap: str, model: Classifier, data: TransferData) -> int:
    """How many features a tap has: what one study gives."""
    if tap == POOLED:
        return model.feature_dim
    was_training = model.training
    try:
        with torch.no_grad():
            output = model.eval()(data.target.batch(np.arange(1))[0], taps=(tap,))
    finally:
        model.train(was_training)
    return output.taps[tap].shape[1]


def _check_taps(config: ObjectiveConfig, model: Classifier) -> None:
    taps = (POOLED, *model.backbone.stages)
    for name, settings in config.features.items():
        if (tap := settings.get("tap", POOLED)) not in taps:
            raise ObjectiveError(
                f"there is no tap '{tap}'",
                code="UnknownTap",
                path=f"objective.features.{name}.tap",
                hint=f"Features are served by these taps: {', '.join(taps)}.",
            )


def _check_one_question(features: Mapping[str, Mapping[str, nn.Module]], model: Classifier) -> None:
    """Terms that compare what source and target are called need the same classes in both."""
    for source, terms in features.items():
        for name, module in terms.items():
            if getattr(module, "one_question", False) and model.head_of(source) != HEAD:
                raise _two_questions(name, [source])


def _two_questions(name: str, sources: Sequence[str]) -> ObjectiveError:
    return ObjectiveError(
        f"{name} compares the classes of target and {', '.join(sources)}, which have different ones",
        code="TwoQuestions",
        path=f"objective.features.{name}",
        hint="Use dann, mmd or coral, or give both cohorts the same classes.",
    )


def _check_held_once(terms: Mapping[str, Term]) -> None:
    """Two proximal steps on one parameter would each undo a part of the other: neither would reach its minimiser."""
    held: dict[str, str] = {}
    for name, term in terms.items():
        for parameter in term.anchored if term.proximal else ():
            if parameter in held:
                raise ObjectiveError(
                    f"{held[parameter]} and {name} both hold {parameter}",
                    code="ConflictingTerms",
                    path=f"objective.parameters.{name}",
                    hint="Keep one of the two.",
                )
            held[parameter] = name


def _strength(settings: Mapping[str, Any]) -> float:
    return float(settings.get("strength", 1.0))


def _own(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key not in _OF_THE_OBJECTIVE}
