"""fastai's recipe: the head alone in one cycle, then everything in another, slower towards the input.

With η the plan's learning rate, phase 1 lasts `frozen_epochs` and moves pooling and head, at rates up to η. In phase 2
the rates reach η/2 at the head and η/(2·spread) at the first stage, in equal ratios between:

    rate of stage i of n = spread^(−(n − i)/n),    i = 0 at the input; pooling and head: 1

Within a phase, at p ∈ [0, 1] of it, the share of its highest rate is one cycle of two half cosines:

    c(a, b, t) = a + (b − a)·(1 − cos πt)/2
    share(p) = c(1/div, 1, p/pct)                   p < pct
               c(1, 1/10⁵, (p − pct)/(1 − pct))     else

with pct = .99 and div = 25 in phase 1, `pct_start` and `div` in phase 2. What differs from fastai: the plan's epochs
count both phases; frozen stages are frozen whole, where fastai goes on training their batch normalisation; the
momentum stays the plan's, where fastai cycles it between .95 and .85 against the rate.

Reference: Howard & Gugger 2020, fastai: a layered API for deep learning, §3 and `Learner.fine_tune` of version 2.7;
Smith & Topin 2018, Super-convergence: very fast training of neural networks using large learning rates.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from medtransfer.models.classifier import NEW
from medtransfer.transfer.policies._settings import never_moves, require

if TYPE_CHECKING:
    from medtransfer.models.classifier import Classifier
    from medtransfer.transfer.types import Progress

FINAL = 1e5
"""How many times smaller than its highest a cycle's last rate is."""


def groups(
    model: Classifier,
    progress: Progress,
    *,
    frozen_epochs: float = 1.0,
    spread: float = 100.0,
    pct_start: float = 0.3,
    div: float = 5.0,
) -> dict[str, float]:
    """Rate of each group relative to the learning rate.

    Args:
        model: The network.
        progress: How far the run has come.
        frozen_epochs: Length of phase 1.
        spread: How many times faster the head moves than the first stage, in phase 2.
        pct_start: Share of phase 2 in which the rate rises.
        div: How many times smaller than its highest the rate is where phase 2 begins.

    Raises:
        ConfigError: `BadValue`: a setting that means nothing.
    """
    for setting, value in (("spread", spread), ("div", div)):
        require(0 < value < math.inf, policy="fine_tune", setting=setting, value=value, wanted="a number above 0")
    require(
        frozen_epochs >= 0,
        policy="fine_tune",
        setting="frozen_epochs",
        value=frozen_epochs,
        wanted="a number of epochs, at least 0",
    )
    require(0 < pct_start < 1, policy="fine_tune", setting="pct_start", value=pct_start, wanted="between 0 and 1")
    stages = [group for group in model.groups() if group not in NEW]
    moves = progress.epoch >= frozen_epochs
    rates = {stage: spread ** (i / len(stages) - 1) if moves else 0.0 for i, stage in enumerate(stages)}
    return {group: rates.get(group, 1.0) for group in model.groups()}


def schedule(progress: Progress, *, frozen_epochs: float = 1.0, pct_start: float = 0.3, div: float = 5.0) -> float:
    """Share of the learning rate; settings as in `groups`, which refuses bad ones."""
    if progress.epoch < frozen_epochs:
        return _one_cycle(progress.epoch / frozen_epochs, pct_start=0.99, div=25.0)
    length = progress.epochs - frozen_epochs
    done = (progress.epoch - frozen_epochs) / length if length > 0 else 1.0
    return _one_cycle(min(done, 1.0), pct_start=pct_start, div=div) / 2


def idle(epochs: float, *, frozen_epochs: float = 1.0) -> str:
    """A sentence where the run ends before phase 2."""
    return never_moves(frozen_epochs, setting="frozen_epochs", epochs=epochs)


def _one_cycle(done: float, *, pct_start: float, div: float) -> float:
    if done < pct_start:
        return _half_cosine(1 / div, 1.0, done / pct_start)
    return _half_cosine(1.0, 1 / FINAL, (done - pct_start) / (1 - pct_start))


def _half_cosine(start: float, end: float, done: float) -> float:
    return start + (end - start) * (1 - math.cos(math.pi * done)) / 2
