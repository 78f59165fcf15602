"""Copies of a network's tensors that survive an interruption, and the way from one network to another."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from medtransfer.core.errors import ConfigError


class Kept(nn.Module):
    """Tensors by name, each in a persistent buffer: they follow the device, and are saved with the run."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        for name, tensor in tensors.items():
            self.register_buffer(_buffer(name), tensor.detach().clone())

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor by the name it was given under; changed in place, it is changed here."""
        return {_name(buffer): tensor for buffer, tensor in self.named_buffers()}


def _buffer(name: str) -> str:
    """What a tensor of this name is registered as: PyTorch allows no dots there."""
    return name.replace(".", "/")


def _name(buffer: str) -> str:
    return buffer.replace("/", ".")


def floating(model: nn.Module) -> dict[str, Tensor]:
    """What can be averaged of a network: its parameters, and those persistent buffers that are no whole numbers."""
    return {name: tensor for name, tensor in model.state_dict().items() if tensor.is_floating_point()}


def state_with(model: nn.Module, averaged: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict of its own: the averaged tensors, and the others as the network has them."""
    return {name: averaged.get(name, tensor).clone() for name, tensor in model.state_dict().items()}


def between(start: Tensor, end: Tensor, share: float) -> Tensor:
    """(1 − s)·start + s·end: at 0 and 1 the very ends, and where both are equal that very number.

    `lerp` alone says so too, save that it makes 0 of −0, and frozen stages are to keep every byte.
    """
    if share in {0, 1}:
        return end if share else start
    return torch.where(start == end, end, torch.lerp(start, end, share))


def check_share(setting: str, value: float, *, zero: bool = True, one: bool = True) -> None:
    """Refuse what is no number between 0 and 1.

    Args:
        setting: What it is called.
        value: What the plan says.
        zero: Is 0 allowed?
        one: Is 1 allowed?

    Raises:
        ConfigError: Naming the setting.
    """
    fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
    if fits and (zero or value > 0) and (one or value < 1):
        return
    raise ConfigError(
        f"{value!r} cannot be used",
        code="BadValue",
        path=f"averaging.settings.{setting}",
        hint=f"Give a number {'of at least' if zero else 'above'} 0 and {'at most' if one else 'below'} 1.",
    )
