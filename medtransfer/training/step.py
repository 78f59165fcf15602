"""One optimiser step, in the order the formula is read: draw, forward, terms, backward, clip, step, post-step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor

from medtransfer.core.config.plan import Plan
from medtransfer.core.errors import TrainingError
from medtransfer.core.types import CaseWeights, ClassIndices, ClassOffsets
from medtransfer.data.dataset import StudySet
from medtransfer.data.order import Order
from medtransfer.models.classifier import Classifier
from medtransfer.models.encode import named_failures
from medtransfer.training.optimiser import gradient_norm, policy_rates, schedule, set_frozen, set_rates
from medtransfer.transfer.objective import Objective, TermValue, total
from medtransfer.transfer.types import POOLED, Domain

_NAMED = 8


@dataclass(frozen=True, kw_only=True)
class FitData:
    """Prepared cases of every part of a fit."""

    target: StudySet
    validation: StudySet | None
    source: StudySet | None
    source_weights: CaseWeights | None = None
    """Weights of the source cases, global mean 1."""
    target_sampling: CaseWeights | None = None
    """Draw target cases in proportion to these (balanced sampling)."""
    source_sampling: CaseWeights | None = None
    log_offset: ClassOffsets | None = None
    """How much too large the logit of each class comes out under the imbalance settings, or None for not at all."""


@dataclass(kw_only=True)
class Loop:
    """Everything a step touches.

    Attributes:
        forward: The model inside Fabric, which casts to the chosen precision.
        steps: Planned for the whole run.
        steps_per_epoch: An epoch passes over the target, or over the source where λ = 0.
        rates: What the policy said at the last step.
    """

    fabric: Fabric
    model: Classifier
    forward: torch.nn.Module
    objective: Objective
    optimiser: torch.optim.Optimizer
    data: FitData
    plan: Plan
    target_order: Order
    source_order: Order | None
    steps: int
    steps_per_epoch: int
    rates: dict[str, float] = field(default_factory=dict)


def train_step(loop: Loop, step: int) -> tuple[dict[str, TermValue], dict[str, float] | None]:
    """Do one step.

    Returns:
        The terms at this step, and, at the first step of an epoch, the norm of each one's gradient.

    Raises:
        TrainingError: Loss or gradient is not finite; nothing has been stepped. `OutOfMemory`.
    """
    epoch = step // loop.steps_per_epoch
    _follow_policy(loop, step)
    torch.manual_seed(_step_seed(loop.plan.seed, step))
    source, source_weights, source_cases = _source(loop, step)
    target, target_cases = _target(loop, step)
    terms = loop.objective(source, target, source_weights)

    def names() -> list[str]:
        bad, other = _names(loop.data.target, target_cases, target)
        bad_source, other_source = _names(loop.data.source, source_cases, source)
        return [*bad, *bad_source, *other, *other_source]

    _require_finite(float(total(terms).detach()), "loss", step, epoch, names)
    with _shortage_named(loop, source_cases, target_cases):
        norms = _backward(loop, terms, measure=step % loop.steps_per_epoch == 0)
        _require_finite(clipped := _clip(loop), "gradient", step, epoch, names)
        loop.optimiser.step()
    loop.objective.post_step(loop.optimiser, share=clipped)
    return terms, norms


def _clip(loop: Loop) -> float:
    """Scale the gradient down to `clip_norm` where it is longer; returns by how much, NaN where it is not finite.

    The proximal terms are scaled by the same share. Left as they are, they would count for more than the plan says
    whenever the gradient is clipped: the minimiser would be that of the strength divided by the share.
    """
    largest = loop.plan.training.clip_norm
    norm = float(torch.nn.utils.clip_grad_norm_([p for p in loop.model.parameters() if p.grad is not None], largest))
    if not math.isfinite(norm):
        return math.nan
    return min(1.0, largest / norm) if norm > 0 else 1.0


def _backward(loop: Loop, terms: dict[str, TermValue], *, measure: bool) -> dict[str, float] | None:
    """Put J's gradient into the parameters; where asked, term by term, so that each one's norm is seen.

    ∂J/∂θ = Σ w_k·∂Ω_k/∂θ either way. Terms share their forward pass, so measuring costs less than one step more. Of a
    proximal term, which J's own gradient leaves out, the norm is that of the gradient its post-step stands for.
    """
    loop.optimiser.zero_grad(set_to_none=True)
    if not measure:
        loop.fabric.backward(total(terms))
        return None
    norms: dict[str, float] = {}
    summed: dict[torch.nn.Parameter, Tensor] = {}
    for name, term in terms.items():
        value = term.value if term.in_gradient else loop.objective.parameter_terms[name].loss()
        if value.requires_grad:
            loop.fabric.backward(value, retain_graph=True)
        norms[name] = gradient_norm(loop.model.parameters())
        for parameter in chain(loop.model.parameters(), loop.objective.parameters()):
            if term.in_gradient and parameter.grad is not None:
                weighted = parameter.grad.mul_(term.weight)
                summed[parameter] = summed[parameter].add_(weighted) if parameter in summed else weighted
            parameter.grad = None
    for parameter, gradient in summed.items():
        parameter.grad = gradient
    return norms


def _follow_policy(loop: Loop, step: int) -> None:
    """What may move at this step, and how fast."""
    rates = policy_rates(loop.plan.policy, loop.model, step / loop.steps_per_epoch)
    share = schedule(step, loop.steps, warm_up=loop.plan.training.warm_up)
    set_rates(loop.optimiser, rates, loop.plan.training.learning_rate * share)
    if not loop.model.training or _frozen(rates) != _frozen(loop.rates) or not loop.rates:
        set_frozen(loop.model, rates)
    loop.rates = rates


def _frozen(rates: dict[str, float]) -> set[str]:
    return {name for name, rate in rates.items() if rate == 0}


def _source(loop: Loop, step: int) -> tuple[Domain | None, Tensor | None, ClassIndices | None]:
    if loop.source_order is None or loop.data.source is None:
        return None, None, None
    cases, epoch = loop.source_order.at(step)
    domain = _forward(loop, loop.data.source, cases, epoch, head=loop.model.source_head())
    if loop.data.source_weights is None:
        return domain, None, cases
    weights = torch.from_numpy(loop.data.source_weights[cases].astype(np.float32))
    return domain, weights.to(loop.fabric.device), cases


def _target(loop: Loop, step: int) -> tuple[Domain | None, ClassIndices | None]:
    if not loop.objective.needs_target:
        return None, None
    cases, epoch = loop.target_order.at(step)
    return _forward(loop, loop.data.target, cases, epoch, head="head"), cases


def _forward(loop: Loop, studies: StudySet, cases: ClassIndices, epoch: int, *, head: str) -> Domain:
    """One domain through the network; domains never share a batch, so that neither's statistics leak."""
    batch, labels = studies.batch(cases, augmentation=loop.plan.augment, seed=loop.plan.seed, epoch=epoch)
    output = loop.forward(batch, head=head)
    return Domain(features={POOLED: output.features}, logits=output.logits, labels=labels.to(loop.fabric.device))


