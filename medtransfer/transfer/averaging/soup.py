"""Soup: the uniform average of the weights at the ends of the last epochs of the run.

    θ̄ = 1/n · Σ_e θ_e,    e over the last n = ⌈share · epochs⌉ epochs

Until the first of them has ended it is the network itself; so it stays where a run is stopped early. A soup gains most
while the rate is still large enough for the weights to wander: under a cosine that falls to 0 the last epochs hardly
differ, and a larger `share` reaches back to where they do.

Averaged are all parameters, and the running statistics of batch normalisation with the same coefficients. Izmailov et
al. estimate the statistics again by a pass over the training data instead, which an average of weights alone cannot
make: the means are right to first order in the distance between the epochs, the variances come out too large to second
order. Validation judges the very network that is kept, so what this costs is seen. Whole numbers, such as counts of
batches, are taken as they are.

Shapes: those of the network. Errors: `ConfigError` for a share outside (0, 1].

Reference: Izmailov et al. 2018, Averaging weights leads to wider optima and better generalization, algorithm 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from medtransfer.models.classifier import Classifier
from medtransfer.transfer.averaging._contract import Averaging
from medtransfer.transfer.averaging._kept import Kept, between, check_share, floating, state_with
from medtransfer.transfer.types import Progress

_SLACK = 1e-9
"""So that 0.1 · 30 epochs are 3, whatever the last bit of the product; and k / n · n steps are k epochs."""


def build(model: Classifier, start: Mapping[str, Tensor] | None, *, share: float = 0.25) -> Averaging:
    """The average over the last epochs.

    Args:
        model: The network to be trained.
        start: Not looked at.
        share: Of the planned epochs, those at the end that are averaged over; at least one is.

    Raises:
        ConfigError: The share is outside (0, 1].
    """
    del start
    check_share("share", share, zero=False)
    return Soup(model, share)


class Soup(Averaging):
    """θ̄, of how many epochs, and how many have ended."""

    members: Tensor
    epochs: Tensor

    def __init__(self, model: Classifier, share: float) -> None:
        super().__init__()
        self.share = share
        self.kept = Kept(floating(model))
        self.register_buffer("members", torch.zeros((), dtype=torch.int64))
        self.register_buffer("epochs", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def after_step(self, model: Classifier, progress: Progress) -> None:
        """Take in the weights where the step was the last of one of the last epochs."""
        ended = math.floor(progress.epoch + _SLACK)
        if ended <= int(self.epochs):
            return
        self.epochs.fill_(ended)
        last = max(1, math.ceil(self.share * progress.epochs - _SLACK))
        if ended <= progress.epochs - last:
            return
        self.members += 1
        count, now = int(self.members), floating(model)
        for name, average in self.kept.tensors().items():
            average.copy_(between(average, now[name], 1 / count))

    @torch.no_grad()
    def average(self, model: Classifier) -> dict[str, Tensor]:
        """θ̄, or the network itself before the last epochs."""
        return state_with(model, self.kept.tensors() if int(self.members) else {})
