"""What a probe has found: how well each normalisation fits, which fits best, and whether that is sure."""

from __future__ import annotations

from typing import Final, Literal

from medtransfer.core.records import Record
from medtransfer.core.results import Estimate
from medtransfer.models.weights.sidecar import InputSpec

Verdict = Literal["clear", "cannot tell", "none fits"]

CLEAR: Final = 1.25
"""How many times larger the next discrepancy must be, at the lower end of its interval, for the best to be the answer.

The interval knows of chance alone, not that medical pictures differ from those of training. ImageNet's MobileNetV2,
rewritten to expect each of eight normalisations, was shown 48 pictures of each of three cohorts (two of chest
radiographs, one of brain MR): the right one was closest 24 times, by a factor of 1.07 to 10, and 19 times clearly so.
"""

POOR: Final = 1.0
"""Nats above which even the best fits so badly that the right one is probably missing; right ones had .15 to .4."""


class Fit(Record):
    """How well one normalisation fits."""

    name: str
    input: InputSpec
    discrepancy: Estimate
    """Mean Kullback–Leibler divergence of the layers, in nats; 0: the very statistics of training."""
    first_layer: float
    """That of the first layer alone."""


class ProbeResult(Record):
    """Normalisations in the order in which they fit."""

    fits: tuple[Fit, ...]
    best: str
    """Of those that are `alike` the most usual."""
    alike: tuple[str, ...]
    """Others that show the network the same of these pictures: nobody could tell them apart, and nobody needs to."""
    margin: Estimate | None
    """How many times larger the smallest discrepancy of all others is; None where there is no other."""
    verdict: Verdict
    images: int
    layers: int
    """Batch normalisations that were compared, from the input on."""
    grey: bool
    """All pictures were grey, so that the order of colours cannot be told."""
    unread: int = 0
    """Cases that could not be read."""

    @property
    def input(self) -> InputSpec:
        """The specification of the best."""
        return next(fit.input for fit in self.fits if fit.name == self.best)

    @property
    def text(self) -> str:
        """A small table for people, and the verdict."""
        width = max(len("normalisation"), *(len(fit.name) for fit in self.fits))
        rows = [f"{'normalisation':{width}}  {'discrepancy (95 % interval)':28}  first layer"]
        rows += [f"{fit.name:{width}}  {f'{fit.discrepancy:.3g}':28}  {fit.first_layer:.3g}" for fit in self.fits]
        return "\n".join([*rows, "", self.sentence])

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        about = f"{self.images} images, {self.layers} batch normalisations"
        also = f" The same for these pictures: {', '.join(self.alike)}." if self.alike else ""
        unread = f" {self.unread} cases could not be read." if self.unread else ""
        if self.verdict == "none fits":
            said = f"None fits: even {self.best} is far from the statistics of training. Is the right one among them?"
        elif self.margin is None:
            said = f"Cannot tell: {self.best} was compared with nothing that differs from it."
        elif self.verdict == "clear":
            said = f"{self.best} fits best: the next is {self.margin:.2g} times as far away."
        else:
            said = f"Cannot tell: {self.best} is closest, but the next is only {self.margin:.2g} times as far away."
        return f"{said}{also} ({about}.){unread}"
