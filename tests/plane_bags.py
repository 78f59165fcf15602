"""Bags of random planes for the tests of poolings."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from medtransfer.core.config.models import POOLINGS
from medtransfer.models.pooling._contract import Place

FEATURES = 8


class Bags(NamedTuple):
    features: Tensor
    present: Tensor
    place: Place


def bags(*lengths: int, seed: int = 0, dim: int = FEATURES) -> Bags:
    """Studies of so many planes each, at random places of random axes."""
    generator = torch.Generator().manual_seed(seed)
    shape = (len(lengths), max(lengths))
    present = torch.arange(shape[1]) < torch.tensor(lengths)[:, None]
    place = Place(torch.rand(shape, generator=generator), torch.randint(4, shape, generator=generator))
    return Bags(torch.randn(*shape, dim, generator=generator), present, place)


def planes(bag: Bags, index: Tensor | slice) -> Bags:
    """The same studies with their planes in another order, or fewer of them."""
    position, axis = bag.place
    return Bags(bag.features[:, index], bag.present[:, index], Place(position[:, index], axis[:, index]))


def study(bag: Bags, row: int) -> Bags:
    """One study of a batch, without its padding."""
    alone = Bags(bag.features[[row]], bag.present[[row]], Place(bag.place.position[[row]], bag.place.axis[[row]]))
    return planes(alone, slice(int(bag.present[row].sum())))


def padded(bag: Bags, by: int, garbage: float) -> Bags:
    """With more padding, in front of the planes, and the same garbage on all padding."""

    def in_front(values: Tensor, fill: float) -> Tensor:
        extra = torch.full((values.shape[0], by, *values.shape[2:]), fill).to(values.dtype)
        return torch.cat([extra, values], dim=1)

    present = in_front(bag.present, 0)
    features = torch.where(present[..., None], in_front(bag.features, garbage), garbage)
    position = torch.where(present, in_front(bag.place.position, garbage), garbage)
    axis = torch.where(present, in_front(bag.place.axis, -7), -7)
    return Bags(features, present, Place(position, axis))


def trained(name: str, *, dim: int = FEATURES, seed: int = 0, **settings: object) -> nn.Module:
    """A pooling with parameters far from where it starts, in evaluation."""
    module = POOLINGS.get(name)(dim, **settings)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * parameter.shape[-1] ** -0.5)
    return module.eval()
