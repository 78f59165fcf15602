"""Candidate normalisations in the order in which they fit a network, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Final, NamedTuple

import numpy as np
from torch import Tensor

from medtransfer.core.results import Estimate
from medtransfer.core.types import Groups
from medtransfer.data.tensors import PictureBatch
from medtransfer.evaluation.bootstrapped import bootstrapped
from medtransfer.evaluation.resampling import ReplicateValues, ReplicateWeights, Statistic
from medtransfer.models.backbone import Backbone
from medtransfer.models.normalisation import normalised
from medtransfer.models.probe.candidates import distance
from medtransfer.models.probe.result import CLEAR, POOR, Fit, ProbeResult, Verdict
from medtransfer.models.probe.statistics import Divergences, Moments, Norm, divergences, first_norms, moments
from medtransfer.models.weights.sidecar import InputSpec

REPLICATES: Final = 500

_ALIKE: Final = 0.02
"""Standard deviations of its values by which two normalisations may differ and yet be called the same."""


_GREY: Final = 0.05
"""Of pictures whose colours deviate from grey by less of their standard deviation, colour says nothing: noise of JPEG,
a few annotations."""


class Seen(NamedTuple):
    """What a network made of pictures under each candidate.

    Attributes:
        moments: Candidate → what entered the layers.
        norms: The layers.
        images: Number of pictures.
        level: Their mean.
        spread: Their standard deviation.
        grey: Have they as good as no colour?
    """

    moments: dict[str, Moments]
    norms: tuple[Norm, ...]
    images: int
    level: float
    spread: float
    grey: bool


def look(backbone: Backbone, pictures: Iterable[Tensor], candidates: Mapping[str, InputSpec], *, layers: int) -> Seen:
    """One pass over the pictures (batches `case channel row column`), each batch under every candidate.

    Raises:
        WeightsError: `NoStatistics`: the network has no batch normalisation that was trained.
        ConfigError: Colour pictures for a network of one channel, or of a size that it cannot look at.
    """
    device = next(backbone.parameters()).device
    found: dict[str, list[Moments]] = {name: [] for name in candidates}
    norms: tuple[Norm, ...] = ()
    images, sums = 0, np.zeros(4)
    with _evaluating(backbone):
        for batch in pictures:
            images += len(batch)
            sums += _sums(batch)
            for name, spec in candidates.items():
                inputs = normalised(batch.to(device), spec)
                norms = norms or first_norms(backbone, inputs, most=layers)
                found[name].append(moments(backbone, inputs, norms))
    count = max(sums[0], 1.0)
    level = sums[1] / count
    spread = math.sqrt(max(sums[2] / count - level**2, 1e-12))
    grey = math.sqrt(sums[3] / count) < _GREY * spread
    joined = {name: Moments(*map(np.concatenate, zip(*parts, strict=True))) for name, parts in found.items() if parts}
    return Seen(joined, norms, images, float(level), spread, grey)


def _sums(batch: PictureBatch) -> list[float]:
    """Number of values, their sum, that of their squares, and that of their squared deviations from grey."""
    values = batch.double()
    colour = values - values.mean(dim=1, keepdim=True)
    return [float(values.numel()), float(values.sum()), float(values.square().sum()), float(colour.square().sum())]


def ranked(candidates: Mapping[str, InputSpec], seen: Seen, groups: Groups, *, seed: int) -> ProbeResult:
    """Discrepancies with their intervals, the best and its margin over what differs from it.

    Args:
        candidates: Name → normalisation, the more usual first.
        seen: What `look` found.
        groups: Which pictures belong together.
        seed: Of the bootstrap.
    """

    def discrepancy(name: str, counts: ReplicateWeights) -> ReplicateValues:
        return _divergences(seen, name, counts).mean(axis=1)

    def estimate(what: str, statistic: Statistic) -> Estimate:
        return bootstrapped(what, statistic, groups, seed=seed, replicates=REPLICATES)

    def margin(counts: ReplicateWeights) -> ReplicateValues:
        nearest = np.min([discrepancy(name, counts) for name in others], axis=0)
        return nearest / np.maximum(discrepancy(best, counts), 1e-9)

    found = {name: estimate("discrepancy", partial(discrepancy, name)) for name in candidates}
    order = sorted(found, key=lambda name: found[name].value or 0.0)
    best, *alike = _alike(order[0], candidates, seen)
    others = [name for name in candidates if name not in {best, *alike}]
    gap = estimate("margin", margin) if others else None
    once = np.ones((1, len(groups)))
    return ProbeResult(
        fits=tuple(
            Fit(
                name=name,
                input=candidates[name],
                discrepancy=found[name],
                first_layer=float(_divergences(seen, name, once)[0, 0]),
            )
            for name in order
        ),
        best=best,
        alike=tuple(alike),
        margin=gap,
        verdict=_verdict(found[best].value, gap),
        images=seen.images,
        layers=len(seen.norms),
        grey=seen.grey,
    )


def _alike(name: str, candidates: Mapping[str, InputSpec], seen: Seen) -> list[str]:
    """The candidates that show the network what this one shows it, itself among them, the more usual first."""
    spec = candidates[name]
    return [
        other
        for other, theirs in candidates.items()
        if distance(spec, theirs, level=seen.level, spread=seen.spread, grey=seen.grey) < _ALIKE
    ]


def _verdict(best: float | None, margin: Estimate | None) -> Verdict:
    if best is None or best > POOR:
        return "none fits"
    return "clear" if margin is not None and (margin.low or 0.0) >= CLEAR else "cannot tell"


def _divergences(seen: Seen, name: str, counts: ReplicateWeights) -> Divergences:
    """Of every layer, for images that were drawn `counts` times."""
    return divergences(seen.moments[name], seen.norms, counts / counts.sum(axis=1, keepdims=True))


@contextmanager
def _evaluating(backbone: Backbone) -> Iterator[None]:
    was_training = backbone.training
    backbone.eval()
    try:
        yield
    finally:
        backbone.train(was_training)
