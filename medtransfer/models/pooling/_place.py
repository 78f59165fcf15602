"""Where a plane lies, as numbers that a linear layer can use.

    e(p, axis) = onehot(axis) ⊗ [1, sin(2^k·π·p), cos(2^k·π·p)],    k = 0 … 3

p runs from 0 to 1 through the view. The product gives each axis an encoding of its own, since p = 0 is at the feet in
an axial plane and on the patient's right in a sagittal one; the 1 becomes a learned embedding of the axis in the linear
layer that follows. cos(π·p) falls all the way, so that no two places are the same. The finest wave turns once in a
quarter of the view: regions can be told apart, and neighbouring slices of one region stay alike, which is what a few
hundred studies can teach; higher octaves would name single slices.

Reference: Vaswani et al. 2017, Attention is all you need, §3.5; octaves as in Mildenhall et al. 2020, NeRF, eq. 4.
"""

from __future__ import annotations

from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from medtransfer.data.places import AXES
from medtransfer.models.pooling._contract import Place

OCTAVES: Final = 4
PLACE_DIM: Final = len(AXES) * (1 + 2 * OCTAVES)


def encoded(place: Place) -> Float[Tensor, "study plane encoding"]:
    """Of every plane e: `PLACE_DIM` numbers in [−1, 1]."""
    octaves = torch.pi * 2.0 ** torch.arange(OCTAVES, dtype=place.position.dtype, device=place.position.device)
    phase = place.position[..., None] * octaves
    waves = torch.cat([torch.ones_like(phase[..., :1]), phase.sin(), phase.cos()], dim=-1)
    onehot = place.axis[..., None] == torch.arange(len(AXES), device=place.axis.device)
    return (onehot[..., :, None] * waves[..., None, :]).flatten(-2)
