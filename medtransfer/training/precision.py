"""Which precision and memory format is fastest here: timed, not guessed.

On CPUs channels_last with bf16 is often the fastest and sometimes the slowest. A few training steps on a copy of
the network tell; the answer is stored with the run, and reused when it is resumed.
"""

from __future__ import annotations

import copy
import time
from typing import Literal

import torch
from torch.nn import functional

from medtransfer.core.config.training import TrainingConfig
from medtransfer.core.records import Record
from medtransfer.data.tensors import PictureBatch, Targets
from medtransfer.models.classifier import Classifier

GAIN = 1.15
"""How much faster bf16 must be before its rounding is accepted."""


class Arithmetic(Record):
    """How the network computes."""

    precision: Literal["fp32", "bf16"]
    memory_format: Literal["contiguous", "channels_last"]

    def place(self, model: Classifier) -> Classifier:
        """The network's parameters in this memory format, in place."""
        memory = torch.channels_last if self.memory_format == "channels_last" else torch.contiguous_format
        return model.to(memory_format=memory)  # pyright: ignore[reportCallIssue]


def choose_arithmetic(
    model: Classifier, pictures: PictureBatch, labels: Targets, config: TrainingConfig, device: torch.device
) -> Arithmetic:
    """The fastest allowed arithmetic for this network, these pictures and this machine."""
    precisions: list[Literal["fp32", "bf16"]] = ["fp32", "bf16"] if config.precision == "auto" else [config.precision]
    formats: list[Literal["contiguous", "channels_last"]] = (
        ["contiguous", "channels_last"] if config.memory_format == "auto" else [config.memory_format]
    )
    candidates = [Arithmetic(precision=p, memory_format=f) for p in precisions for f in formats]
    if len(candidates) == 1:
        return candidates[0]
    pictures, labels = pictures.to(device), labels.to(device)
    times = {candidate: _step_time(model, candidate, pictures, labels, device) for candidate in candidates}
    return min(candidates, key=lambda c: times[c] * (GAIN if c.precision == "bf16" else 1.0))


def _step_time(
    model: Classifier, candidate: Arithmetic, pictures: PictureBatch, labels: Targets, device: torch.device
) -> float:
    """Seconds of the fastest of three training steps after a warm-up, on a copy."""
    trial = candidate.place(copy.deepcopy(model).to(device).train())
    times = []
    for _ in range(4):
        start = time.perf_counter()
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=candidate.precision == "bf16"):
            logits = trial(pictures).logits
        functional.cross_entropy(logits.float(), labels).backward()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - start)
    return min(times[1:])
