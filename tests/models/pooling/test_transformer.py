"""The transformer over planes, against torch's own layers."""

from __future__ import annotations

import pytest
import torch
from plane_bags import bags, trained
from torch import nn

from medtransfer.models.pooling import transformer
from medtransfer.models.pooling.transformer import Layer, Readout


def test_a_layer_is_torchs_own() -> None:
    torch.manual_seed(0)
    ours = Layer(12, 3, 0.0)
    theirs = nn.TransformerEncoderLayer(
        12, 3, dim_feedforward=24, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    )
    renamed = {
        "norm.": "norm1.",
        "query_key_value.": "self_attn.in_proj_",
        "out.": "self_attn.out_proj.",
        "perceptron.0.": "norm2.",
        "perceptron.1.": "linear1.",
        "perceptron.3.": "linear2.",
    }
    theirs.load_state_dict(
        {renamed[k[: k.rindex(".") + 1]] + k.rpartition(".")[2]: v for k, v in ours.state_dict().items()}
    )
    bag = bags(7, 3, dim=12)
    found = ours(bag.features, bag.present)
    expected = theirs(bag.features, src_key_padding_mask=~bag.present)
    torch.testing.assert_close(found[bag.present], expected[bag.present], rtol=1e-5, atol=1e-6)


def test_the_readout_is_torchs_multi_head_attention() -> None:
    torch.manual_seed(0)
    ours, theirs = Readout(12, 3), nn.MultiheadAttention(12, 3, batch_first=True)
    nn.init.normal_(ours.query)
    bag = bags(7, 3, dim=12)
    with torch.no_grad():
        theirs.in_proj_weight[:12] = torch.eye(12)
        theirs.in_proj_weight[12:] = ours.key_value.weight
        theirs.in_proj_bias[12:] = ours.key_value.bias
        theirs.in_proj_bias[:12] = 0
    theirs.out_proj.load_state_dict(ours.out.state_dict())
    tokens = ours.norm(bag.features)
    query = ours.query.flatten().expand(2, 1, -1)
    expected, weights = theirs(query, tokens, tokens, key_padding_mask=~bag.present)
    found = ours(bag.features, bag.present)
    torch.testing.assert_close(found.features, expected[:, 0], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(found.weights, weights[:, 0], rtol=1e-5, atol=1e-6)


def test_it_begins_by_reading_all_planes_alike() -> None:
    torch.manual_seed(0)
    bag = bags(50, dim=64)
    weights = transformer.build(64)(*bag).weights
    assert (50 * weights).log().abs().max() < 0.1


@pytest.mark.parametrize("layers", [1, 2])
def test_dropout_acts_in_training_only_and_keeps_weights_shares(layers: int) -> None:
    module, bag = trained("transformer", dropout=0.5, layers=layers), bags(6, 4)
    assert torch.equal(module(*bag).features, module(*bag).features)
    module.train()
    first, second = module(*bag), module(*bag)
    assert not torch.equal(first.features, second.features)
    torch.testing.assert_close(first.weights.sum(dim=1), torch.ones(2))
