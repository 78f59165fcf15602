"""Against peft, with the same A and B: equal where peft is right, and the formula's where it is not."""

from __future__ import annotations

import copy
from itertools import product
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from medtransfer.core.torchvision_guard import import_torchvision
from medtransfer.transfer.policies.lora import LowRank

if TYPE_CHECKING:
    from types import ModuleType

RANK, ALPHA = 4, 8.0
PLAIN = {
    "linear": (nn.Linear(12, 10), (5, 12)),
    "conv1d": (nn.Conv1d(6, 10, 3, padding=1), (2, 6, 9)),
    "conv2d": (nn.Conv2d(6, 10, 3, padding=1), (2, 6, 9, 8)),
    "strided": (nn.Conv2d(6, 10, 5, stride=3, padding=2, bias=False), (2, 6, 9, 8)),
    "pointwise": (nn.Conv2d(6, 10, 1), (2, 6, 9, 8)),
    "conv3d": (nn.Conv3d(6, 10, 3, stride=2), (2, 6, 7, 6, 5)),
}


@pytest.fixture(scope="module")
def peft() -> ModuleType:
    import_torchvision()
    return pytest.importorskip("peft")


def adapted_by_peft(peft: ModuleType, layer: nn.Module, adapter: LowRank) -> nn.Module:
    """The layer as peft adapts it, with our A and B: it keeps A in the kernel's shape, and B as a 1 × 1 kernel."""
    config = peft.LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=["0"])
    wrapped = peft.inject_adapter_in_model(config, nn.Sequential(layer)).eval()
    first, second = (getattr(wrapped[0], name)["default"].weight for name in ("lora_A", "lora_B"))
    with torch.no_grad():
        first.copy_(adapter.A.view(first.shape))
        second.copy_(adapter.B.view(second.shape))
    return wrapped


def adapter_of(layer: nn.Module) -> tuple[LowRank, torch.Tensor]:
    """A and B as after some training, and the weight they make."""
    weight = layer.get_parameter("weight")
    adapter = LowRank(weight, rank=RANK, alpha=ALPHA, order=())
    nn.init.normal_(adapter.B, std=0.2)
    return adapter, adapter(weight).detach()


def with_weight(layer: nn.Module, weight: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
    return torch.func.functional_call(layer, {"weight": weight}, (inputs,))


@pytest.mark.parametrize("name", PLAIN)
def test_linear_layers_and_plain_convolutions_are_pefts(peft: ModuleType, name: str) -> None:
    torch.manual_seed(0)
    layer, shape = PLAIN[name]
    adapter, weight = adapter_of(layer)
    inputs = torch.randn(shape)
    ours = with_weight(layer, weight, inputs)
    theirs = adapted_by_peft(peft, layer, adapter)(inputs)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)
    assert float((ours - layer(inputs)).detach().abs().max()) > 1e-2


def by_the_formula(layer: nn.Conv2d, adapter: LowRank, inputs: torch.Tensor) -> torch.Tensor:
    """W + (α/r)·B·A, element by element, convolved in 64 bits."""
    weight = layer.weight.detach().double().clone()
    first, second = (matrix.detach().double().tolist() for matrix in (adapter.A, adapter.B))
    for index in product(*map(range, weight.shape)):
        out, *rest = index
        column = 0
        for place, length in zip(rest, weight.shape[1:], strict=True):
            column = column * length + place
        weight[index] += ALPHA / RANK * sum(second[out][k] * first[k][column] for k in range(RANK))
    return with_weight(copy.deepcopy(layer).double(), weight, inputs.double())


def test_of_a_dilated_convolution_peft_drops_the_dilation_and_we_do_not(peft: ModuleType) -> None:
    torch.manual_seed(0)
    layer, inputs = nn.Conv2d(3, 8, 3, padding=2, dilation=2, bias=False), torch.randn(2, 3, 7, 6)
    adapter, weight = adapter_of(layer)
    with pytest.raises(RuntimeError, match="must match the size"):
        adapted_by_peft(peft, layer, adapter)(inputs)
    ours = with_weight(layer, weight, inputs)
    torch.testing.assert_close(ours.double(), by_the_formula(layer, adapter, inputs), rtol=1e-5, atol=1e-6)


def test_of_a_grouped_convolution_peft_mixes_the_groups_and_cannot_merge_and_we_do_neither(peft: ModuleType) -> None:
    torch.manual_seed(0)
    layer, inputs = nn.Conv2d(4, 8, 3, padding=1, groups=2, bias=False), torch.randn(2, 4, 7, 6)
    adapter, weight = adapter_of(layer)
    config = peft.LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=["0"], init_lora_weights=False)
    with pytest.warns(UserWarning, match="Merging is not supported"):
        theirs = peft.inject_adapter_in_model(config, nn.Sequential(layer)).eval()
    with pytest.raises(NotImplementedError, match="groups > 1"):
        theirs[0].merge()
    other = inputs.clone()
    other[:, 2:] = 0  # the second group's inputs
    assert float((theirs(inputs) - theirs(other))[:, :4].detach().abs().max()) > 1e-2
    assert torch.equal(with_weight(layer, weight, inputs)[:, :4], with_weight(layer, weight, other)[:, :4])
    ours = with_weight(layer, weight, inputs)
    torch.testing.assert_close(ours.double(), by_the_formula(layer, adapter, inputs), rtol=1e-5, atol=1e-6)
