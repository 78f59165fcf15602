"""Settings of the training room."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from medtransfer.core.records import Record

Positive = Annotated[float, Field(gt=0)]


class TrainingConfig(Record):
    """The loop: how long, how fast, how exact."""

    epochs: Annotated[int, Field(ge=1)] = 30
    """One epoch passes once over the target's training cases (over the source's where λ = 0)."""
    min_steps: Annotated[int, Field(ge=0)] = 300
    """Small cohorts train for more epochs until this many optimiser steps are planned."""
    batch_size: Annotated[int, Field(ge=2)] = 32
    optimiser: Literal["adamw", "sgd"] = "adamw"
    learning_rate: Positive = 1e-3
    """Of the head; policies scale it for the stages."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Of SGD."""
    weight_decay: Annotated[float, Field(ge=0)] = 1e-2
    """Decoupled from the gradient under adamw, a part of it under sgd; 0 in groups that an anchor holds."""
    warm_up: Annotated[float, Field(ge=0, lt=1)] = 0.05
    """Share of the steps in which the rate rises linearly; then it follows half a cosine to 0."""
    clip_norm: Positive = 1.0
    """Largest gradient norm; `inf` switches clipping off."""
    patience: Annotated[int, Field(ge=1)] = 8
    """Epochs without a better validation log-loss before stopping early."""
    min_validation_events: Annotated[int, Field(ge=1)] = 50
    """With fewer studies in the rarest validation class, validation is too noisy to stop on: the
    schedule is fixed and the last epoch is kept."""
    imbalance: Literal["none", "weighted", "balanced", "focal", "logit_adjustment"] = "none"
    """`weighted` losses, `balanced` sampling or `logit_adjustment` shift the log-odds, which is undone afterwards;
    `focal` flattens probabilities, which is not."""
    focusing: Annotated[float, Field(ge=0)] = 2.0
    """γ of the focal loss."""
    adjustment: Positive = 1.0
    """τ of the logit adjustment."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    memory_format: Literal["auto", "contiguous", "channels_last"] = "auto"
    checkpoint_seconds: Annotated[float, Field(ge=0)] = 30.0
    """Save a resumable checkpoint this often, in mid-epoch or not."""
    features: Literal["live", "frozen"] = "live"
    """`frozen` encodes every plane once, without augmentation, and trains what lies above the encoder."""
    device: str = "auto"
