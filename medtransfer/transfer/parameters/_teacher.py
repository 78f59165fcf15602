"""The network as it was before training, beside the one that is trained: what terms on outputs compare it with.

The teacher sees the very planes that the student sees, augmented and normalised, since it runs in a watcher. It is no
module of the term: its tensors are those of the pretrained weights, so that neither optimiser nor checkpoint has any
business with them; it follows the planes to their device by itself.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from medtransfer.core.errors import ObjectiveError
from medtransfer.data.tensors import ItemFeatures, ItemValues, NetworkInput
from medtransfer.models.backbone import Backbone
from medtransfer.transfer.types import Step

PATH = "objective.parameters"
"""Where the terms stand in a plan."""


class Teacher:
    """A frozen copy of an encoder as it stands now: evaluation mode, no gradients for its parameters.

    In evaluation mode the student at its start gives the same bits, save for torch's own attention (ViT), which is
    rounded otherwise where no gradient is asked for.
    """

    def __init__(self, student: Backbone) -> None:
        self._student = student
        self._network = copy.deepcopy(student).eval().requires_grad_(False)
        self._placed = False

    def features(self, inputs: NetworkInput) -> ItemFeatures:
        """φ⁰ of every item."""
        with torch.no_grad():
            return self._beside(inputs)(inputs)

    def tapped(
        self, inputs: NetworkInput, stages: Sequence[str], *, gradients: bool = False
    ) -> tuple[ItemFeatures, dict[str, Tensor]]:
        """φ⁰, and what the named stages pass on; with `gradients`, those with respect to the inputs can be taken."""
        with torch.set_grad_enabled(gradients):
            return self._beside(inputs).tapped(inputs, stages)

    def _beside(self, inputs: NetworkInput) -> Backbone:
        """The copy, on the inputs' device and in the student's memory format: another one would round otherwise."""
        if not self._placed or next(self._network.parameters()).device != inputs.device:
            last = any(
                p.ndim == self._student.dimensions + 2 and not p.is_contiguous() for p in self._student.parameters()
            )
            channels_last = torch.channels_last if self._student.dimensions == 2 else torch.channels_last_3d
            memory = channels_last if last else torch.contiguous_format
            self._network.to(inputs.device).to(memory_format=memory)  # pyright: ignore[reportCallIssue]
            self._placed = True
        return self._network


class BothFeatures:
    """Watches what student and teacher make of every item: `item 2·feature`, the student's first."""

    stages: tuple[str, ...] = ()

    def __init__(self, teacher: Teacher) -> None:
        self._teacher = teacher

    def __call__(self, inputs: NetworkInput, features: ItemFeatures, passed: Mapping[str, Tensor]) -> ItemValues:
        """Nothing here is kept for the backward pass, so that activations computed again are the student's alone."""
        del passed
        return torch.cat([features, self._teacher.features(inputs).to(features.dtype)], dim=1)


def seen(step: Step) -> ItemValues:
    """What the term's watcher said of this step's items: the target's, or the first source's where λ = 0.

    Raises:
        ObjectiveError: Nothing went through the encoder.
    """
    for domain in (step.target, *step.sources.values()):
        if domain is not None and step.name in domain.watched:
            return domain.watched[step.name]
    raise ObjectiveError(
        "the term compares what the encoder makes of the pictures, and no picture went through it",
        code="NothingSeen",
        path=f"{PATH}.{step.name}",
        hint="Set training.features to live, or remove the term.",
    )


def require_start(start: Mapping[str, Tensor] | None, term: str) -> None:
    """Refuse a network that starts at random.

    Raises:
        ObjectiveError: `NoStart`.
    """
    if start is None:
        raise ObjectiveError(
            "the term compares the network with the pretrained one, and the weights are `none`",
            code="NoStart",
            path=f"{PATH}.{term}",
            hint="Set model.weights to `imagenet`, imported weights or a local file, or remove the term.",
        )


def unusable(term: str, key: str, value: object, hint: str) -> ObjectiveError:
    """The error for a hyperparameter that is out of its range."""
    return ObjectiveError(f"{key} = {value!r}", code="BadHyperparameter", path=f"{PATH}.{term}.{key}", hint=hint)
