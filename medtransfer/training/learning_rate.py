"""The learning-rate finder: a short run at rates that grow from step to step, and what its losses suggest.

    η_i = low·(high/low)^(i/(n−1)),    i = 0 … n−1
    s_i = Σ_{j≤i} β^(i−j)·L_j / Σ_{j≤i} β^(i−j)        smoothed loss, β = .98

The sweep stops as soon as s_i exceeds 4·min s. Of the smoothed losses, without the first tenth of the sweep and the
last five points, where the average is young and the loss explodes, two rates are read:

    valley      halfway, in steps, down the longest descent
    steepest    where d s/d ln η is least

The longest strictly falling subsequence says how long the descent is, and where it ends; it begins where a hundredth of
its fall is done. Without that, as in fastai, a curve that is free of noise falls from the first step on, by nothing to
speak of, and the middle lies hundreds of times too low.

`valley` is what is suggested. With no descent beyond the noise nothing is: the mean raw loss of as many points as a
fifth of the sweep, up to the least smoothed one, must lie below that of the first fifth by more than three standard
errors. A sweep moves the network; whoever calls it puts the network back.

Reference: Smith 2017, Cyclical learning rates for training neural networks, §3.3; Howard & Gugger 2020, fastai: a
layered API for deep learning (`Learner.lr_find` of version 2.7).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from medtransfer.core.errors import ConfigError

Series = Float[np.ndarray, " step"]
"""One value per step of a sweep."""

SMOOTHING = 0.98
DIVERGED = 4.0
LEAST_POINTS = 20
STANDARD_ERRORS = 3.0
LAST_LEFT_OUT = 5
BEGUN = 0.01
NO_DESCENT = "the loss does not fall by more than its noise; sweep other rates, or look at data and labels"


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A sweep.

    Attributes:
        rates: Growing by the same factor from step to step.
        losses: At each rate, as they were.
    """

    rates: Series
    losses: Series


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """What a sweep says.

    Attributes:
        rate: The suggestion, or None where there is none.
        valley: Halfway down the longest descent.
        steepest: Where the loss falls fastest.
        reason: Why there is none, or what to beware of; empty where there is nothing to say.
    """

    rate: float | None
    valley: float | None = None
    steepest: float | None = None
    reason: str = ""


def sweep(
    train_step: Callable[[], float],
    set_rate: Callable[[float], None],
    *,
    low: float = 1e-7,
    high: float = 10.0,
    steps: int = 100,
) -> Curve:
    """Train a few steps at growing rates.

    Args:
        train_step: Does one step and gives its loss.
        set_rate: Sets the rate of the next step.
        low: First rate.
        high: Last rate, unless the loss explodes before.
        steps: How many at most.

    Returns:
        The steps up to the one that exploded; a loss that is not finite ends it, and is left out.

    Raises:
        ConfigError: `BadValue`: rates or steps that make no sweep.
    """
    if not 0 < low < high < math.inf or steps < LEAST_POINTS:
        raise ConfigError(
            f"a sweep from {low:g} to {high:g} in {steps} steps",
            code="BadValue",
            hint=f"It grows from a rate above 0 to a larger, finite one, in at least {LEAST_POINTS} steps.",
        )
    rates = np.geomspace(low, high, steps)
    losses: list[float] = []
    for rate in rates.tolist():
        set_rate(rate)
        loss = train_step()
        if not math.isfinite(loss):
            break
        losses.append(loss)
        seen = smoothed(np.array(losses))
        if seen[-1] > DIVERGED * seen.min() > 0:  # four times a loss below 0 is no larger one
            break
    return Curve(rates=rates[: len(losses)], losses=np.array(losses))


def smoothed(losses: Series) -> Series:
    """Exponential moving average, free of its start's bias."""
    average, found = 0.0, np.empty(len(losses))
    for step, loss in enumerate(losses.tolist()):
        average = SMOOTHING * average + (1 - SMOOTHING) * loss
        found[step] = average / (1 - SMOOTHING ** (step + 1))
    return found


def suggest(rates: Series, losses: Series) -> Suggestion:
    """What rate the losses of a sweep suggest.

    Args:
        rates: Growing, above 0.
        losses: At each of them, raw.
    """
    finite = np.isfinite(losses)
    end = len(losses) if finite.all() else int(finite.argmin())
    rates, losses = rates[:end], losses[:end]
    if end < LEAST_POINTS:
        return Suggestion(rate=None, reason=f"only {end} losses before they exploded; begin at a lower rate")
    smooth = smoothed(losses)
    if not _descends(losses, int(smooth.argmin())):
        return Suggestion(rate=None, reason=NO_DESCENT)
    kept = slice(end // 10, -LAST_LEFT_OUT)
    kept_rates, kept_losses = rates[kept], smooth[kept]
    middle = _valley(kept_losses)
    steepest = int((np.diff(kept_losses) / np.diff(np.log(kept_rates))).argmin())
    valley = float(kept_rates[middle])
    falling = int(smooth.argmin()) == end - 1
    return Suggestion(
        rate=valley,
        valley=valley,
        steepest=float(kept_rates[steepest]),
        reason="the loss still falls at the highest rate; sweep further" if falling else "",
    )


def _descends(losses: Series, least: int) -> bool:
    """Is the loss before its least lower than at the first rates, by more than its noise?"""
    size = len(losses) // 5
    start = max(0, least + 1 - size)
    before, best = losses[:size], losses[start : start + size]
    error = math.sqrt((before.var(ddof=1) + best.var(ddof=1)) / size)
    return bool(before.mean() - best.mean() > max(STANDARD_ERRORS * error, 1e-6 * np.abs(before).mean()))


def _valley(losses: Series) -> int:
    """Halfway down the longest descent."""
    lengths = np.ones(len(losses), dtype=np.int64)
    for i in range(1, len(losses)):
        higher = lengths[:i][losses[:i] > losses[i]]
        lengths[i] = 1 + higher.max(initial=0)
    last = int(lengths.argmax())
    first = max(0, last + 1 - int(lengths[last]))
    descent = losses[first : last + 1]
    top, bottom = descent.max(), descent[-1]
    begun = first + int(np.flatnonzero(top - descent <= BEGUN * (top - bottom)).max())
    return (begun + last) // 2
