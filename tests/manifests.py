"""A bundle's manifest as `fit` writes one, from a plan with a source and terms, for cards and checklists."""

from __future__ import annotations

from typing import Any

from medtransfer.core.config.data import CohortConfig, PreprocessConfig, SourceConfig
from medtransfer.core.config.plan import Plan
from medtransfer.core.config.transfer import ObjectiveConfig
from medtransfer.core.evaluated.spectrum import Distribution, Spectrum
from medtransfer.core.results import Estimate, OperatingPoint
from medtransfer.models.bundle import Manifest, Member, TrainingRecord
from medtransfer.models.weights.sidecar import InputSpec

BUNDLE = "3f" * 32
CLASSES = ("normal", "pneumonia")


def make_plan(**changes: Any) -> Plan:
    objective = ObjectiveConfig(trade_off=2.0, features={"mmd": {"strength": 0.1}}, parameters={"l2_sp": {}})
    settings: dict[str, Any] = {
        "seed": 11,
        "target": CohortConfig(cohort="/secret/place", sha256="c" * 64, classes=CLASSES, positive="pneumonia"),
        "sources": {"other_hospital": SourceConfig(cohort="/secret/other", classes=CLASSES)},
        "objective": objective,
    }
    return Plan(**(settings | changes))


def make_manifest(plan: Plan | None = None, **changes: Any) -> Manifest:
    content = (plan or make_plan()).as_json()
    for cohort in (content["target"], *content["sources"].values()):
        cohort.pop("cohort")
    estimate = Estimate(name="sensitivity", value=0.9, low=0.8, high=0.97, method="Wilson", n=40)
    record = {
        "plan": content,
        "epochs": 3,
        "steps": 120,
        "best_epoch": 1,
        "arithmetic": {"precision": "fp32"},
        "seconds": 1.5,
        "studies": {"target": {"normal": 40, "pneumonia": 30}, "other_hospital": {"normal": 9, "pneumonia": 8}},
        "spectrum": Spectrum(
            n_studies=70,
            n_patients=61,
            attributes={
                "sex": Distribution(missing=2, counts={"F": 40, "M": 28}),
                "age": Distribution(
                    missing=0, quantiles=(20.0, 40.0, 55.0, 60.0, 88.0), mean=52.5, standard_deviation=14.0
                ),
            },
        ),
        "sites": ("hospital A",),
        "modalities": ("DX",),
        "notes": ("the term mmd did nothing",),
        "patients": ("0" * 32,),
    }
    fields: dict[str, Any] = {
        "medtransfer_version": "0.1.0",
        "classes": CLASSES,
        "positive": "pneumonia",
        "preprocess": PreprocessConfig(size=64),
        "members": (Member(backbone="resnet18", file="network.safetensors", sha256="9" * 64, input=InputSpec()),),
        "operating_point": OperatingPoint(
            rule="sensitivity",
            goal=0.9,
            threshold=0.25,
            positive="pneumonia",
            chosen_on="validation",
            sensitivity=estimate,
            specificity=estimate.model_copy(update={"name": "specificity"}),
        ),
        "training": TrainingRecord(**(record | changes.pop("training", {}))),
    }
    return Manifest(**(fields | changes))
