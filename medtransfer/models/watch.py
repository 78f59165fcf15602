"""Looking on while the encoder works.

Planes go through the encoder in pieces whose activations may be thrown away and computed again. Whoever wants to see
more of them than the features (maps of inner stages, the input itself) must look while a piece is there, and say what
it saw in a few numbers an item; gradients flow through them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from medtransfer.data.tensors import ItemFeatures, ItemValues, NetworkInput

ChannelPlaces = Float[Tensor, "item channel place"]
"""Maps of any number of dimensions, space flattened; one place where a stage passes on a vector."""


@runtime_checkable
class Watcher(Protocol):
    """Sees every piece once (and again when its activations are computed again: it must give the same then)."""

    @property
    def stages(self) -> tuple[str, ...]:
        """Stages of the backbone whose outputs it wants."""
        ...

    def __call__(self, inputs: NetworkInput, features: ItemFeatures, passed: Mapping[str, Tensor]) -> ItemValues:
        """What it says of each item of a piece, `item value`.

        Args:
            inputs: What the backbone was given, normalised; `item channel *space`.
            features: What it made of it, `item feature`.
            passed: By stage, what that stage passed on, in most networks `item channel *space`.
        """
        ...


class StageMean:
    """The output of one stage, averaged over space (of transformers: over tokens): `item channel`."""

    def __init__(self, stage: str) -> None:
        self.stages = (stage,)

    def __call__(self, inputs: NetworkInput, features: ItemFeatures, passed: Mapping[str, Tensor]) -> ItemValues:
        """The mean over all places of what the stage passed on."""
        del inputs, features
        (maps,) = (passed[stage] for stage in self.stages)
        return by_channel(maps).mean(dim=2)


def by_channel(maps: Tensor) -> ChannelPlaces:
    """Maps with their channels in the second axis.

    Convolutional networks have it there. Transformers have it last, behind tokens (`item token channel`) or rows and
    columns (`item row column channel`). Prepared planes are square and so are their maps: where the last two axes of a
    map are equally long they are space.
    """
    channels_first = maps.ndim == 2 or (maps.ndim > 3 and maps.shape[-1] == maps.shape[-2])
    ordered = maps if channels_first else maps.movedim(-1, 1)
    return ordered.reshape(*ordered.shape[:2], -1)
