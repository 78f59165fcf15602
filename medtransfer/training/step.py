"""One optimiser step, in the order the formula is read: draw, forward, terms, backward, clip, step, post-step."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from medtransfer.core.errors import TrainingError
from medtransfer.core.types import ClassIndices
from medtransfer.data.dataset import StudySet
from medtransfer.models.classifier import HEAD
from medtransfer.models.encode import named_failures
from medtransfer.models.watch import Watcher
from medtransfer.training.loop import Loop
from medtransfer.training.optimiser import gradient_norm, schedule, set_frozen, set_rates
from medtransfer.transfer.objective import TermValue, total
from medtransfer.transfer.types import POOLED, TARGET, Domain

_NAMED = 8


class Part(NamedTuple):
    """One domain's batch: its cases, what the network made of them, and their instance weights."""

    studies: StudySet
    cases: ClassIndices
    domain: Domain
    weights: Tensor | None = None

    def names(self) -> tuple[list[str], list[str]]:
        """For an error: cases whose own logits are not finite, and the others."""
        bad = (~self.domain.logits.detach().isfinite().all(dim=1)).cpu().numpy()
        first, rest = ([self.studies.names[int(case)] for case in part] for part in (self.cases[bad], self.cases[~bad]))
        return first, rest


def train_step(loop: Loop, step: int) -> tuple[dict[str, TermValue], dict[str, float] | None]:
    """Do one step.

    Returns:
        The terms at this step, and, at the last step of an epoch, the norm of each one's gradient with respect to the
        network; of a proximal term, how far it moved the parameters over the rate.

    Raises:
        TrainingError: Loss or gradient is not finite; nothing has been stepped. `OutOfMemory`.
    """
    epoch, share = step // loop.steps_per_epoch, loop.progress(step).share
    measure = (step + 1) % loop.steps_per_epoch == 0
    if step % loop.steps_per_epoch == 0:
        _weigh_again(loop, epoch)
    _follow_policy(loop, step)
    torch.manual_seed(_step_seed(loop.plan.seed, step))
    parts = _domains(loop, step)
    sources = {name: part.domain for name, part in parts.items() if name != TARGET}
    weights = {name: part.weights for name, part in parts.items() if part.weights is not None}
    target = parts[TARGET].domain if TARGET in parts else None
    terms = loop.objective(sources, target, weights, share=share)

    _require_finite(float(total(terms).detach()), "loss", step, epoch, parts)
    with _shortage_named(loop, parts):
        norms = _backward(loop, terms) if measure else _backward_at_once(loop, terms)
        clipped = _clip(loop)
        _require_finite(clipped, "gradient", step, epoch, parts)
        loop.optimiser.step()
    moved = _post_step(loop, clipped=clipped, share=share, measure=measure)
    if loop.averaging is not None:
        loop.averaging.after_step(loop.model, loop.progress(step + 1))
    return terms, {**norms, **moved} if measure else None


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


def _backward_at_once(loop: Loop, terms: dict[str, TermValue]) -> dict[str, float]:
    """Put J's gradient into the parameters."""
    loop.optimiser.zero_grad(set_to_none=True)
    loop.fabric.backward(total(terms))
    return {}


def _backward(loop: Loop, terms: dict[str, TermValue]) -> dict[str, float]:
    """Put J's gradient into the parameters term by term, so that each one's norm is seen.

    ∂J/∂θ = Σ w_k·∂Ω_k/∂θ either way. Terms share their forward pass, so measuring costs less than one step more.
    The norm is over the network's parameters alone: a term that teaches only its own discriminator, or its own copy of
    the pretrained head, does nothing for the network.
    """
    loop.optimiser.zero_grad(set_to_none=True)
    norms: dict[str, float] = {}
    summed: dict[torch.nn.Parameter, Tensor] = {}
    parameters = [*loop.model.parameters(), *loop.objective.parameters()]
    for name, term in terms.items():
        if not term.in_gradient:
            continue
        if term.value.requires_grad:
            loop.fabric.backward(term.value, retain_graph=True)
        norms[name] = gradient_norm(loop.model.parameters())
        for parameter in parameters:
            if parameter.grad is not None:
                weighted = parameter.grad.mul_(term.weight)
                summed[parameter] = summed[parameter].add_(weighted) if parameter in summed else weighted
            parameter.grad = None
    for parameter, gradient in summed.items():
        parameter.grad = gradient
    return norms


def _post_step(loop: Loop, *, clipped: float, share: float, measure: bool) -> dict[str, float]:
    """Let proximal terms act; where asked, how far each one moved the parameters over their rates, ‖Δθ/η‖₂."""
    if not measure:
        loop.objective.post_step(loop.optimiser, clipped=clipped, share=share)
        return {}
    moved: dict[str, float] = {}
    for name in loop.objective.proximal:
        moving = [(g["lr"], p) for g in loop.optimiser.param_groups for p in g["params"] if p.grad is not None]
        before = [parameter.detach().clone() for _, parameter in moving]
        loop.objective.post_step(loop.optimiser, clipped=clipped, share=share, only=name)
        moved[name] = math.sqrt(
            sum(
                float((parameter.detach() - old).float().square().sum()) / rate**2
                for (rate, parameter), old in zip(moving, before, strict=True)
                if rate > 0
            )
        )
    return moved


