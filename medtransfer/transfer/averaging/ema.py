"""EMA: an exponential moving average of the weights, over all steps of the run.

    θ̄_t = d_t·θ̄_{t−1} + (1 − d_t)·θ_t,    d_t = min(decay, (1 + t) / (10 + t)),    t = 0, 1, …;    θ̄_{−1} = θ⁰

The rising decay lets the start be forgotten (after 100 steps less than 1e-12 of it is left), and the mean age of what
is averaged is a tenth of the steps done so far, until `decay` is reached; from then on it is decay / (1 − decay) steps.

Averaged are all parameters, and the running statistics of batch normalisation with the same coefficients: the means
and variances that the averaged network sees are near the average of those that its neighbours on the path saw. Whole
numbers, such as counts of batches, are taken as they are.

Shapes: those of the network. Errors: `ConfigError` for a decay outside [0, 1).

Reference: Polyak & Juditsky 1992, Acceleration of stochastic approximation by averaging; the rising decay is that of
TensorFlow's `ExponentialMovingAverage`.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from medtransfer.models.classifier import Classifier
from medtransfer.transfer.averaging._contract import Averaging
from medtransfer.transfer.averaging._kept import Kept, between, check_share, floating, state_with
from medtransfer.transfer.types import Progress


def build(model: Classifier, start: Mapping[str, Tensor] | None, *, decay: float = 0.999) -> Averaging:
    """The average that begins at the network as it is.

    Args:
        model: The network to be trained.
        start: Not looked at.
        decay: Largest share of the average that one step leaves as it was.

    Raises:
        ConfigError: The decay is outside [0, 1).
    """
    del start
    check_share("decay", decay, one=False)
    return EMA(model, decay)


class EMA(Averaging):
    """θ̄, and the number of steps it has seen."""

    steps: Tensor

    def __init__(self, model: Classifier, decay: float) -> None:
        super().__init__()
        self.decay = decay
        self.kept = Kept(floating(model))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def after_step(self, model: Classifier, progress: Progress) -> None:
        """Take in the weights that the step led to."""
        del progress
        done = int(self.steps)
        decay = min(self.decay, (1 + done) / (10 + done))
        now = floating(model)
        for name, average in self.kept.tensors().items():
            average.copy_(between(average, now[name], 1 - decay))
        self.steps += 1

    @torch.no_grad()
    def average(self, model: Classifier) -> dict[str, Tensor]:
        """θ̄."""
        return state_with(model, self.kept.tensors())
