"""Which precision and memory format is fastest here: timed, not guessed.

On CPUs channels_last with bf16 is often the fastest and sometimes the slowest. A few training steps on a copy of
the network tell; the answer is stored with the run, and reused when it is resumed.
"""

from __future__ import annotations

import copy
import time
from typing import Literal

import torch

from medtransfer.core.config.training import TrainingConfig
from medtransfer.core.records import Record
from medtransfer.data.dataset import StudyBatch
from medtransfer.data.tensors import Targets
from medtransfer.models.classifier import Classifier
from medtransfer.models.heads import losses

GAIN = 1.15
"""How much faster bf16 must be before its rounding is accepted."""


class Arithmetic(Record):
    """How the network computes."""

    precision: Literal["fp32", "bf16"]
    memory_format: Literal["contiguous", "channels_last"]

    def place(self, model: Classifier) -> Classifier:
        """The network's parameters in this memory format, in place."""
        memory = torch.contiguous_format
        if self.memory_format == "channels_last":
            memory = torch.channels_last if model.backbone.dimensions == 2 else torch.channels_last_3d
        return model.to(memory_format=memory)  # pyright: ignore[reportCallIssue]


def choose_arithmetic(
    model: Classifier, batch: StudyBatch, labels: Targets, config: TrainingConfig, device: torch.device
) -> Arithmetic:
    """The fastest allowed arithmetic for this network, these pictures and this machine.

    Of a large batch as many planes are timed as the network encodes at once. Where features are computed already there
    is nothing to gain: 32 bits.
    """
    # On CPUs, gradients of 3-D kernels in bf16 hold unwritten memory now and then (seen with torch 2.13: 1e34).
    unsafe = device.type == "cpu" and model.backbone.dimensions == 3
    auto: list[Literal["fp32", "bf16"]] = ["fp32"] if unsafe else ["fp32", "bf16"]
    precisions: list[Literal["fp32", "bf16"]] = auto if config.precision == "auto" else [config.precision]
    formats: list[Literal["contiguous", "channels_last"]] = (
        ["contiguous", "channels_last"] if config.memory_format == "auto" else [config.memory_format]
    )
    candidates = [Arithmetic(precision=p, memory_format=f) for p in precisions for f in formats]
    if len(candidates) == 1 or batch.encoded is not None:
        return candidates[0]
    few = batch.first(_at_once(model, batch))
    labels = labels[: len(few)].to(device)
    times = {candidate: _step_time(model, candidate, few, labels, device) for candidate in candidates}
    return min(candidates, key=lambda c: times[c] * (GAIN if c.precision == "bf16" else 1.0))


def _at_once(model: Classifier, batch: StudyBatch) -> int:
    """Planes of as many whole items as the network encodes at once: a volume cut short may be too short for it."""
    ends = model.items(batch).planes.cumsum()
    return int(max(ends[0], ends[ends <= model.chunk].max(initial=0)))


def _step_time(
    model: Classifier, candidate: Arithmetic, batch: StudyBatch, labels: Targets, device: torch.device
) -> float:
    """Seconds of the fastest of three training steps after a warm-up, on a copy."""
    trial = candidate.place(copy.deepcopy(model).to(device).train())
    times = []
    for _ in range(4):
        start = time.perf_counter()
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=candidate.precision == "bf16"):
            logits = trial(batch).logits
        losses(model.task, logits, labels).mean().backward()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - start)
    return min(times[1:])
