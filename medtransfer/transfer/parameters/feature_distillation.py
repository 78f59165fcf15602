"""Feature distillation: keep the features that the pretrained network made of the same pictures.

    Ω(θ) = 1/(n·d) · Σ_i ‖φ_θ(x_i) − φ_θ⁰(x_i)‖²

φ: `item feature`, before pooling; d = feature_dim, n the items (planes, or volumes in 3-D) of the batch, so that
neither the batch size nor the network's width enters. Where a study has several planes each of them counts. φ_θ⁰ is
computed in evaluation mode; while batch statistics are learnt, φ_θ differs from it at θ⁰ already.

It is L_S's expansion around θ⁰ in function space, on the target's inputs: the anchor for whoever has no source data.
Raises ObjectiveError where the weights are random.
Reference: Romero et al. 2015, FitNets: hints for thin deep nets (with the identity as regressor); Li, Hoiem 2016,
Learning without forgetting (feature preservation).
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from medtransfer.data.tensors import Scalar
from medtransfer.models.classifier import Classifier
from medtransfer.transfer.parameters._teacher import BothFeatures, Teacher, require_start, seen
from medtransfer.transfer.types import Step, Term, TransferData

NAME = "feature_distillation"


def build(model: Classifier, start: Mapping[str, Tensor] | None, data: TransferData) -> Term:
    """The term that keeps `model`'s encoder near what it computes now.

    Args:
        model: The network to be trained, at its start.
        start: The pretrained parameters by name; looked at for whether there are any.
        data: Not looked at.

    Raises:
        ObjectiveError: There is no start: the weights are random.
    """
    del data
    require_start(start, NAME)
    return FeatureDistillation(Teacher(model.backbone))


def check_start(model: Classifier, start: Mapping[str, Tensor] | None) -> None:
    """Refuse random weights."""
    del model
    require_start(start, NAME)


class FeatureDistillation(Term):
    """Mean squared difference of features."""

    def __init__(self, teacher: Teacher) -> None:
        super().__init__()
        self.watcher = BothFeatures(teacher)

    def loss(self, step: Step) -> Scalar:
        """Ω of this step's items, in 32 bits."""
        ours, before = seen(step).float().chunk(2, dim=1)
        return (ours - before).square().mean()
