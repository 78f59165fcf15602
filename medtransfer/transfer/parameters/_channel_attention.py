"""Which channels matter to the target's question.

    W_j = softmax(z_j / 5),    z_jc = (Δ_jc − mean_c Δ_j) / std_c Δ_j,    Δ_jc = L(x; channel c of stage j off) − L(x)

L is the loss of a linear head fitted on the frozen features of the target's labelled training cases
(`_linear_head.py`). To switch off thousands of channels one by one, as the authors do, takes thousands of forward
passes over the cases. Here the network above the stage is linearised, and the loss is not:

    logit_k(x; c off) ≈ logit_k(x) − Σ_s FM_jc(x)_s · ∂logit_k(x)/∂FM_jc(x)_s

which takes a backward pass a logit, and is exact where nothing but linear layers follows. With ImageNet's weights on
chest films it correlates with real switching off by at least .97 in every stage of SqueezeNet, and by .20 (24 linear
channels), .74, .84 and 1.00 in those of MobileNetV2. The head comes before the mean over a study's planes here, which
is the same, as both are affine.

Reference: Li et al. 2019, DELTA; the authors' programs for the standardisation and the 5. The linearisation is that
of Molchanov et al. 2017, Pruning convolutional neural networks for resource efficient inference, §2.2, taken at the
logits instead of the loss, which is flat where a head has learnt its cases.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor, nn

from medtransfer.core.errors import ObjectiveError
from medtransfer.core.types import ClassIndices, Task
from medtransfer.data.dataset import StudySet
from medtransfer.data.tensors import ItemFeatures, ItemValues, NetworkInput, Targets, Weights
from medtransfer.models.classifier import Classifier
from medtransfer.models.heads import known, losses
from medtransfer.models.watch import Watcher, by_channel
from medtransfer.transfer.parameters._linear_head import StudyRows, fitted_head
from medtransfer.transfer.parameters._still import still
from medtransfer.transfer.parameters._teacher import PATH, Teacher

ChannelLogits = Float64[Tensor, "study logit channel"]
Increases = Float64[Tensor, " channel"]

SOFTNESS = 5.0
_STUDIES = 64
"""Studies a batch; memory depends on the network's chunk alone."""


def channel_attention(
    model: Classifier, teacher: Teacher, studies: StudySet, stages: Sequence[str], *, planes: int
) -> dict[str, Weights]:
    """W of every stage, each 1 in sum.

    Args:
        model: The network at its start.
        teacher: The same, frozen.
        studies: The target's training cases; those without a label are left out.
        stages: Whose channels are judged.
        planes: How many planes are looked at, at most; the studies are drawn at random, always the same.

    Raises:
        ObjectiveError: `OneClass`: the labels of the studies that are looked at do not differ.
    """
    cases = _drawn(model.task, studies, planes)
    targets = torch.from_numpy(studies.labels[cases])
    _require_two_classes(targets)
    with still(model):
        head = fitted_head(model.task, model.classes, _study_means(model, studies, cases), targets)
        device = next(model.parameters()).device
        watcher = ChannelsOff(teacher, head.float().to(device), tuple(stages))
        seen = _study_means(model, studies, cases, watcher)
    logits, *changes = seen.unflatten(1, (-1, 1 + sum(watcher.channels))).split([1, *watcher.channels], dim=2)
    attention = (attended(loss_increases(model.task, logits.squeeze(2), change, targets)) for change in changes)
    return {stage: shares.float().to(device) for stage, shares in zip(stages, attention, strict=True)}


def loss_increases(
    task: Task, logits: Float64[Tensor, "study logit"], changes: ChannelLogits, targets: Targets
) -> Increases:
    """Δ of every channel: by how much the mean loss grows when the logits change as they do without the channel."""
    count = known(task, targets).sum()
    without = [losses(task, logits + change, targets).sum() for change in changes.unbind(dim=2)]
    return (torch.stack(without) - losses(task, logits, targets).sum()) / count


def attended(increases: Increases) -> Increases:
    """W: softmax of the standardised increases over 5; all the same where the increases are."""
    spread = increases.std(correction=0)
    standardised = (increases - increases.mean()) / spread if spread > 0 else torch.zeros_like(increases)
    return (standardised / SOFTNESS).softmax(dim=0)


class ChannelsOff:
    """Watches logits, and how each changes without a channel: `item (logit, 1 + channels of all stages)`, flattened.

    Attributes:
        stages: Whose channels are switched off.
        channels: How many each stage has; known once a piece was seen.
    """

    def __init__(self, teacher: Teacher, head: nn.Module, stages: tuple[str, ...]) -> None:
        self.stages = stages
        self.channels: list[int] = []
        self._teacher, self._head = teacher, head

    def __call__(self, inputs: NetworkInput, features: ItemFeatures, passed: Mapping[str, Tensor]) -> ItemValues:
        """Everything by the teacher: the student runs without gradients here."""
        del features, passed
        with torch.enable_grad():
            features, tapped = self._teacher.tapped(inputs.detach().requires_grad_(), self.stages, gradients=True)
            logits = self._head(features)
            maps = [tapped[stage] for stage in self.stages]
            slopes = [torch.autograd.grad(logit.sum(), maps, retain_graph=True) for logit in logits.unbind(dim=1)]
        with torch.no_grad():
            rows = [
                torch.cat(
                    [logit[:, None], *(-by_channel(m * s).sum(dim=2) for m, s in zip(maps, slope, strict=True))], 1
                )
                for logit, slope in zip(logits.unbind(dim=1), slopes, strict=True)
            ]
        self.channels = [by_channel(each).shape[1] for each in maps]
        return torch.cat(rows, dim=1)


def _drawn(task: Task, studies: StudySet, planes: int) -> ClassIndices:
    """Labelled studies in random order, as many as have so many planes together, and one at least."""
    labelled = np.flatnonzero(known(task, torch.from_numpy(studies.labels)).numpy())
    cases = np.random.default_rng(0).permutation(labelled)
    planes_so_far = np.diff(studies.layout.starts)[cases].cumsum()
    return cases[: max(1, int((planes_so_far <= planes).sum()))]


def _require_two_classes(targets: Targets) -> None:
    columns = targets[:, None] if targets.ndim == 1 else targets
    if not any(len(column[~column.isnan()].unique()) > 1 for column in columns.unbind(dim=1)):
        raise ObjectiveError(
            f"attention needs different labels, and {len(targets)} labelled studies have one and the same",
            code="OneClass",
            path=f"{PATH}.delta.attention",
            hint="Let more of them be looked at (planes), label more, or set attention = false.",
        )


def _study_means(
    model: Classifier, studies: StudySet, cases: ClassIndices, watcher: Watcher | None = None
) -> StudyRows:
    """Means over the items of each study of what a watcher says; without one, of the features."""
    rows = []
    for start in range(0, len(cases), _STUDIES):
        batch, _ = studies.batch(cases[start : start + _STUDIES])
        items = model.items(batch)
        encoded = model.encode(batch, items, {} if watcher is None else {"it": watcher})
        values = (encoded.features if watcher is None else encoded.watched["it"]).double().cpu()
        member = nn.functional.one_hot(torch.from_numpy(items.study), len(batch)).T.to(values)
        rows.append((member @ values) / member.sum(dim=1, keepdim=True))
    return torch.cat(rows)
