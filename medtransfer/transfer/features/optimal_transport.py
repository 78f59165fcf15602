"""Optimal transport: bring each source case nearer to the target cases that it is matched with most cheaply.

    Ω = min over γ of Σ_ij γ_ij·c_ij + 2ρ·(1 − Σ_ij γ_ij),    γ ≥ 0,  Σ_j γ_ij ≤ 1/n,  Σ_i γ_ij ≤ 1/m
    c_ij = ‖s_i − t_j‖² / σ²

σ² is the median of ‖z_i − z_j‖² over the pairs of both batches together. The plan γ is exact; it and σ² are constants
of the batch, so that the gradient is Σ_ij γ_ij·∂c_ij, which by the envelope theorem is that of the minimum.

ρ (`marginal`) is what a case pays for each unit of its mass that stays unmatched. ρ = ∞ is balanced: everything is
matched, also where a class is more frequent in one domain, or one batch, than in the other, and cases are then dragged
to those of another class. A finite ρ relaxes the marginals in total variation: no pair is matched at a cost above 2ρ.
That is a linear programme again, with a point more on either side that takes what stays. It is solved exactly, and at
the speed of the balanced one, which the entropic and the Kullback-Leibler relaxation are not.

Shapes: features `case feature`, of any batch sizes, computed in 32 bits at least, the plan in 64 on the CPU; labels
and logits are not looked at. Needs POT (`pip install 'medtransfer[ot]'`).
Raises CatalogueError where it is not installed, ObjectiveError for a ρ that is not above 0.
Reference: Damodaran et al. 2018, DeepJDOT (here without the cost of labels); Caffarelli & McCann 2010, Free boundaries
in optimal transport (ρ); Chapel, Alaya, Gasso 2020, Partial optimal transport (the added points); Fatras et al. 2021,
Unbalanced minibatch optimal transport (why not balanced on batches).
"""

from __future__ import annotations

import importlib
import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float64
from torch import nn

from medtransfer.core.errors import CatalogueError
from medtransfer.data.tensors import Scalar
from medtransfer.transfer.features._batches import features_of, without_autocast
from medtransfer.transfer.features._distances import pairs, typical
from medtransfer.transfer.features._settings import bad_hyperparameter
from medtransfer.transfer.types import POOLED, Domain

if TYPE_CHECKING:
    from types import ModuleType

Costs = Float64[np.ndarray, "source target"]


def build(feature_dim: int, n_classes: int, *, tap: str = POOLED, marginal: float = math.inf) -> OptimalTransport:
    """The term for features of one tap; dimension and number of classes do not matter to it.

    Args:
        feature_dim: Not looked at.
        n_classes: Not looked at.
        tap: Which features: `pooled`, or a stage of the backbone.
        marginal: ρ, the price of unmatched mass, where a typical pair of cases costs 1; `inf` matches everything.

    Raises:
        ObjectiveError: ρ is not above 0.
        CatalogueError: POT is not installed.
    """
    del feature_dim, n_classes
    if not isinstance(marginal, int | float) or isinstance(marginal, bool) or not marginal > 0:
        hint = "marginal is a price above 0, near 1 for most questions; inf matches all mass."
        raise bad_hyperparameter("optimal_transport", "marginal", marginal, hint)
    _pot()
    return OptimalTransport(tap, float(marginal))


class OptimalTransport(nn.Module):
    """Cost of the cheapest plan."""

    def __init__(self, tap: str, marginal: float) -> None:
        super().__init__()
        self.tap = tap
        self.marginal = marginal

    def forward(self, source: Domain, target: Domain) -> Scalar:
        """Ω of two batches, of any sizes."""
        ours, theirs = features_of(source, target, self.tap)
        with without_autocast(ours):
            distances = pairs(ours, theirs)
            costs = distances.across / typical(distances)
            found = plan(costs.detach().cpu().double().numpy(), marginal=self.marginal)
            stays = 0.0 if math.isinf(self.marginal) else 2 * self.marginal * (1 - float(found.sum()))
            return (torch.from_numpy(found).to(costs) * costs).sum() + stays


def plan(costs: Costs, *, marginal: float) -> Costs:
    """γ, exact.

    With a finite ρ a point of mass 1 is added to either side. Mass goes to it, or comes from it, at ρ, and the mass
    that the two have left for each other goes for nothing.
    """
    if not np.isfinite(costs).all():
        return np.zeros_like(costs)  # no plan: Ω is NaN, and the loop says in which batch
    source, target = (np.full(size, 1 / size) for size in costs.shape)
    if math.isinf(marginal):
        return _pot().emd(source, target, costs)
    with_stay = np.pad(costs, (0, 1), constant_values=marginal)
    with_stay[-1, -1] = 0
    return _pot().emd(np.append(source, 1.0), np.append(target, 1.0), with_stay)[:-1, :-1].copy()


def _pot() -> ModuleType:
    try:
        return importlib.import_module("ot")
    except ModuleNotFoundError as error:
        raise CatalogueError(
            f"optimal transport needs POT, which is not installed ({error})",
            code="NotInstalled",
            path="objective.features.optimal_transport",
            hint="pip install 'medtransfer[ot]'",
        ) from error
