"""CDAN(+E): features that do not tell the domains apart, given what the network answers.

    Ω = ½·mean_i −log(1 − D(T(s_i / r, g_i))) + ½·mean_j −log D(T(t_j / r, g_j)),    T(f, g) = f ⊗ g

As in DANN, the discriminator minimises Ω and the network maximises it behind a gradient reversal (`_reversal.py`),
and r is the root mean square of both batches' features, a constant. g are the head's probabilities; the discriminator
is informed by them, and no gradient reaches the head through them (as in the authors' program). Where f ⊗ g has more
than 4,096 entries a random map takes its place (`_multilinear.py`).

    w = 1 + exp(−H(g))

+E (`entropy`) takes weighted means with these weights instead, so that sure answers count for more. Several labels are
several binary questions: g is then (σ(l), 1 − σ(l)) divided by their number, and H the mean of their entropies.
Ordered classes have the probabilities between cuts, σ(l_{k−1}) − σ(l_k).

Shapes: features `case feature`, logits `case class` (ordinal: `case class−1`), of any batch sizes, computed in 32 bits
at least; labels are not looked at. Source and target must answer one question.
Raises ObjectiveError for a hyperparameter out of its range, and for logits that do not fit the question.
Reference: Long, Cao, Wang, Jordan 2018, Conditional adversarial domain adaptation, §3.
"""

from __future__ import annotations

import math
from typing import Final, get_args

import torch
from torch import nn
from torch.nn.functional import pad
from torch.special import entr

from medtransfer.core.errors import ObjectiveError
from medtransfer.core.types import Task
from medtransfer.data.tensors import Logits, Scalar, Weights
from medtransfer.transfer.features._batches import features_of, in_full, without_autocast
from medtransfer.transfer.features._discriminator import Discriminator, domain_loss, in_own_unit
from medtransfer.transfer.features._multilinear import Answers, OuterProduct, RandomMap
from medtransfer.transfer.features._reversal import reversal, reverse
from medtransfer.transfer.features._settings import bad_hyperparameter, check_count, check_gamma
from medtransfer.transfer.types import POOLED, Domain

ONE_QUESTION: Final = True
"""The same place in both domains' logits must mean the same answer."""

LARGEST_PRODUCT: Final = 4096
"""Entries of f ⊗ g above which the random map takes its place; the paper's number."""


def build(
    feature_dim: int,
    n_classes: int,
    *,
    tap: str = POOLED,
    task: Task = "multiclass",
    entropy: bool = False,
    hidden: int = 256,
    projected: int = 1024,
    gamma: float = 10.0,
) -> Cdan:
    """The term with a fresh discriminator (and map), drawn from torch's generator as it stands.

    Args:
        feature_dim: Length of the features.
        n_classes: How many classes, or labels, the question has.
        tap: Which features: `pooled`, or a stage of the backbone.
        task: The kind of question that the head answers.
        entropy: CDAN+E: weigh cases by how sure the network is of them.
        hidden: Units in each of the discriminator's two hidden layers.
        projected: q, outputs of the random map.
        gamma: γ, how fast the reversal rises over the run.

    Raises:
        ObjectiveError: A hyperparameter is out of its range.
    """
    check_count("cdan", "hidden", hidden)
    check_count("cdan", "projected", projected)
    check_gamma("cdan", gamma)
    if task not in get_args(Task):
        raise bad_hyperparameter("cdan", "task", task, f"It is one of: {', '.join(get_args(Task))}.")
    if not isinstance(entropy, bool):
        raise bad_hyperparameter("cdan", "entropy", entropy, "It is true or false.")
    width = 2 * n_classes if task == "multilabel" else n_classes  # of g
    inputs = feature_dim * width
    joint: nn.Module = OuterProduct()
    if inputs > LARGEST_PRODUCT:
        joint, inputs = RandomMap(feature_dim, width, projected), projected
    return Cdan(tap, task, n_classes, joint, Discriminator(inputs, hidden), entropy=entropy, gamma=gamma)


class Cdan(nn.Module):
    """A discriminator of features and answers, and the reversal before it."""

    one_question = ONE_QUESTION

    def __init__(
        self,
        tap: str,
        task: Task,
        classes: int,
        joint: nn.Module,
        discriminator: Discriminator,
        *,
        entropy: bool,
        gamma: float,
    ) -> None:
        super().__init__()
        self.tap = tap
        self.task: Task = task
        self.classes = classes
        self.joint = joint
        self.discriminator = discriminator
        self.entropy = entropy
        self.gamma = gamma

    def forward(self, source: Domain, target: Domain) -> Scalar:
        """Ω of two batches, of any sizes.

        Raises:
            ObjectiveError: The logits are not those of the question that the term was built for.
        """
        coefficient = reversal(target.share, gamma=self.gamma)
        ours, theirs = features_of(source, target, self.tap)
        with without_autocast(ours):
            given = [self._answers(domain.logits) for domain in (source, target)]
            features = in_own_unit(reverse(ours, coefficient), reverse(theirs, coefficient))
            logits = [self.discriminator(self.joint(f, g)) for f, g in zip(features, given, strict=True)]
            weights = [self._weights(g) if self.entropy else None for g in given]
            return domain_loss(*logits, *weights)

    def _answers(self, logits: Logits) -> Answers:
        width = self.classes - 1 if self.task == "ordinal" else self.classes
        if logits.shape[1] != width:
            raise ObjectiveError(
                f"{logits.shape[1]} logits a case do not answer a {self.task} question of {self.classes} classes",
                code="LogitsDoNotFit",
                path="objective.features.cdan",
                hint="CDAN needs a source that asks the target's question, and `task` to be its kind; "
                "dann, mmd and coral look at features alone.",
            )
        return answers(self.task, in_full(logits.detach()))

    def _weights(self, given: Answers) -> Weights:
        """1 + exp(−H). Of several labels, Σ −g·log g is the mean of their entropies plus log(number of labels)."""
        offset = math.log(self.classes) if self.task == "multilabel" else 0.0
        return 1 + (offset - entr(given).sum(dim=1)).exp()


def answers(task: Task, logits: Logits) -> Answers:
    """The g of each case, 1 in sum: probabilities of the classes, or of each label and its absence."""
    match task:
        case "multiclass":
            return logits.softmax(dim=1)
        case "multilabel":
            return torch.cat([logits, -logits], dim=1).sigmoid() / logits.shape[1]
        case "ordinal":
            above = pad(pad(logits.sigmoid(), (1, 0), value=1.0), (0, 1), value=0.0)
            return above[:, :-1] - above[:, 1:]
