"""One finding against the rest: what every figure of a finding looks at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medtransfer.core.types import Groups, Probabilities, Truths
from medtransfer.evaluation.cases import Cases


@dataclass(frozen=True, kw_only=True)
class Positive:
    """The measured studies, seen as the positive class against the rest, **in ascending order of probability**.

    The order spares every figure that ranks its own sorting, on the data as on each bootstrap replicate. Equal
    probabilities keep the order of their study ids.
    """

    truth: Truths
    probability: Probabilities
    groups: Groups


def against_the_rest(cases: Cases, class_index: int) -> Positive:
    """One class against all others."""
    return ascending(cases.truth == class_index, cases.probability[:, class_index], cases.groups)


def ascending(truth: Truths, probability: Probabilities, groups: Groups) -> Positive:
    """The studies in ascending order of probability."""
    order = np.argsort(probability, kind="stable")
    return Positive(truth=truth[order], probability=np.ascontiguousarray(probability[order]), groups=groups[order])
