"""Instance weights of the sources: computed before training, and again from features that have moved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from medtransfer.core.config.plan import Plan
from medtransfer.core.types import CaseWeights
from medtransfer.data.dataset import StudySet
from medtransfer.models.classifier import Classifier
from medtransfer.models.features import frozen_features
from medtransfer.transfer.build import weigh_source
from medtransfer.transfer.types import Sample, SampleWeights


@dataclass(frozen=True, kw_only=True)
class Weighting:
    """How the sources of a plan are weighed.

    Attributes:
        plan: Names the weighting.
        target: The target's training cases, those without a label among them.
        sources: Each source's, by name.
    """

    plan: Plan
    target: StudySet
    sources: Mapping[str, StudySet]

    def weigh(self, model: Classifier) -> dict[str, SampleWeights]:
        """Weights of every source's cases, from the features of the network as it stands; by the source's name."""
        target = self._sample(model, self.target)
        found = {
            name: weigh_source(self.plan.objective, self._sample(model, studies), target)
            for name, studies in self.sources.items()
        }
        return {name: weights for name, weights in found.items() if weights is not None}

    def is_due(self, epoch: int) -> bool:
        """Are the weights to be computed again before this epoch?"""
        every = self.plan.objective.refit_epochs
        return every is not None and epoch > 0 and epoch % every == 0

    def _sample(self, model: Classifier, studies: StudySet) -> Sample:
        return Sample(
            features=frozen_features(model, studies),
            patients=studies.patients,
            labels=studies.labels,
            classes=len(self.plan.target.classes),
        )


def effective_size(weights: CaseWeights) -> float:
    """Return (Σw)² / Σw²: so many cases of equal weight would say as much."""
    return float(weights.sum() ** 2 / np.square(weights).sum())


def few_effective(plan: Plan, weights: Mapping[str, CaseWeights]) -> list[str]:
    """A sentence on each source whose weights rest on too few of its cases."""
    least = plan.objective.least_effective
    return [
        f"{name}: the instance weights count like {effective_size(given):.0f} of {len(given)} studies "
        f"({effective_size(given) / len(given):.0%}, below the stated {least:.0%}): the source looks little like the "
        "target, and L_S rests on a few of its studies"
        for name, given in weights.items()
        if effective_size(given) < least * len(given)
    ]
