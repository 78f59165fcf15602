"""The diagonal of the Fisher information, from one case at a time.

    F_i = E_x E_{y ~ p(y | x, θ)} [∂ log p(y | x, θ) / ∂θ_i]² = E_x diag(Jᵀ·C·J)_i,    J = ∂z/∂θ,  C = Cov(y | x)

z are the logits of one case. For one of several classes, p = softmax(z) and C = diag(p) − p·pᵀ; for several labels,
p = σ(z) and C = diag(p·(1 − p)). With C = Σ_k b_k·b_kᵀ the expectation over y is exact at one backward pass for each
b_k: classes − 1 of them, or one a label. Above `FEW` passes a case, y is drawn from p instead, and b = y − p: unbiased,
at one pass.

Labels are the model's, never the true ones: the squared gradients of these (the "empirical Fisher") are another matrix,
which vanishes where the model fits. The square of a batch's mean gradient is another again, smaller by about its size.

Reference: Martens 2020, New insights and perspectives on the natural gradient method; van de Ven 2025, On the
computation of the Fisher information in continual learning.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor, nn

CaseLogits = Float[Tensor, " class"]
Directions = Float[Tensor, "direction class"]

FEW = 8
"""Most backward passes a case; with more, one drawn label says as much for the time."""


def fisher_diagonal(
    cases: Iterable[CaseLogits],
    parameters: Sequence[nn.Parameter],
    *,
    exclusive: bool,
    generator: torch.Generator,
) -> list[Tensor]:
    """Mean over the cases of diag(Jᵀ·C·J), in each parameter's shape and in at least 32 bits.

    Args:
        cases: Logits of one case each, with their graph, made when they are asked for.
        parameters: What F is of. One that has no part in the logits has F = 0.
        exclusive: One of several classes; otherwise several labels.
        generator: On the CPU; where labels are drawn.
    """
    sums = [torch.zeros_like(p, dtype=torch.promote_types(p.dtype, torch.float32)) for p in parameters]
    count = 0
    for logits in cases:
        count += 1
        directions = label_directions(logits.detach(), exclusive=exclusive, generator=generator)
        for number, direction in enumerate(directions, start=1):
            kept = number < len(directions)
            gradients = torch.autograd.grad(logits, parameters, direction, retain_graph=kept, allow_unused=True)
            for total, gradient in zip(sums, gradients, strict=True):
                if gradient is not None:
                    wide = gradient.to(total.dtype)
                    total.addcmul_(wide, wide)
    return [total.div_(max(1, count)) for total in sums]


def label_directions(logits: CaseLogits, *, exclusive: bool, generator: torch.Generator) -> Directions:
    """b_k with Σ_k b_k·b_kᵀ = Cov(y | x), or one drawn b with E[b·bᵀ] equal to it."""
    z = logits.cpu().double()
    p = z.softmax(dim=0) if exclusive else z.sigmoid()
    if len(z) - exclusive <= FEW:
        found = _square_root(p) if exclusive else (p * (1 - p)).sqrt().diag()
    elif exclusive:
        drawn = torch.multinomial(p, 1, generator=generator)
        found = nn.functional.one_hot(drawn, len(p)) - p
    else:
        found = (torch.bernoulli(p, generator=generator) - p)[None]
    return found.to(logits)


def _square_root(p: Float[Tensor, " class"]) -> Directions:
    """Rows b_k with Σ_k b_k·b_kᵀ = diag(p) − p·pᵀ; one fewer than classes, since its rows add up to 0."""
    values, vectors = torch.linalg.eigh(p.diag() - torch.outer(p, p))  # rising; the first value is the 0
    return (vectors * values.clamp(min=0).sqrt()).T[1:]


@contextmanager
def differentiable(model: nn.Module, parameters: Sequence[nn.Parameter]) -> Iterator[None]:
    """Evaluation mode, with gradients of these parameters, frozen or not; everything is as it was afterwards."""
    was_training = {module: module.training for module in model.modules()}
    moved = [parameter.requires_grad for parameter in parameters]
    model.eval()
    for parameter in parameters:
        parameter.requires_grad_()
    try:
        with torch.enable_grad():
            yield
    finally:
        for module, training in was_training.items():
            module.training = training
        for parameter, moves in zip(parameters, moved, strict=True):
            parameter.requires_grad_(moves)
