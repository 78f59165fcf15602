"""L2-SP: stay near the starting point.

    Ω(θ) = ½·‖θ_b − θ⁰_b‖² + ρ/2 · ‖θ_head‖²,    α = strength, β = ρ·α

Taken as a proximal step in the optimiser's own metric (`_anchor.py`), since the coupled gradient diverges for large α.
The pooling, which is neither pretrained nor a head, is left to weight decay.

Reference: Li, Grandvalet, Davoine 2018, Explicit inductive bias for transfer learning, eq. 5.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from medtransfer.core.errors import ObjectiveError
from medtransfer.models.classifier import HEAD, Classifier
from medtransfer.transfer.parameters._anchor import Anchor, Anchored
from medtransfer.transfer.parameters._start import pretrained, usable_start
from medtransfer.transfer.types import Term, TransferData

CUTS = (".first_cut", ".gaps")
"""Parameters between ordered classes, which 0 is no neutral value of."""


def build(model: Classifier, start: Mapping[str, Tensor] | None, data: TransferData, *, head: float = 0.1) -> Term:
    """The term that anchors the stages at `start` and the head at 0.

    Args:
        model: The network to be trained.
        start: The pretrained parameters by name.
        data: Not looked at.
        head: ρ, the head's strength relative to the stages'.

    Raises:
        ObjectiveError: There is no start: the weights are random, or adapters hold them already. Or ρ is no number of
            at least 0.
    """
    del data
    if not 0 <= head < math.inf:
        raise ObjectiveError(
            f"head = {head}",
            code="BadHyperparameter",
            path="objective.parameters.l2_sp.head",
            hint="The head's strength relative to the stages' is a finite number of at least 0; 0 leaves it free.",
        )
    anchors = {name: Anchor(p, at, 1.0) for name, (p, at) in pretrained(model, start, entry="l2_sp").items()}
    for name, parameter in model.groups()[HEAD]:
        if not name.endswith(CUTS):
            anchors[name] = Anchor(parameter, torch.zeros_like(parameter), float(head))
    return Anchored(anchors)


def check_start(model: Classifier, start: Mapping[str, Tensor] | None) -> None:
    """Refuse a start that the stages cannot be held at."""
    usable_start(model, start, entry="l2_sp")
