"""The last layer that the pretrained weights were trained with, where they bring one."""

from __future__ import annotations

import torch
from torch import nn

from medtransfer.core.errors import ObjectiveError
from medtransfer.models.classifier import Classifier
from medtransfer.models.weights.load import PretrainedHead
from medtransfer.transfer.parameters._teacher import PATH

WITH_HEAD = (
    "convnext_tiny",
    "densenet121",
    "efficientnet_b0",
    "efficientnet_v2_s",
    "mobilenet_v2",
    "resnet18",
    "resnet34",
    "resnet50",
    "swin_t",
    "vit_b_16",
)
"""Backbones whose ImageNet weights end in one linear layer on the features that we take."""


def source_head(model: Classifier, term: str) -> PretrainedHead:
    """The pretrained weights' own head.

    Raises:
        ObjectiveError: `NoSourceHead`: the file lacks it, or it is more than one linear layer.
    """
    head = model.weights.head
    if head is None:
        raise ObjectiveError(
            "the term needs the classes that the weights were trained with, and these weights bring no linear head",
            code="NoSourceHead",
            path=f"{PATH}.{term}",
            hint="Take feature_distillation, which needs none, or ImageNet weights of a backbone that have one: "
            f"{', '.join(WITH_HEAD)}.",
        )
    return head


def learnable(head: PretrainedHead) -> nn.Linear:
    """A copy that is trained along: a linear layer, `item feature` → `item class`."""
    classes, features = head.weight.shape
    with torch.random.fork_rng(devices=()):  # its random start is overwritten at once
        copy = nn.Linear(features, classes)
    with torch.no_grad():
        copy.weight.copy_(head.weight)
        copy.bias.copy_(head.bias)
    return copy
