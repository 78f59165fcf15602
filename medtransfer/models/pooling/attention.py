"""Gated attention over the planes of a study, which knows where each plane lies.

    s_i = wᵀ(tanh(V·h_i + P·e_i) ⊙ σ(U·h_i + Q·e_i)),    a_i = exp(s_i) / Σ_j exp(s_j),    z = Σ_i a_i·h_i

h_i are the features of plane i and e_i encodes its place (`_place.py`). The place enters the score only: z then stays
a weighted mean of the encoder's own features, so that a picture is pooled to itself and terms on features see pictures
and volumes in one space.

w starts with ‖w‖₁ ≤ 0.1. As |tanh·σ| < 1, each of n weights starts between e^−0.2/n and e^0.2/n: attention begins as
the mean, under which all planes train the encoder alike, and not as a random choice that trains what it chose.

Shapes: features `study plane feature` → `study feature`. Raises ConfigError for a setting out of range, ValueError for
a study without planes.
Reference: Ilse, Tomczak, Welling 2018, Attention-based deep multiple instance learning, eqs. 7–9 (without place).
"""

from __future__ import annotations

import torch
from torch import nn

from medtransfer.models.pooling._bag import place_without_padding, shares, weighted, without_padding
from medtransfer.models.pooling._contract import BagFeatures, Place, Pooled, Present
from medtransfer.models.pooling._place import PLACE_DIM, encoded
from medtransfer.models.pooling._settings import check_count, check_dropout


def build(feature_dim: int, *, hidden: int = 128, position: bool = True, dropout: float = 0.0) -> Attention:
    """Gated attention on features of that length.

    Args:
        feature_dim: Length of a plane's features, and of the pooled ones.
        hidden: Rows of V and U.
        position: Does the place of a plane enter its score?
        dropout: Share of hidden units left out of the scores in training.

    Raises:
        ConfigError: A setting is out of range.
    """
    check_count("hidden", hidden)
    check_dropout(dropout)
    return Attention(feature_dim, hidden=hidden, position=position, dropout=dropout)


class Attention(nn.Module):
    """Weighted mean of the planes, with learned weights."""

    def __init__(self, feature_dim: int, *, hidden: int, position: bool, dropout: float) -> None:
        super().__init__()
        self.feature_dim = feature_dim
        self.content = nn.Linear(feature_dim, 2 * hidden)  # V above U
        self.place = nn.Linear(PLACE_DIM, 2 * hidden, bias=False) if position else None  # P above Q
        self.dropout = nn.Dropout(dropout)
        self.score = nn.Linear(hidden, 1, bias=False)
        nn.init.uniform_(self.score.weight, -0.1 / hidden, 0.1 / hidden)

    def forward(self, features: BagFeatures, present: Present, place: Place) -> Pooled:
        """The weighted mean z, and the weights a."""
        features = without_padding(features, present)
        with torch.autocast(features.device.type, enabled=False):
            hidden = self.content(features)
            if self.place is not None:
                hidden = hidden + self.place(encoded(place_without_padding(place, present)).to(features.dtype))
            value, gate = hidden.chunk(2, dim=-1)
            scores = self.score(self.dropout(value.tanh() * gate.sigmoid())).squeeze(-1)
        return weighted(features, shares(scores, present))
