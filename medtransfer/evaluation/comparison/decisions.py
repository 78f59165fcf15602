"""Who decides right where the other does not, each model at its own locked threshold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from medtransfer.core.evaluated.comparison import Discordance
from medtransfer.core.results import OperatingPoint, Predictions
from medtransfer.core.types import Groups, Probabilities, Truths
from medtransfer.evaluation.comparison.finding_measures import Decisions
from medtransfer.evaluation.comparison.mcnemar import mcnemar
from medtransfer.evaluation.comparison.verdicts import judged_decisions


def locked_points(predictions: Sequence[Predictions]) -> tuple[OperatingPoint, ...]:
    """The operating point of each model; none at all unless every model has one."""
    points = tuple(one.operating_point for one in predictions if one.operating_point is not None)
    return points if len(points) == len(predictions) else ()


def decided(probabilities: Sequence[Probabilities], points: Sequence[OperatingPoint]) -> Decisions:
    """Called positive, `case model`: at or above the threshold."""
    return np.stack([p >= point.threshold for p, point in zip(probabilities, points, strict=True)], axis=1)


def discordances(truth: Truths, called: Decisions, groups: Groups, names: Sequence[str]) -> Iterator[Discordance]:
    """Each model beside the reference: among the positive studies, the negative ones, and all."""
    right = called == truth[:, None]
    for among, rows in (("positive", truth), ("negative", ~truth), ("all", np.ones_like(truth))):
        if not rows.any():
            continue
        yield from judged_decisions(
            [
                Discordance(
                    among=among,
                    model=name,
                    reference=names[0],
                    **vars(mcnemar(right[rows, k], right[rows, 0], groups[rows])),
                )
                for k, name in enumerate(names[1:], start=1)
            ]
        )