@contextmanager
def _shortage_named(loop: Loop, source: ClassIndices | None, target: ClassIndices | None) -> Iterator[None]:
    """Of the backward pass, too, a failed allocation names the larger batch: activations are computed again there.

    Raises:
        TrainingError: `OutOfMemory`.
    """
    try:
        yield
    except (RuntimeError, MemoryError):
        parts = [(loop.data.source, source), (loop.data.target, target)]
        batches = [studies.batch(cases)[0] for studies, cases in parts if studies is not None and cases is not None]
        with named_failures(max(batches, key=lambda batch: len(batch.layout.study)), loop.model.chunk):
            raise


def _require_finite(value: float, what: str, step: int, epoch: int, names: Callable[[], list[str]]) -> None:
    if not math.isfinite(value):
        batch = names()
        shown = ", ".join(batch[:_NAMED]) + (f" and {len(batch) - _NAMED} more" if len(batch) > _NAMED else "")
        raise TrainingError(
            f"the {what} is not finite at step {step} (epoch {epoch}); the batch was: {shown}",
            code="NotFinite",
            hint="The last good checkpoint is kept. Look at these images, or lower training.learning_rate.",
        )


def _names(studies: StudySet | None, cases: ClassIndices | None, domain: Domain | None) -> tuple[list[str], list[str]]:
    """What one domain's batch was, for an error: cases whose own logits are not finite, and the others."""
    if studies is None or cases is None or domain is None:
        return [], []
    bad = (~domain.logits.detach().isfinite().all(dim=1)).cpu().numpy()
    first, rest = ([studies.names[int(case)] for case in part] for part in (cases[bad], cases[~bad]))
    return first, rest


def _step_seed(seed: int, step: int) -> int:
    """Seed of the random draws inside the network (dropout, say), a function of (seed, step) alone."""
    return int(np.random.SeedSequence([seed, step]).generate_state(1)[0])
