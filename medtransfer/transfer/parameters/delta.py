"""DELTA: keep the feature maps that the pretrained network made of the same pictures.

    Ω(θ) = ½ · Σ_j C_j · Σ_c W_jc · mean_{i,s} (FM_jc(x_i; θ)_s − FM_jc(x_i; θ⁰)_s)²,    Σ_c W_jc = 1

FM_j: what stage j passes on, `item channel *space`; C_j its channels, s its places, i the items (planes, or volumes
in 3-D) of the batch. W_jc = 1/C_j, or with `attention` the softmax of how much the loss of a linear head grows when
channel c is switched off, estimated on the target's training cases (`_channel_attention.py`).

This is the authors' term with a mean over the batch where they have a sum, so that its size does not matter: their α
= 0.01 at a batch of 64 is a strength of 0.64. Their maps are those of each stage's last convolution, before its batch
norm and the shortcut; ours are those that the next stage is given, which every network has. FM(θ⁰) is computed in
evaluation mode; while batch statistics are learnt, FM(θ) differs from it at θ⁰ already. Their β/2·‖θ_head‖² is weight
decay, or the share `head` of an L2 term.

Raises ObjectiveError where the weights are random, a stage is unknown, or labels do not suffice for attention.
Reference: Li, Xiong, Wang, Rao, Liu, Huan 2019, DELTA: deep learning transfer using feature map with attention for
convolutional networks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from medtransfer.core.catalogue import did_you_mean
from medtransfer.data.tensors import ItemFeatures, ItemValues, NetworkInput, Scalar, Weights
from medtransfer.models.classifier import Classifier
from medtransfer.models.watch import by_channel
from medtransfer.transfer.parameters._channel_attention import channel_attention
from medtransfer.transfer.parameters._teacher import Teacher, require_start, seen, unusable
from medtransfer.transfer.types import Step, Term, TransferData

NAME = "delta"


def build(
    model: Classifier,
    start: Mapping[str, Tensor] | None,
    data: TransferData,
    *,
    stages: Sequence[str] = (),
    attention: bool = False,
    planes: int = 2048,
) -> Term:
    """The term that keeps the maps of some stages near what they are now.

    Args:
        model: The network to be trained, at its start.
        start: The pretrained parameters by name; looked at for whether there are any.
        data: The target's labelled training cases tell which channels matter, where `attention` is asked for.
        stages: Whose maps are kept; none: all but the first, of a residual network the four that the authors take.
        attention: Do channels count by how much they matter?
        planes: How many planes of the training cases attention is estimated on, at most: about as many passes through
            the network as it has classes, and three.

    Raises:
        ObjectiveError: There is no start; a hyperparameter is out of its range; or the labels do not suffice.
    """
    require_start(start, NAME)
    chosen = _chosen(model, stages)
    if planes < 1:
        raise unusable(NAME, "planes", planes, "At least 1 plane is looked at.")
    teacher = Teacher(model.backbone)
    shares = channel_attention(model, teacher, data.target, chosen, planes=planes) if attention else {}
    return Delta(teacher, chosen, shares)


def check_start(model: Classifier, start: Mapping[str, Tensor] | None) -> None:
    """Refuse random weights."""
    del model
    require_start(start, NAME)


def _chosen(model: Classifier, stages: Sequence[str]) -> tuple[str, ...]:
    known = tuple(model.backbone.stages)
    hint = f"Give a list of stages of this network: {', '.join(known)}."
    if isinstance(stages, str):
        raise unusable(NAME, "stages", stages, hint)
    for stage in stages:
        if stage not in known:
            raise unusable(NAME, "stages", stage, f"{hint}{did_you_mean(stage, known)}")
    return tuple(stages) or known[1:] or known


class Delta(Term):
    """Weighted squared differences of maps."""

    def __init__(self, teacher: Teacher, stages: tuple[str, ...], attention: Mapping[str, Weights]) -> None:
        super().__init__()
        self._places = {stage: f"attention_{index}" for index, stage in enumerate(stages)}  # a stage may hold a dot
        for stage, shares in attention.items():
            self.register_buffer(self._places[stage], shares)
        self.watcher = MapDistances(teacher, stages, self.attention)

    def attention(self, stage: str) -> Weights | None:
        """W of one stage, 1 in sum; None where all channels count the same."""
        return getattr(self, self._places[stage], None)

    def loss(self, step: Step) -> Scalar:
        """Ω of this step's items."""
        return seen(step).sum(dim=1).mean()


class MapDistances:
    """Watches how far maps are from the teacher's: ½·C_j·Σ_c W_jc·mean_s(…)² of every stage, `item stage`."""

    def __init__(self, teacher: Teacher, stages: tuple[str, ...], attention: Callable[[str], Weights | None]) -> None:
        self.stages = stages
        self._teacher, self._attention = teacher, attention

    def __call__(self, inputs: NetworkInput, features: ItemFeatures, passed: Mapping[str, Tensor]) -> ItemValues:
        """In 32 bits whatever the maps' precision."""
        del features
        _, before = self._teacher.tapped(inputs, self.stages)
        return torch.stack([self._distance(stage, passed[stage], before[stage]) for stage in self.stages], dim=1)

    def _distance(self, stage: str, ours: Tensor, before: Tensor) -> Weights:
        squared = by_channel((ours.float() - before.float()).square()).mean(dim=2)
        shares = self._attention(stage)
        each = squared.mean(dim=1) if shares is None else (squared * shares).sum(dim=1)
        return each * (squared.shape[1] / 2)
