"""Kernel mean matching: weigh source cases so that their mean in a kernel's space is the target's.

    min over w   ½ wᵀKw − κᵀw     subject to   0 ≤ w_i ≤ B,   |Σw − n_S| ≤ n_S·ε

    K_ij = k(x_i, x_j) of source cases,   κ_i = n_S / n_T · Σ_j k(x_i, x_j) over target cases j

which is n_S² / 2 times the squared maximum mean discrepancy between the weighted source and the target, up to a
constant. k is Gaussian on standardised principal components of both domains, its width the median distance of all
cases to the target's. Weights are then clipped at `clip` times their mean and scaled to mean 1.

The programme is solved whole and to a duality gap of 1e-9 (see `_box_qp`): no case is left out for its size, so that
more than 8000 of both domains are refused. Needs 16·(n_S + n_T)² bytes, 1 GB at the most.

Reference: Huang, Gretton, Borgwardt, Schölkopf, Smola 2007, Correcting sample selection bias by unlabeled data
(B = 1000 and ε = (√n_S − 1) / √n_S are theirs; here B is the clip unless it is given, since what a bound inside the
programme takes from one case goes to its neighbours).
"""

from __future__ import annotations

import math

import numpy as np

from medtransfer.core.types import CaseWeights
from medtransfer.transfer.instances._box_qp import solve
from medtransfer.transfer.instances._features import check_samples, common_components
from medtransfer.transfer.instances._kernels import gaussian, median_distance
from medtransfer.transfer.instances._shapes import SourceRows, TargetRows
from medtransfer.transfer.instances._weights import check_number, refusal, sample_weights
from medtransfer.transfer.types import Sample, SampleWeights

MOST_CASES = 8000
"""Of both domains together: two matrices of as many rows and columns fill 1 GB."""

_RIDGE = 1e-10
"""Always added to the diagonal of K, which is 1: equal cases get equal weights, and K can be factorised."""


def weigh(
    source: Sample,
    target: Sample,
    *,
    components: int = 32,
    width: float = 1.0,
    bound: float | None = None,
    epsilon: float | None = None,
    ridge: float = 0.0,
    clip: float = 10.0,
) -> SampleWeights:
    """Weights of the source cases, mean 1.

    Args:
        source: Frozen features of the source's training cases.
        target: Frozen features of the target's training cases.
        components: Principal components kept, at most a fifth of the smaller domain's cases.
        width: σ of the kernel, in units of the median distance.
        bound: B, above 1; None: `clip`.
        epsilon: ε, above 0 and below 1; None: (√n_S − 1) / √n_S.
        ridge: Added to the diagonal of K, at least 0 (the paper's): evener weights for a looser match.
        clip: Largest weight, in units of the mean weight, above 1.

    Raises:
        ObjectiveError: A hyperparameter is out of its range, features are not finite, or cases are too many.
    """
    check_number("kmm", "components", components, least=1, whole=True)
    check_number("kmm", "width", width, above=0)
    check_number("kmm", "clip", clip, above=1)
    bound = clip if bound is None else bound
    check_number("kmm", "bound", bound, above=1)
    check_number("kmm", "ridge", ridge, least=0)
    if epsilon is not None:
        check_number("kmm", "epsilon", epsilon, above=0, below=1)
    check_samples("kmm", source, target)
    if (n := len(source.features) + len(target.features)) > MOST_CASES:
        raise refusal(
            "kmm",
            "source",
            f"{n} cases of both domains are more than {MOST_CASES}: their kernel would need {16 * n**2 / 1e9:.1f} GB",
            code="TooManyCases",
            hint="Use classifier_ratio or ulsif, whose need grows with the cases, not with their square.",
        )
    at_source, at_target = common_components(source, target, components)
    sigma = width * median_distance(np.concatenate([at_source, at_target]), at_target)
    return sample_weights(
        "kmm", match_means(at_source, at_target, sigma, bound=bound, epsilon=epsilon, ridge=ridge), clip
    )


def match_means(
    source: SourceRows, target: TargetRows, width: float, *, bound: float, epsilon: float | None, ridge: float = 0.0
) -> CaseWeights:
    """The programme's solution, unclipped.

    Raises:
        ObjectiveError: The solver did not reach its precision.
    """
    n = len(source)
    epsilon = 1 - 1 / math.sqrt(n) if epsilon is None else epsilon
    kernel = gaussian(source, source, width)
    kernel[np.diag_indices(n)] += _RIDGE + ridge
    pull = n * gaussian(source, target, width).mean(axis=1)
    try:
        return solve(kernel, pull, upper=bound, low=n * (1 - epsilon), high=n * (1 + epsilon))
    except ArithmeticError as error:
        hint = "Take another width, a larger epsilon, or another weighting."
        message = f"kernel mean matching found no solution for {n} cases and width {width:.3g}: {error}"
        raise refusal("kmm", "width", message, code="NotSolved", hint=hint) from error
