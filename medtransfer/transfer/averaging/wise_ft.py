"""WiSE-FT: a point on the straight line from where fine-tuning began to where it came to.

    θ_a = (1 − a)·θ⁰ + a·θ,    a = coefficient

For the stages θ⁰ are the pretrained weights. The published method begins with a head made from text, which is good
already; ours begins at random, and (1 − a) parts of a random head would be noise in every answer. So for the head, and
for a pooling with parameters, θ⁰ are the weights at the moment when a stage first moved: the line begins at the fitted
linear probe (LP-FT). Without a phase in which the head learns alone there is no such point, and the method is refused
rather than bent into another one. If no stage ever moves, θ_a is the network itself.

Interpolated are all parameters, and the running statistics of batch normalisation, whose start is the network as it was
built; whole numbers are taken as they are. Frozen stages keep every byte. Adapters of low rank are interpolated factor
by factor, so that the line becomes a curve with the same two ends.

Shapes: those of the network. Errors: `ObjectiveError` `NoStart` where the weights were random, `NoHeadPhase` where the
stages move in the first step; `ConfigError` for a coefficient outside [0, 1].

Reference: Wortsman et al. 2022, Robust fine-tuning of zero-shot models, eq. 1; Kumar et al. 2022, Fine-tuning can
distort pretrained features and underperform out-of-distribution, §3 (LP-FT).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from medtransfer.core.errors import ObjectiveError
from medtransfer.models.classifier import NEW, Classifier
from medtransfer.transfer.averaging._contract import Averaging
from medtransfer.transfer.averaging._kept import Kept, between, check_share, floating, state_with
from medtransfer.transfer.types import Progress

_BACKBONE = "backbone."
"""Prefix of the names that pretrained weights know; the others are the pooling's and the heads'."""


def build(model: Classifier, start: Mapping[str, Tensor] | None, *, coefficient: float = 0.5) -> Averaging:
    """The line from `start` to the network under training.

    Args:
        model: The network to be trained, pretrained weights loaded.
        start: The pretrained parameters by name.
        coefficient: a: 0 is the start, 1 the trained network.

    Raises:
        ObjectiveError: There is no start: the weights are random.
        ConfigError: The coefficient is outside [0, 1].
    """
    check_share("coefficient", coefficient)
    return WiseFT(model, _pretrained(start), coefficient)


def check_start(model: Classifier, start: Mapping[str, Tensor] | None) -> None:
    """Refuse random weights."""
    del model
    _pretrained(start)


def check_first_step(moving: Sequence[str]) -> None:
    """Refuse a policy that moves stages from the first step on.

    Raises:
        ObjectiveError: `NoHeadPhase`.
    """
    if moving:
        raise _no_head_phase(f"{', '.join(moving)} move in the first step")


def _no_head_phase(what: str) -> ObjectiveError:
    return ObjectiveError(
        f"{what}, before the new head has learnt anything alone: WiSE-FT would mix a random head into every answer",
        code="NoHeadPhase",
        path="averaging.name",
        hint="Let the head learn first (policy.name = lp_ft, fine_tune or gradual), or average otherwise (ema, soup).",
    )


def _pretrained(start: Mapping[str, Tensor] | None) -> Mapping[str, Tensor]:
    """`start`, where there is one.

    Raises:
        ObjectiveError: `NoStart`.
    """
    if start is None:
        raise ObjectiveError(
            "WiSE-FT goes back towards pretrained weights, and the weights are `none`",
            code="NoStart",
            path="averaging.name",
            hint="Set model.weights to `imagenet` or a local file, or average otherwise (ema, soup).",
        )
    return start


class WiseFT(Averaging):
    """θ⁰, and whether it is complete."""

    moved: Tensor
    probed: Tensor

    def __init__(self, model: Classifier, start: Mapping[str, Tensor], coefficient: float) -> None:
        super().__init__()
        self.coefficient = coefficient
        self.stages = tuple(
            name for group, members in model.groups().items() if group not in NEW for name, _ in members
        )
        pretrained = {name: start[name] for name in self.stages if name in start}  # adapters begin as they are
        self.kept = Kept({name: pretrained.get(name, now).to(now) for name, now in floating(model).items()})
        self.register_buffer("moved", torch.zeros((), dtype=torch.bool))
        self.register_buffer("probed", torch.zeros((), dtype=torch.bool))

    @torch.no_grad()
    def after_step(self, model: Classifier, progress: Progress) -> None:
        """Until a stage moves, keep the head as it is now.

        Raises:
            ObjectiveError: The stages moved before the head had learnt anything alone.
        """
        if self.moved:
            return
        now, start = floating(model), self.kept.tensors()
        if all(torch.equal(now[name], start[name]) for name in self.stages):
            for name in start:
                if not name.startswith(_BACKBONE):
                    start[name].copy_(now[name])
            self.probed.fill_(value=True)
            return
        if not self.probed:
            raise _no_head_phase(f"the stages moved at epoch {progress.epoch:.3g}")
        self.moved.fill_(value=True)

    @torch.no_grad()
    def average(self, model: Classifier) -> dict[str, Tensor]:
        """θ_a."""
        start = self.kept.tensors()
        line = {name: between(start[name], now, self.coefficient) for name, now in floating(model).items()}
        return state_with(model, line)
