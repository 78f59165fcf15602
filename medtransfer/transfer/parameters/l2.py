"""L2: keep weights small.

    Ω(θ) = ½·‖θ‖²

over the matrices and kernels of stages, pooling and heads. Left out, as from the optimiser's weight decay, are vectors:
biases, the scales of normalisation layers (which 0 would switch off) and the cuts between ordered classes.

It is a proximal step towards 0 in the optimiser's own metric (`_anchor.py`), so that its minimiser is the formula's,
whatever the optimiser. AdamW's own decoupled decay θ ← (1 − η·ω)·θ is taken in the Euclidean metric instead, and solves
for a penalty of ω·(√v̂ + ε) that differs from weight to weight and along the run; under plain SGD the two agree. The
optimiser's decay is off where this term holds.

Reference: Krogh, Hertz 1992, A simple weight decay can improve generalization; for the difference, Loshchilov,
Hutter 2019, Decoupled weight decay regularization, prop. 2.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from medtransfer.models.classifier import Classifier
from medtransfer.transfer.parameters._anchor import Anchor, Anchored
from medtransfer.transfer.types import Term, TransferData


def build(model: Classifier, start: Mapping[str, Tensor] | None, data: TransferData) -> Term:
    """The term that holds every weight at 0; random starts will do.

    Args:
        model: The network to be trained.
        start: Not looked at.
        data: Not looked at.
    """
    del start, data
    return Anchored(
        {
            name: Anchor(parameter, torch.zeros_like(parameter), 1.0)
            for members in model.groups().values()
            for name, parameter in members
            if parameter.ndim > 1
        }
    )
