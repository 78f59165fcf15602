"""A small transformer over the planes of a study: each plane is read in the light of the others.

    x_i⁰ = W·LN(h_i) + P·e_i
    y = x + MHA(LN(x)),    x′ = y + MLP(LN(y))                                    once a layer
    z = W_O·[Σ_i a_i¹·v_i¹, …, Σ_i a_i^H·v_i^H],    a_i^m = softmax_i(q^m·k_i^m/√d)    k, v from LN(x)

h_i are the features of plane i and e_i encodes its place (`_place.py`); padding is attended to by nobody. The readout
token has a learned query q^m for each head and looks at planes only, so that its weights sum to 1 over them; those
reported are the mean over heads.

Shapes: features `study plane feature` → `study width`. Raises ConfigError for a setting out of range, ValueError for a
study without planes.
Reference: Vaswani et al. 2017, Attention is all you need, §3; normalisation before each part as in Xiong et al. 2020,
On layer normalization in the transformer architecture, fig. 1b; readout as in Lee et al. 2019, Set transformer, §3.2
(one seed vector).
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from medtransfer.models.pooling._bag import place_without_padding, without_padding
from medtransfer.models.pooling._contract import BagFeatures, Place, Pooled, Present
from medtransfer.models.pooling._place import PLACE_DIM, encoded
from medtransfer.models.pooling._settings import check_count, check_dropout, unusable

Tokens = Float[Tensor, "study plane width"]
HeadTokens = Float[Tensor, "study head plane part"]


def build(
    feature_dim: int,
    *,
    width: int = 192,
    layers: int = 1,
    heads: int = 4,
    position: bool = True,
    dropout: float = 0.0,
) -> Transformer:
    """A transformer on features of that length.

    Args:
        feature_dim: Length of a plane's features.
        width: Length of a token, and of the pooled features.
        layers: How often planes look at each other before they are read out.
        heads: Parts of a token that attend on their own.
        position: Does a token know the place of its plane?
        dropout: Share of each layer's outputs left out in training.

    Raises:
        ConfigError: A setting is out of range.
    """
    for setting, value in (("width", width), ("layers", layers), ("heads", heads)):
        check_count(setting, value)
    check_dropout(dropout)
    if width % heads:
        raise unusable("heads", heads, f"Give a divisor of the width, {width}.")
    return Transformer(feature_dim, width=width, layers=layers, heads=heads, position=position, dropout=dropout)


class Transformer(nn.Module):
    """Layers of self-attention, then one token that reads the planes."""

    def __init__(
        self, feature_dim: int, *, width: int, layers: int, heads: int, position: bool, dropout: float
    ) -> None:
        super().__init__()
        self.feature_dim = width
        self.content = nn.Sequential(nn.LayerNorm(feature_dim), nn.Linear(feature_dim, width))
        self.place = nn.Linear(PLACE_DIM, width, bias=False) if position else None
        self.layers = nn.ModuleList(Layer(width, heads, dropout) for _ in range(layers))
        self.readout = Readout(width, heads)

    def forward(self, features: BagFeatures, present: Present, place: Place) -> Pooled:
        """What was read, and the mean of the heads' weights."""
        features = without_padding(features, present)
        with torch.autocast(features.device.type, enabled=False):
            tokens = self.content(features)
            if self.place is not None:
                tokens = tokens + self.place(encoded(place_without_padding(place, present)).to(features.dtype))
            for layer in self.layers:
                tokens = layer(tokens, present)
            return self.readout(tokens, present)


class Layer(nn.Module):
    """Self-attention and a perceptron, each added to what it was given.

    Not `nn.TransformerEncoderLayer`, whose evaluation takes another path with other roundings than its training.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.perceptron = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tokens, present: Present) -> Tokens:
        """`study plane width` → the same; padding is looked at by nobody."""
        query, key, value = (
            _by_head(part, self.heads) for part in self.query_key_value(self.norm(tokens)).chunk(3, dim=-1)
        )
        seen = scaled_dot_product_attention(query, key, value, attn_mask=present[:, None, None, :])
        tokens = tokens + self.dropout(self.out(seen.transpose(1, 2).flatten(2)))
        return tokens + self.dropout(self.perceptron(tokens))


class Readout(nn.Module):
    """One token's attention to the planes; its weights are kept, and are never dropped out."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)
        self.query = nn.Parameter(torch.empty(heads, width // heads))
        nn.init.normal_(self.query, std=0.02)  # near 0, so that every plane counts alike at first

    def forward(self, tokens: Tokens, present: Present) -> Pooled:
        """What was read, and the mean of the heads' weights."""
        heads, part = self.query.shape
        key, value = (_by_head(half, heads) for half in self.key_value(self.norm(tokens)).chunk(2, dim=-1))
        scores = (key * self.query[:, None] / part**0.5).sum(dim=-1)
        weights = torch.where(present[:, None], scores, -torch.inf).softmax(dim=-1)
        read = (value * weights[..., None]).sum(dim=2)
        return Pooled(self.out(read.flatten(1)), weights.mean(dim=1))


def _by_head(tokens: Tokens, heads: int) -> HeadTokens:
    """`study plane width` → `study head plane width/head`."""
    return tokens.unflatten(-1, (heads, -1)).transpose(1, 2)
