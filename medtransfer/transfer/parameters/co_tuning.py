"""Co-tuning: let the pretrained head answer what its own classes say of the target's.

    Ω(θ, h) = 1/n · Σ_i −Σ_s p(s | y_i) · log softmax(h(z_θ(x_i)))_s
    p(s | y) = mean over the target's training cases with label y of softmax(h⁰(z_θ⁰(x)) / T)_s

z: a study's pooled features; h⁰ the pretrained head, h a copy of it that is trained along, as the method has it: a
parameter of the term that enters no bundle. As h is linear and the pooling a weighted mean, h(z) is the mean of the
planes' own answers. A case without a label adds nothing, n counts the others. Every study counts once, in p(s | y) as
in L_T. The authors' strength is 2.3.

The probabilities must be calibrated. The authors find T on the source's own validation data (1.13 for their
ResNet-50), which are not there: T is chosen on the target instead, by how well the source's classes then tell the
target's (`_label_relation.py`). p(s | y) is learnt in the authors' direct way; their other one, Bayes' rule on a
regression of y on s, wants more cases than there are source classes.

Raises ObjectiveError where the weights are random or bring no linear head, the target's question is not multiclass, a
class has no labelled case, the pooling is no mean, or a step brings no target batch.
Reference: You, Kou, Long, Wang 2020, Co-tuning for transfer learning.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from medtransfer.core.errors import ObjectiveError
from medtransfer.core.types import UNKNOWN
from medtransfer.data.dataset import StudySet
from medtransfer.data.targets import counts
from medtransfer.data.tensors import Scalar
from medtransfer.models.classifier import Classifier
from medtransfer.models.features import frozen_features
from medtransfer.models.pooling._contract import Place
from medtransfer.models.weights.load import PretrainedHead
from medtransfer.transfer.parameters._label_relation import Relation, calibrated_temperature, relation, softmax
from medtransfer.transfer.parameters._source_head import learnable, source_head
from medtransfer.transfer.parameters._still import still
from medtransfer.transfer.parameters._teacher import PATH, require_start, unusable
from medtransfer.transfer.types import POOLED, Step, Term, TransferData

NAME = "co_tuning"


def build(
    model: Classifier,
    start: Mapping[str, Tensor] | None,
    data: TransferData,
    *,
    temperature: float | None = None,
) -> Term:
    """The term, its relation of labels learnt from the target's training cases, not augmented.

    Args:
        model: The network to be trained, at its start.
        start: The pretrained parameters by name; looked at for whether there are any.
        data: The target's training cases.
        temperature: T; None: chosen on them.

    Raises:
        ObjectiveError: Something is missing, or does not fit; the hint says how to cure it.
    """
    require_start(start, NAME)
    if temperature is not None and not 0 < temperature < math.inf:
        raise unusable(NAME, "temperature", temperature, "The temperature is a finite number above 0.")
    head = source_head(model, NAME)
    _check_network(model)
    _check_labels(model, data.target)
    return CoTuning(head, _relation(model, head, data.target, temperature))


def check_start(model: Classifier, start: Mapping[str, Tensor] | None) -> None:
    """Refuse weights, a question or a pooling that the relation of labels cannot be learnt with."""
    require_start(start, NAME)
    source_head(model, NAME)
    _check_network(model)


class CoTuning(Term):
    """Cross-entropy of the pretrained head's answers; the head that is trained along is the term's parameter."""

    needs_target = True
    relation: Tensor

    def __init__(self, head: PretrainedHead, relation: Relation) -> None:
        super().__init__()
        self.head = learnable(head)
        self.register_buffer("relation", torch.from_numpy(relation).float())

    def loss(self, step: Step) -> Scalar:
        """Ω of the target's batch."""
        if step.target is None or step.target.labels is None:
            msg = "a step of Co-Tuning brings the target's labels"
            raise ValueError(msg)
        labels = step.target.labels
        log_answers = self.head(step.target.features[POOLED].float()).log_softmax(dim=1)
        each = -(self.relation[labels.clamp(min=0)] * log_answers).sum(dim=1)
        known = labels != UNKNOWN
        return torch.where(known, each, 0).sum() / known.sum().clamp(min=1)


def _relation(model: Classifier, head: PretrainedHead, studies: StudySet, temperature: float | None) -> Relation:
    """p(s | y) at the start."""
    cases = np.flatnonzero(studies.labels != UNKNOWN)
    features = frozen_features(model, studies)[cases].astype(np.float64)
    logits = features @ head.weight.double().cpu().numpy().T + head.bias.double().cpu().numpy()
    labels, patients = studies.labels[cases], studies.patients[cases]
    chosen = temperature or calibrated_temperature(logits, labels, patients, classes=model.classes)
    return relation(softmax(logits / chosen), labels, classes=model.classes)


def _check_network(model: Classifier) -> None:
    """Refuse a question or a pooling that labels cannot be related by."""
    if model.task != "multiclass":
        raise ObjectiveError(
            f"the target's question is {model.task}, and labels are related one class to another",
            code="TaskDoesNotFit",
            path=f"{PATH}.{NAME}",
            hint="Take logit_distillation, which needs no labels.",
        )
    if not _pools_by_mean(model):
        raise ObjectiveError(
            "the pretrained head answers features of planes, and this pooling makes something else of them",
            code="PoolingDoesNotFit",
            path="model.pooling.name",
            hint="Set model.pooling.name to mean or attention, or take logit_distillation, which looks at planes.",
        )


def _check_labels(model: Classifier, studies: StudySet) -> None:
    """Refuse labels that the relation cannot be learnt from."""
    if (cases := counts(studies.labels, model.classes)).min() == 0:
        raise ObjectiveError(
            f"the class with the index {int(cases.argmin())} has no labelled training case to learn from",
            code="ClassMissing",
            path=f"{PATH}.{NAME}",
            hint="Label some, or take logit_distillation, which needs no labels.",
        )


def _pools_by_mean(model: Classifier) -> bool:
    """Is what the pooling makes of some planes their mean, with the weights that it tells?"""
    if model.feature_dim != model.backbone.feature_dim:
        return False
    device = next(model.parameters()).device
    planes = torch.arange(3 * model.feature_dim, device=device).float().cos().view(1, 3, -1)
    place = Place(torch.full((1, 3), 0.5, device=device), torch.zeros(1, 3, dtype=torch.long, device=device))
    with still(model):
        pooled = model.pooling(planes, torch.ones(1, 3, dtype=torch.bool, device=device), place)
    return torch.allclose(pooled.features, (planes * pooled.weights[..., None]).sum(dim=1), atol=1e-5)