def _weigh_again(loop: Loop, epoch: int) -> None:
    """Compute the instance weights from the features as they are now, where the plan wants that."""
    if loop.data.weighting is not None and loop.data.weighting.is_due(epoch):
        loop.policy.before_forward(loop.model, TARGET)
        found = loop.data.weighting.weigh(loop.model)
        loop.set_source_weights({name: weights.values for name, weights in found.items()})


def _follow_policy(loop: Loop, step: int) -> None:
    """What may move at this step, and how fast."""
    progress = loop.progress(step if loop.swept_rate is None else loop.steps)
    rates = loop.policy.rates(loop.model, progress)
    set_rates(loop.optimiser, rates, loop.swept_rate or _learning_rate(loop, step))
    if not loop.model.training or _frozen(rates) != _frozen(loop.rates) or not loop.rates:
        set_frozen(loop.model, rates, loop.policy.movable(loop.model))
    loop.rates = rates


def _learning_rate(loop: Loop, step: int) -> float:
    """The plan's, times what the policy's schedule says, or else the loop's own."""
    share = loop.policy.schedule(loop.progress(step))
    if share is None:
        share = schedule(step, loop.steps, warm_up=loop.plan.training.warm_up)
    return loop.plan.training.learning_rate * share


def _frozen(rates: dict[str, float]) -> set[str]:
    return {name for name, rate in rates.items() if rate == 0}


def _domains(loop: Loop, step: int) -> dict[str, Part]:
    """Every domain's part of a step; domains never share a batch, so that neither's statistics leak."""
    watchers, parts = loop.objective.watchers, {}
    for name, order in loop.source_orders.items():
        cases, epoch = order.at(step)
        seen = {} if loop.objective.needs_target else watchers
        domain = _forward(loop, step, loop.data.sources[name], cases, epoch, name=name, watchers=seen)
        parts[name] = Part(loop.data.sources[name], cases, domain, _case_weights(loop, name, cases))
        if not loop.objective.needs_target:
            watchers = {}
    if loop.objective.needs_target:
        cases, epoch = loop.target_cases(step)
        domain = _forward(loop, step, loop.data.target, cases, epoch, name=TARGET, watchers=watchers)
        parts[TARGET] = Part(loop.data.target, cases, domain)
    return parts


def _case_weights(loop: Loop, name: str, cases: ClassIndices) -> Tensor | None:
    if name not in loop.source_weights or loop.plan.objective.instances_by == "sampling":
        return None
    return torch.from_numpy(loop.source_weights[name][cases].astype(np.float32)).to(loop.fabric.device)


def _forward(
    loop: Loop,
    step: int,
    studies: StudySet,
    cases: ClassIndices,
    epoch: int,
    *,
    name: str,
    watchers: Mapping[str, Watcher],
) -> Domain:
    """One domain through the network."""
    batch, labels = studies.batch(cases, augmentation=loop.plan.augment, seed=loop.plan.seed, epoch=epoch)
    loop.policy.before_forward(loop.model, name)
    head = HEAD if name == TARGET else loop.model.head_of(name)
    output = loop.forward(batch, head=head, taps=loop.objective.taps, watchers=watchers)
    return Domain(
        features={POOLED: output.features, **output.taps},
        logits=output.logits,
        labels=labels.to(loop.fabric.device),
        watched=output.watched,
        share=loop.progress(step).share,
    )


@contextmanager
def _shortage_named(loop: Loop, parts: Mapping[str, Part]) -> Iterator[None]:
    """Of the backward pass, too, a failed allocation names the largest batch: activations are computed again there.

    Raises:
        TrainingError: `OutOfMemory`.
    """
    try:
        yield
    except (RuntimeError, MemoryError):
        batches = [part.studies.batch(part.cases)[0] for part in parts.values()]
        with named_failures(max(batches, key=lambda batch: len(batch.layout.study)), loop.model.chunk):
            raise


def _require_finite(value: float, what: str, step: int, epoch: int, parts: Mapping[str, Part]) -> None:
    if math.isfinite(value):
        return
    named = [part.names() for part in parts.values()]
    batch = [name for bad, _ in named for name in bad] + [name for _, rest in named for name in rest]
    shown = ", ".join(batch[:_NAMED]) + (f" and {len(batch) - _NAMED} more" if len(batch) > _NAMED else "")
    raise TrainingError(
        f"the {what} is not finite at step {step} (epoch {epoch}); the batch was: {shown}",
        code="NotFinite",
        hint="The last good checkpoint is kept. Look at these images, or lower training.learning_rate.",
    )


def _step_seed(seed: int, step: int) -> int:
    """Seed of the random draws inside the network (dropout, say), a function of (seed, step) alone."""
    return int(np.random.SeedSequence([seed, step]).generate_state(1)[0])
