"""LoRA: the pretrained weights stay, and each moves along a matrix of low rank.

    W = W⁰ + (α/r)·B·A,    A: r × n, Kaiming-uniform;  B: m × r, zero at first;  W⁰: m × n, frozen

A weight's m rows are its outputs; its n columns are all that one output sees: a linear layer's inputs, a convolution's
inputs per group times its kernel. The update is added to the weight and not to what the layer passes on, so that
stride, padding, dilation and groups are those of the layer. A rank above min(m, n) is cut down to it: there is no more
to learn. Batch statistics stay the pretrained ones. The finished network has the sum in W's place and is a plain one.

`linear` means linear layers and the projections of attention; `convolution` means 1-D to 3-D ones, depthwise, too.

Reference: Hu et al. 2022, LoRA: low-rank adaptation of large language models, §4.1.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils import parametrize

from medtransfer.core.errors import ConfigError
from medtransfer.models.classifier import NEW
from medtransfer.transfer.policies._contract import Movable
from medtransfer.transfer.policies._settings import require

if TYPE_CHECKING:
    from medtransfer.models.classifier import Classifier
    from medtransfer.transfer.types import Progress

Weight = Float[Tensor, "out *seen"]
"""Of a layer, its output channels first."""

LINEAR = (nn.Linear, nn.MultiheadAttention)
CONVOLUTION = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
LAYERS: dict[str, tuple[type[nn.Module], ...]] = {
    "linear": LINEAR,
    "convolution": CONVOLUTION,
    "both": LINEAR + CONVOLUTION,
}

WEIGHTS = ("weight", "in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight")
"""What the weights of these layers are called; attention's own, and its `out_proj` is a linear layer."""


class LowRank(nn.Module):
    """W⁰ ↦ W⁰ + scale·B·A, in W⁰'s shape.

    Attributes:
        order: The layer's parameters before any was adapted, in the order of its state dict.
    """

    def __init__(self, weight: Weight, *, rank: int, alpha: float, order: tuple[str, ...]) -> None:
        super().__init__()
        outputs, seen = len(weight), weight[0].numel()
        possible = min(rank, outputs, seen)
        first = nn.init.kaiming_uniform_(torch.empty(possible, seen), a=math.sqrt(5))  # drawn on the CPU: device-free
        self.A = nn.Parameter(first.to(weight))
        self.B = nn.Parameter(weight.new_zeros(outputs, possible))
        self.scale = alpha / rank
        self.order = order

    def forward(self, weight: Weight) -> Weight:
        """The weight that the layer uses; the update is not rounded to what the layer computes in."""
        with torch.autocast(weight.device.type, enabled=False):
            return weight + self.scale * (self.B @ self.A).view_as(weight)


def groups(
    model: Classifier,
    progress: Progress,
    *,
    rank: int = 8,
    alpha: float = 8.0,
    targets: str = "both",
    backbone: float = 1.0,
) -> dict[str, float]:
    """Rate of each group relative to the learning rate.

    Args:
        model: The network.
        progress: Not looked at.
        rank: r.
        alpha: α; the update is scaled by α/r, so that another rank asks for no other rate.
        targets: Which layers are adapted: `linear`, `convolution` or `both`.
        backbone: Rate of A and B; pooling and head have 1.
    """
    del progress, rank, alpha, targets
    return {group: 1.0 if group in NEW else backbone for group in model.groups()}


def prepare(model: Classifier, *, rank: int = 8, alpha: float = 8.0, targets: str = "both") -> None:
    """Give every weight of the backbone that is a target its A and B.

    Raises:
        ConfigError: `BadValue`: a setting that means nothing; `NothingToMove`: the backbone has no such layers.
    """
    _check(rank, alpha, targets)
    layers = [
        layer
        for layer in model.backbone.modules()
        if isinstance(layer, LAYERS[targets]) and not parametrize.is_parametrized(layer)
    ]
    if not layers:
        raise ConfigError(
            f"the network has no layers of the kind '{targets}' below its head",
            code="NothingToMove",
            path="policy.settings.targets (lora)",
            hint='Set targets = "both".',
        )
    for layer in layers:
        order = tuple(layer._parameters)  # those that are None among them
        for name in WEIGHTS:
            if isinstance(weight := getattr(layer, name, None), nn.Parameter):
                adapter = LowRank(weight, rank=rank, alpha=alpha, order=order)
                parametrize.register_parametrization(layer, name, adapter)


def movable(model: Classifier) -> Movable:
    """Every A and B, and all that is new."""
    adapters = {
        id(p) for module in model.backbone.modules() if isinstance(module, LowRank) for p in module.parameters()
    }
    names = {
        name for group, members in model.groups().items() for name, p in members if group in NEW or id(p) in adapters
    }
    return Movable(frozenset(names), statistics=False)


@torch.no_grad()
def finish(model: Classifier) -> None:
    """Put each sum in the place of its weight: the network of before, under its old names."""
    for layer in list(model.backbone.modules()):
        if adapters := _adapters(layer):
            _merge(layer, adapters)


def _adapters(layer: nn.Module) -> dict[str, LowRank]:
    """A and B of this layer's own weights, by the weight's name."""
    found = {
        name: layer.get_submodule(f"parametrizations.{name}.0")
        for name in WEIGHTS
        if parametrize.is_parametrized(layer, name)
    }
    return {name: adapter for name, adapter in found.items() if isinstance(adapter, LowRank)}


def _merge(layer: nn.Module, adapters: dict[str, LowRank]) -> None:
    """Put the weights that the layer uses in the place of its parametrisations.

    Not by `remove_parametrizations`: it takes the property off the class, which the layer's deep copies share.
    """
    weights = {name: layer.get_parameter(f"parametrizations.{name}.original") for name in adapters}
    for name, weight in weights.items():
        weight.copy_(getattr(layer, name))
    layer.__class__ = parametrize.type_before_parametrizations(layer)
    del layer.parametrizations
    for name, weight in weights.items():
        layer.register_parameter(name, weight)
    order = next(iter(adapters.values())).order
    for name in order:
        layer._parameters[name] = layer._parameters.pop(name)  # to the end, one after the other


def _check(rank: int, alpha: float, targets: str) -> None:
    whole = isinstance(rank, int) and not isinstance(rank, bool)
    require(whole and rank >= 1, policy="lora", setting="rank", value=rank, wanted="a whole number of at least 1")
    number = isinstance(alpha, int | float) and not isinstance(alpha, bool)
    require(number and 0 < alpha < math.inf, policy="lora", setting="alpha", value=alpha, wanted="a number above 0")
    kinds = ", ".join(LAYERS)
    require(targets in LAYERS, policy="lora", setting="targets", value=targets, wanted=f"one of {kinds}")
