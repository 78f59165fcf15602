"""EWC: stay near the starting point, in each parameter as much as it matters there.

    Ω(θ) = ½·Σ_i F_i·(θ_i − θ⁰_i)²

over the parameters of the stages; F is the diagonal of the Fisher information at θ⁰ (`_fisher.py`), scaled to mean 1
over all of them, so that a strength means the same as L2-SP's. With `normalise=False` F is that of one case, and a
strength of n counts for n cases. A share `floor` of F's mean is mixed in, F ← (1 − floor)·F + floor·mean(F): 0 is EWC,
and 1 holds the stages as L2-SP does. Heads and pooling have no start and are left to weight decay; buffers are no
parameters.

Where F comes from:

- with source cohorts, from their cases, under a logistic regression on the frozen features of all of them; each cohort
  counts alike;
- without, from the target's images, one plane a study, under the last layer that the weights bring. The formula wants
  images of the source: this is an approximation, and `note` says so.

It is taken as a proximal step in the optimiser's own metric (`_anchor.py`). Building it costs, for each of `samples`
studies, a forward pass in evaluation mode and one backward pass for each class but one (of more than 9 classes: one
alone), and a forward pass over all source studies.

Reference: Kirkpatrick et al. 2017, Overcoming catastrophic forgetting in neural networks, eq. 3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from medtransfer.core.errors import ObjectiveError
from medtransfer.core.types import Task
from medtransfer.models.classifier import Classifier
from medtransfer.models.weights.load import PretrainedHead
from medtransfer.transfer.parameters._anchor import Anchor, Anchored
from medtransfer.transfer.parameters._fisher import CaseLogits, differentiable, fisher_diagonal
from medtransfer.transfer.parameters._fisher_cases import source_cases, target_cases
from medtransfer.transfer.parameters._start import pretrained, usable_start
from medtransfer.transfer.types import Term, TransferData

PATH = "objective.parameters.ewc"

OF_SOURCES = "Fisher information of the source cohorts at the pretrained weights, under a fitted linear head."
APPROXIMATE = (
    "Approximation: without a source cohort, the Fisher information is that of the target's images under the "
    "pretrained weights' own last layer."
)


def build(
    model: Classifier,
    start: Mapping[str, Tensor] | None,
    data: TransferData,
    *,
    samples: int = 200,
    normalise: bool = True,
    floor: float = 0.0,
    seed: int = 0,
) -> Term:
    """The term that anchors the stages at `start`, each parameter with its Fisher information.

    Args:
        model: The network to be trained, with its pretrained weights.
        start: The pretrained parameters by name.
        data: The sources' cases, or the target's where there is no source.
        samples: Most studies that F is a mean over, of all sources together.
        normalise: Scale F to mean 1.
        floor: Share of F's mean that is mixed in, 0 to 1.
        seed: Of which studies, planes and labels are drawn.

    Raises:
        ObjectiveError: There is no start, or adapters hold it; nothing tells what the weights were good for; or a
            hyperparameter is out of its range.
    """
    if samples < 1:
        raise _refusal(f"samples = {samples}", "BadHyperparameter", f"{PATH}.samples", "At least one study.")
    if not 0 <= floor <= 1:
        raise _refusal(f"floor = {floor}", "BadHyperparameter", f"{PATH}.floor", "A share, from 0 to 1.")
    start = usable_start(model, start, entry="ewc")
    anchors = pretrained(model, start, entry="ewc")
    parameters = [parameter for parameter, _ in anchors.values()]
    generator = torch.Generator().manual_seed(seed)
    with differentiable(model, parameters):
        found = [
            fisher_diagonal(cases, parameters, exclusive=exclusive, generator=generator)
            for cases, exclusive in _cases(model, data, samples=samples, seed=seed)
        ]
    information = [torch.stack(parts).mean(dim=0) for parts in zip(*found, strict=True)]
    shares = scaled(of_copies(information, [start[name] for name in anchors]), normalise=normalise, floor=floor)
    return Anchored(
        {name: Anchor(p, at, 1.0, share) for (name, (p, at)), share in zip(anchors.items(), shares, strict=True)},
        note=OF_SOURCES if data.sources else APPROXIMATE,
    )


def check_start(model: Classifier, start: Mapping[str, Tensor] | None) -> None:
    """Refuse a start that the stages cannot be held at, or of which nothing tells what it was good for."""
    usable_start(model, start, entry="ewc")
    if not model.source_names:
        _head(model)


def of_copies(information: Sequence[Tensor], starts: Sequence[Tensor]) -> list[Tensor]:
    """The sum over the parameters with one start tensor, for each of them.

    Each domain's batch normalisation begins as one, so that at θ⁰ all of them matter alike; the cases went through one
    of them alone, and F of the others came out as 0.
    """
    together: dict[int, Tensor] = {}
    for part, at in zip(information, starts, strict=True):
        together[id(at)] = together[id(at)] + part if id(at) in together else part
    return [together[id(at)] for at in starts]


def scaled(information: Sequence[Tensor], *, normalise: bool, floor: float) -> list[Tensor]:
    """(1 − floor)·F + floor·mean(F), over mean(F) where normalised; the mean is over all elements of all parameters.

    Raises:
        ObjectiveError: `NoInformation`: F is 0 everywhere, or not finite.
    """
    mean = sum(float(part.sum()) for part in information) / sum(p.numel() for p in information)
    if not 0 < mean < float("inf"):
        raise _refusal(
            f"the mean of the Fisher information is {mean}",
            "NoInformation",
            PATH,
            "The network's answers do not depend on them, or are not finite: look at its weights, or use l2_sp.",
        )
    unit = mean if normalise else 1.0
    return [part * ((1 - floor) / unit) + floor * mean / unit for part in information]


def _cases(
    model: Classifier, data: TransferData, *, samples: int, seed: int
) -> list[tuple[Iterator[CaseLogits], bool]]:
    """Of every source (or the target) the logits of its cases, and whether their classes exclude each other."""
    if data.sources:
        each = max(1, samples // len(data.sources))
        tasks: dict[str, Task] = {name: data.tasks.get(name, model.task) for name in data.sources}
        return [
            (source_cases(model, studies, tasks[name], samples=each, seed=seed), tasks[name] != "multilabel")
            for name, studies in data.sources.items()
        ]
    head = _head(model)
    return [(target_cases(model, data.target, head, samples=samples, seed=seed), True)]


def _head(model: Classifier) -> PretrainedHead:
    """The weights' own last layer.

    Raises:
        ObjectiveError: `NoFisher`: they do not bring it.
    """
    if model.weights.head is None:
        raise _refusal(
            "there is no source cohort, and the weights do not bring their own last layer: nothing tells what each "
            "parameter was good for",
            "NoFisher",
            PATH,
            "Name a source cohort (`medtransfer plan TARGET --source SOURCE`), take weights with their head "
            "(model.weights = imagenet), or use l2_sp, which holds all parameters alike.",
        )
    return model.weights.head


def _refusal(message: str, code: str, path: str, hint: str) -> ObjectiveError:
    return ObjectiveError(message, code=code, path=path, hint=hint)
