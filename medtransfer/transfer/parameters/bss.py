"""Batch spectral shrinkage: suppress the directions in which a batch's features hardly differ.

    Ω = mean over domains D of Σ_{i=1…k} σ²_{r+1−i}(F_D),    r = min(b, d)

σ_1 ≥ … ≥ σ_r are the singular values of a batch's pooled features F_D, `case feature` (b × d), not centred: the
target's, and those of each source. Small singular values belong to pretrained features that do not carry over. k = 1
and a strength of 1e-3 are the authors' values, found at a batch of 48; the smaller the batch, the further σ_r is from
what the whole data would give.

A batch of b ≤ k cases has no singular value that is small beside another: it adds 0. In at least 32 bits, by singular
values and not by the eigenvalues of FFᵀ, whose error is σ_1²·ε and would drown σ_r²; the gradient 2·Σ σ_i·u_i·v_iᵀ is
finite for singular values that are 0 or equal.

It needs no pretrained weights. Raises ObjectiveError where k is no whole number from 1 to d − 1, or the target has no
more than k cases.
Reference: Chen, Wang, Fu, Long, Wang 2019, Catastrophic forgetting meets negative transfer: batch spectral shrinkage
for safe transfer learning.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from medtransfer.core.errors import ObjectiveError
from medtransfer.data.tensors import Features, Scalar
from medtransfer.models.classifier import Classifier
from medtransfer.transfer.parameters._teacher import PATH, unusable
from medtransfer.transfer.types import POOLED, Step, Term, TransferData

NAME = "bss"


def build(model: Classifier, start: Mapping[str, Tensor] | None, data: TransferData, *, k: int = 1) -> Term:
    """The term for the pooled features of every domain.

    Args:
        model: The network to be trained.
        start: Not looked at.
        data: Looked at for the number of its cases.
        k: How many of the smallest singular values are suppressed.

    Raises:
        ObjectiveError: k is out of its range, or there are too few cases.
    """
    del start
    if not isinstance(k, int) or isinstance(k, bool) or not 1 <= k < model.feature_dim:
        raise unusable(NAME, "k", k, f"k is a whole number from 1 to {model.feature_dim - 1}.")
    if len(data.target) <= k:
        raise ObjectiveError(
            f"the target has {len(data.target)} training cases, and {k} of its singular values were to be suppressed",
            code="TooFewCases",
            path=f"{PATH}.{NAME}.k",
            hint="Lower k, or remove the term.",
        )
    return BatchSpectralShrinkage(k)


class BatchSpectralShrinkage(Term):
    """Sum of the k smallest squared singular values."""

    def __init__(self, k: int) -> None:
        super().__init__()
        self.k = k

    def loss(self, step: Step) -> Scalar:
        """Ω of this step's batches."""
        domains = [domain for domain in (step.target, *step.sources.values()) if domain is not None]
        return torch.stack([smallest_energy(domain.features[POOLED], self.k) for domain in domains]).mean()


def smallest_energy(features: Features, k: int) -> Scalar:
    """Sum of the k smallest σ² of features; 0 where there are no more than k cases, NaN where one is not finite."""
    with torch.autocast(features.device.type, enabled=False):
        wide = features.to(torch.promote_types(features.dtype, torch.float32))
        if len(wide) <= k:
            return wide.new_zeros(())
        if not wide.isfinite().all():  # no singular values, but an error of LAPACK's; the loop says in which batch
            return wide.new_full((), math.nan)
        return torch.linalg.svdvals(wide)[-k:].square().sum()
