"""Bundles as `fit` leaves them, made without training: of a hospital that has filled in some of its splits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from tiny import write_hospital

from medtransfer.core.config.data import CohortConfig, PreprocessConfig
from medtransfer.core.config.models import ModelConfig
from medtransfer.core.config.plan import Plan
from medtransfer.data.cohort import Cohort, read_cohort
from medtransfer.data.splits import assign_splits
from medtransfer.models.assemble import new_classifier
from medtransfer.models.bundle import Bundle, Manifest, Member, TrainingRecord, write_bundle
from medtransfer.models.classifier import Question
from medtransfer.models.weights.sidecar import InputSpec
from medtransfer.pipeline.held_out import digests

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CLASSES = ("normal", "pneumonia")


@pytest.fixture(scope="session")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_hospital(tmp_path_factory.mktemp("pipeline") / "here", studies=48, seed=11, test=12)


@pytest.fixture(scope="session")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_hospital(tmp_path_factory.mktemp("pipeline") / "elsewhere", studies=24, seed=12)


@pytest.fixture(scope="session")
def network() -> dict[str, np.ndarray]:
    """Tensors of a network that says of every picture that it is as likely ill as not."""
    model = new_classifier(ModelConfig(backbone="squeezenet1_1"), question=Question("multiclass", len(CLASSES)), seed=0)
    with torch.no_grad():
        model.heads["head"].weight.zero_()  # pyright: ignore[reportCallIssue]
        model.heads["head"].bias.zero_()  # pyright: ignore[reportCallIssue]
    return {name: value.numpy() for name, value in model.state_dict().items()}


def bundled(
    folder: Path,
    cohort: Cohort,
    tensors: dict[str, np.ndarray],
    *,
    seed: int = 0,
    shift: float = 0.0,
    manifest: dict[str, Any] | None = None,
    member: dict[str, Any] | None = None,
    record: dict[str, Any] | None = None,
    **plan: Any,
) -> Bundle:
    """A bundle that was fitted on a cohort, and whose log-odds of the positive class are `shift` everywhere."""
    target = CohortConfig(cohort="", sha256=cohort.sha256, label=cohort.label, classes=CLASSES, positive="pneumonia")
    made = Plan(target=target, seed=seed, **{"model": ModelConfig(backbone="squeezenet1_1"), **plan})
    seen = assign_splits(cohort, made.split, seed=seed).split("train", "validation")
    content = made.as_json()
    content["target"].pop("cohort")
    training = TrainingRecord(
        plan=content,
        epochs=2,
        steps=10,
        best_epoch=1,
        arithmetic={"precision": "fp32"},
        seconds=1.5,
        studies={"target": {"normal": 10, "pneumonia": 11}},
        sites=("here",),
        modalities=("DX",),
        patients=tuple(sorted(digests(seen.table))),
    )
    network = Member(backbone="squeezenet1_1", file="network.safetensors", sha256="", input=InputSpec())
    whole = Manifest(
        medtransfer_version="0.0.1",
        classes=CLASSES,
        positive="pneumonia",
        preprocess=PreprocessConfig(size=32),
        members=(network.model_copy(update=member or {}),),
        operating_point=None,
        training=training.model_copy(update=record or {}),
    ).model_copy(update=manifest or {})
    bias = np.array([0.0, shift], dtype=np.float32)
    return write_bundle(folder, whole, {"network.safetensors": {**tensors, "heads.head.bias": bias}})


@pytest.fixture
def fitted(tmp_path: Path, hospital: Path, network: dict[str, np.ndarray]) -> Callable[..., Bundle]:
    """`fitted(name, …)`: a bundle of that name, see `bundled`."""
    cohort = read_cohort(hospital)

    def make(name: str, *, of: Cohort = cohort, tensors: dict[str, np.ndarray] = network, **settings: Any) -> Bundle:
        return bundled(tmp_path / "runs" / name / "bundle", of, tensors, **settings)

    return make
