"""From density ratios to weights, and what every weighting refuses.

The clip rule of all of them: w_i = min(c·r_i, clip) with the one c that makes the mean 1. The ratios r need no scale
of their own, so n_S / n_T and the normalisers of kernels drop out, and no weight is above `clip` after the scaling.
"""

from __future__ import annotations

import numpy as np

from medtransfer.core.errors import ObjectiveError
from medtransfer.core.types import CaseWeights
from medtransfer.transfer.types import SampleWeights


def refusal(entry: str, key: str, message: str, *, code: str, hint: str) -> ObjectiveError:
    """The error of a weighting at one of its hyperparameters (or at `key` = `source`, `target`)."""
    return ObjectiveError(message, code=code, path=f"objective.instances.{entry}.{key}", hint=hint)


def sample_weights(entry: str, ratio: CaseWeights, clip: float) -> SampleWeights:
    """The clip rule, and what it left: the effective sample size (Σw)² / Σw² and the number of clipped cases.

    Raises:
        ObjectiveError: So few ratios are above 0 that no c gives mean 1.
    """
    possible = clip * np.count_nonzero(ratio) / len(ratio)
    if possible < 1:
        raise refusal(
            entry,
            "clip",
            f"{np.count_nonzero(ratio)} of {len(ratio)} source cases look like the target's at all: with weights up to "
            f"{clip:g} their mean is {possible:.3g}, not 1",
            code="NoOverlap",
            hint="Raise clip, or leave instance weights out: this source says little about this target.",
        )
    values = clipped_to_mean_one(ratio, clip)
    clipped = int(np.isclose(values, clip, rtol=1e-9, atol=0).sum())
    return SampleWeights(values=values, effective_size=float(values.sum() ** 2 / (values**2).sum()), clipped=clipped)


def clipped_to_mean_one(ratio: CaseWeights, clip: float) -> CaseWeights:
    """The w = min(c·r, clip) of mean 1, for clip ≥ 1 and ratios of which a share of 1 / clip or more is above 0.

    With the k largest ratios at the clip, the others share the rest: c_k = (n − k·clip) / Σ_others r. The right k is
    the smallest whose c_k takes none of the others above the clip.
    """
    ratio = ratio / ratio.max()
    falling = np.sort(ratio)[::-1]
    others = np.cumsum(falling[::-1])[::-1]
    left = len(ratio) - clip * np.arange(len(ratio))
    k = int((left * falling <= clip * others).argmax())
    values = np.where(ratio > 0, clip, 0.0) if others[k] == 0 else np.minimum(left[k] / others[k] * ratio, clip)
    return values / values.mean()


def check_number(
    entry: str,
    key: str,
    value: object,
    *,
    least: int | float | None = None,
    above: int | float | None = None,
    below: int | float = float("inf"),
    whole: bool = False,
) -> None:
    """Refuse a hyperparameter that is not a number of its range: `least` ≤ or `above` < value < `below`.

    Raises:
        ObjectiveError: With the range.
    """
    lowest = f"at least {least:g}" if above is None else f"above {above:g}"
    if isinstance(value, int if whole else int | float) and not isinstance(value, bool):
        high_enough = (least is None or value >= least) and (above is None or value > above)
        if high_enough and value < below:
            return
    end = "" if below == float("inf") else f" and below {below:g}"
    kind = "whole" if whole else "finite"
    message = f"{key} = {value!r}"
    raise refusal(entry, key, message, code="BadHyperparameter", hint=f"{key} is a {kind} number, {lowest}{end}.")
