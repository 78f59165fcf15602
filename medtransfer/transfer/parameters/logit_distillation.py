"""Logit distillation (learning without forgetting): keep the answers to the question of the pretrained weights.

    Ω(θ, h) = T² · 1/n · Σ_i KL(softmax(h⁰(φ⁰(x_i))/T) ‖ softmax(h(φ_θ(x_i))/T))

h⁰ is the pretrained head (ImageNet's 1000 classes, say), h a copy of it that is trained along, as the method has it;
the copy is a parameter of the term and enters no bundle. φ: `item feature`, before pooling; n items (planes, or
volumes in 3-D). The divergence, not the cross-entropy, so that Ω is 0 at the start. Softened distributions have
gradients of the order 1/T²: the factor T² lets the strength mean the same for every T.

Raises ObjectiveError where the weights are random or bring no linear head, or T is not above 0.
Reference: Li, Hoiem 2016, Learning without forgetting, §3 (T = 2); Hinton, Vinyals, Dean 2015, Distilling the
knowledge in a neural network, §2 (T²).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor
from torch.nn.functional import kl_div, linear

from medtransfer.data.tensors import Scalar
from medtransfer.models.classifier import Classifier
from medtransfer.models.weights.load import PretrainedHead
from medtransfer.transfer.parameters._source_head import learnable, source_head
from medtransfer.transfer.parameters._teacher import BothFeatures, Teacher, require_start, seen, unusable
from medtransfer.transfer.types import Step, Term, TransferData

NAME = "logit_distillation"


def build(
    model: Classifier, start: Mapping[str, Tensor] | None, data: TransferData, *, temperature: float = 2.0
) -> Term:
    """The term that keeps the pretrained head's answers.

    Args:
        model: The network to be trained, at its start.
        start: The pretrained parameters by name; looked at for whether there are any.
        data: Not looked at.
        temperature: T, above 0; the higher, the more the small probabilities count.

    Raises:
        ObjectiveError: There is no start, no head, or no such temperature.
    """
    del data
    require_start(start, NAME)
    if not 0 < temperature < math.inf:
        raise unusable(NAME, "temperature", temperature, "The temperature is a finite number above 0.")
    return LogitDistillation(Teacher(model.backbone), source_head(model, NAME), temperature)


def check_start(model: Classifier, start: Mapping[str, Tensor] | None) -> None:
    """Refuse random weights, and weights without their head."""
    require_start(start, NAME)
    source_head(model, NAME)


class LogitDistillation(Term):
    """Divergence of softened answers; the head that is trained along is its parameter."""

    weight: Tensor
    bias: Tensor

    def __init__(self, teacher: Teacher, head: PretrainedHead, temperature: float) -> None:
        super().__init__()
        self.watcher = BothFeatures(teacher)
        self.head = learnable(head)
        self.temperature = temperature
        # The weights' file holds them: a checkpoint need not.
        self.register_buffer("weight", head.weight.detach().clone(), persistent=False)
        self.register_buffer("bias", head.bias.detach().clone(), persistent=False)

    def loss(self, step: Step) -> Scalar:
        """Ω of this step's items, in 32 bits."""
        # Halves of rows are aligned in other ways, and a matrix product rounds them so: equal features, unequal logits.
        ours, before = (half.contiguous() for half in seen(step).float().chunk(2, dim=1))
        now = (self.head(ours) / self.temperature).log_softmax(dim=1)
        then = (linear(before, self.weight, self.bias) / self.temperature).log_softmax(dim=1)
        return self.temperature**2 * kl_div(now, then, reduction="batchmean", log_target=True)
