"""What is compared: methods as changes of a plan, backbones, cohorts, budgets, seeds and rates, all in one place.

Every method is a plan of `mt.plan` with the changes below on top; whatever the planner would have chosen for the
objective is cleared first, so that a line says all there is. The learning rate is the head's; pretrained stages move
at a tenth of it, under every method alike.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import Final, Literal

COHORTS: Final = ("kermany_cxr", "nih_cxr", "brain_mri")
PAIRS: Final = (("kermany_cxr", "nih_cxr"), ("nih_cxr", "kermany_cxr"))
"""Target and source."""

ALL: Final = "all"
NONE: Final = "none"
"""Budget of what never looks at a label of the target."""

FINE_TUNE: Final = "fine_tune"
"""Plain fine-tuning: what every other method is measured against."""
SOURCE_ONLY: Final = "source_only"

VERSION: Final = 1
"""Counted up when something that is not in a method's line changes what its rows mean."""


@dataclass(frozen=True, kw_only=True)
class Method:
    """One line of the table.

    Attributes:
        title: How the README calls it.
        kind: A network that is trained, or a logistic regression on frozen features.
        pretrained: Start from ImageNet's weights.
        source: It learns from the source cohort, too.
        changes: On top of `COMMON`; `{half}` is half the run in epochs, `{strength}` the term's strength.
        strengths: Of the term that holds the network near its start, where it has one: rates are tuned at the first,
            then the others are tried at the best rate.
        steps: Optimiser steps, at least.
        epochs: Passes over the training cases, at least.
        until_flat: Twice the steps, and twice again, while that raises the tuning AUROC by more than `FLAT`.
        baseline: Measured with every backbone, whatever it is worth.
        choosable: May become the default of a plan.
    """

    title: str
    kind: Literal["network", "regression"] = "network"
    pretrained: bool = True
    source: bool = False
    changes: tuple[str, ...] = ()
    strengths: tuple[float, ...] = ()
    steps: int = 300
    epochs: int = 5
    until_flat: bool = False
    baseline: bool = False
    choosable: bool = True


COMMON: Final = (
    "split.validation=0",
    "objective.instances={}",
    "objective.features={}",
    "objective.parameters={}",
    "policy.name=full",
    "policy.settings={backbone=0.1}",
    "training.optimiser=adamw",
    "training.memory_format=channels_last",
    "training.device=cpu",
)

METHODS: Final[dict[str, Method]] = {
    "scratch": Method(
        title="random start",
        pretrained=False,
        changes=("policy.settings={backbone=1.0}",),
        steps=600,
        epochs=10,
        until_flat=True,
        baseline=True,
        choosable=False,
    ),
    "regression": Method(
        title="frozen features, logistic regression", kind="regression", baseline=True, choosable=False
    ),
    FINE_TUNE: Method(title="plain fine-tuning", baseline=True),
    "lp_ft": Method(
        title="LP-FT",
        changes=("policy.name=lp_ft", "policy.settings={head_epochs={half},backbone=0.1}"),
        steps=600,  # 300 of the head alone, 300 of everything
        epochs=10,
    ),
    "l2_sp": Method(
        title="L2-SP", changes=("objective.parameters.l2_sp.strength={strength}",), strengths=(0.01, 0.001, 0.1)
    ),
    "delta": Method(  # the authors' 0.64 drowns the target's loss here: squeezenet has no batch norm to keep maps small
        title="DELTA",
        changes=("objective.parameters.delta.strength={strength}", "objective.parameters.delta.attention=true"),
        strengths=(0.001, 0.0001, 0.01),
    ),
    "bss": Method(
        title="BSS", changes=("objective.parameters.bss.strength={strength}",), strengths=(0.001, 0.0001, 0.01)
    ),
    SOURCE_ONLY: Method(title="source only", source=True, changes=("objective.trade_off=0",)),
    "pooled": Method(title="pooled", source=True, changes=("objective.trade_off=1",)),
    "weighted": Method(
        title="instance-weighted",
        source=True,
        changes=("objective.trade_off=1", "objective.instances={classifier_ratio={}}"),
    ),
    "mmd": Method(title="MMD", source=True, changes=("objective.trade_off=1", "objective.features.mmd.strength=1")),
    "coral": Method(
        title="CORAL", source=True, changes=("objective.trade_off=1", "objective.features.coral.strength=1")
    ),
    "dann": Method(title="DANN", source=True, changes=("objective.trade_off=1", "objective.features.dann.strength=1")),
}

FLAT: Final = 0.005
"""A gain in AUROC below this is none: the plateau is reached."""
LONGEST: Final = 4
"""Times a method's steps that `until_flat` goes to."""


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """A network with its pictures.

    Attributes:
        size: Side of the pictures.
        batch: Studies a step; fewer where there are not so many.
        precision: `bf16` is what a fit chooses itself where it is the fastest, as it is here by a factor of 1.9.
        tuned_at: The budget that a cohort's rates are tuned at, for all its budgets.
        tuning_seeds: Draws that rates are tuned on; no reported cell has one of these seeds.
    """

    size: int
    batch: int
    precision: Literal["fp32", "bf16"]
    tuned_at: str = "50"
    tuning_seeds: tuple[int, ...] = (1000, 1001)


BACKBONES: Final = {
    "squeezenet1_1": Backbone(size=128, batch=32, precision="bf16"),
    "mobilenet_v2": Backbone(size=224, batch=16, precision="bf16", tuning_seeds=(1000,)),
}
FIRST, SECOND = BACKBONES


@dataclass(frozen=True, kw_only=True)
class Study:
    """How much of everything.

    Attributes:
        rates: The grid; where its lowest or highest is the best, one rate further is tried.
        cut: Steps of every fit, instead of the method's own; None for a measurement.
    """

    cohorts: tuple[str, ...] = COHORTS
    pairs: tuple[tuple[str, str], ...] = PAIRS
    budgets: tuple[str, ...] = ("10", "50", ALL)
    pair_budgets: tuple[str, ...] = ("10", "50")
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    rates: tuple[float, ...] = (3e-4, 1e-3, 3e-3)
    beyond: tuple[float, ...] = (1e-4, 1e-2)
    cut: int | None = None


WHOLE: Final = Study()
SMOKE: Final = Study(
    cohorts=("brain_mri",),
    pairs=(("kermany_cxr", "nih_cxr"),),
    budgets=("10",),
    pair_budgets=("10",),
    seeds=(0,),
    rates=(1e-3,),
    cut=4,
)


def method_of(name: str, study: Study = WHOLE) -> Method:
    """The method, cut short where the study is."""
    method = METHODS[name]
    return method if study.cut is None else replace(method, steps=study.cut, epochs=1, until_flat=False)


def settings_digest(method: str, backbone: str, study: Study = WHOLE) -> str:
    """What a row's figures depend on and its own columns do not say, in twelve letters."""
    line = asdict(method_of(method, study))
    for words in ("title", "baseline", "choosable"):
        del line[words]
    facts = [VERSION, COMMON, line, asdict(BACKBONES[backbone]), study.rates, study.beyond, FLAT, LONGEST]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]
