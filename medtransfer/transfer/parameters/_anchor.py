"""Anchors: hold parameters near given values, by a proximal step in the optimiser's own metric.

    Ω(θ) = ½·Σ_i F_i·(θ_i − θ⁰_i)²

    θ ← (D·θ½ + η·α·F·θ⁰) / (D + η·α·F) = θ½ + w·(θ⁰ − θ½),    w = 1 / (1 + D / (η·α·F))

where θ½ is what the optimiser's step gave, η the group's rate, α the effective strength, and D the diagonal metric in
which that step was taken: √v̂ + ε for Adam, 1 − μ for heavy-ball momentum, 1 for plain SGD. In the gradient such a term
makes plain SGD diverge once η·α·F > 2. This step is finite for every α ≥ 0, with θ = θ⁰ in the limit. F is one number
for a whole parameter (L2-SP) or one for each of its elements (EWC).

One such term on a parameter has the formula's minimiser. Of two, taken one after the other, each undoes a part of the
other's step.

Reference: Parikh & Boyd 2014, Proximal algorithms, §1.1 (the operator) and §4.2 (after a gradient step).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from medtransfer.core.errors import ObjectiveError
from medtransfer.data.tensors import Scalar
from medtransfer.transfer.types import Step, Term

STRONGEST = 1e20
"""A larger η·α holds no better in 32 bits, and overflows there."""


class Anchor(NamedTuple):
    """Where a parameter is held: F is `share`, times `diagonal` where there is one.

    Attributes:
        parameter: The network's own.
        at: θ⁰, in the parameter's shape.
        share: How hard relative to α; 0: not at all.
        diagonal: How hard each element is held, none below 0; all anchors of a term have one, or none has.
    """

    parameter: nn.Parameter
    at: Tensor
    share: float = 1.0
    diagonal: Tensor | None = None


class Anchored(Term):
    """Holds parameters near their anchors.

    It has no state: what it holds to is loaded or computed again when it is built. Anchors follow their parameters to
    another device or memory format.
    """

    proximal = True

    def __init__(self, anchors: Mapping[str, Anchor], *, note: str = "") -> None:
        """Hold the parameters of these names.

        Args:
            anchors: By the parameter's name in the network.
            note: What a reader of the results must know of F.
        """
        super().__init__()
        self.note = note
        self.anchored = frozenset(anchors)
        self._held = {id(anchor.parameter): anchor for anchor in anchors.values() if anchor.share > 0}

    def loss(self, step: Step) -> Scalar:
        """Sums of squares, not squared norms: in 32 bits a norm is off by 4e-4 at 10⁷ parameters, a sum by 1e-7."""
        del step
        held = self._anchors([anchor.parameter for anchor in self._held.values()])
        gaps = torch._foreach_sub([_wide(anchor.parameter) for anchor in held], [_wide(anchor.at) for anchor in held])
        squares = torch._foreach_mul(gaps, gaps)
        if diagonals := _diagonals(held):
            torch._foreach_mul_(squares, diagonals)
        sums = torch._foreach_mul([part.sum() for part in squares], [anchor.share / 2 for anchor in held])
        return torch.stack(sums).sum()

    @torch.no_grad()
    def post_step(self, optimiser: torch.optim.Optimizer, *, strength: float) -> None:
        """Pull every parameter that the optimiser just moved towards its anchor."""
        for group in optimiser.param_groups:
            pull = min(group["lr"] * strength, STRONGEST)
            parameters = [p for p in group["params"] if p.grad is not None and p.requires_grad and id(p) in self._held]
            if pull <= 0 or not parameters:
                continue
            held = self._anchors(parameters)
            ratios = step_metric(optimiser, group, parameters)
            torch._foreach_div_(ratios, [pull * anchor.share for anchor in held])
            if diagonals := _diagonals(held):
                ratios = torch._foreach_div(ratios, diagonals)
            torch._foreach_add_(ratios, 1)
            torch._foreach_reciprocal_(ratios)
            weights = [weight.to(p.dtype) for weight, p in zip(ratios, parameters, strict=True)]
            torch._foreach_lerp_(parameters, [anchor.at for anchor in held], weights)

    def _anchors(self, parameters: Sequence[nn.Parameter]) -> list[Anchor]:
        """The anchors of these parameters, lying in memory as they do now."""
        for parameter in parameters:
            anchor = self._held[id(parameter)]
            if not _lie_alike(anchor.at, parameter):
                at = torch.empty_like(parameter).copy_(anchor.at)
                diagonal = anchor.diagonal
                if diagonal is not None:
                    diagonal = torch.empty_like(parameter, dtype=diagonal.dtype).copy_(diagonal)
                self._held[id(parameter)] = anchor._replace(at=at, diagonal=diagonal)
        return [self._held[id(parameter)] for parameter in parameters]


def step_metric(
    optimiser: torch.optim.Optimizer, group: Mapping[str, object], parameters: Sequence[nn.Parameter]
) -> list[Tensor]:
    """D, the diagonal metric in which the optimiser took its last step: in a parameter's shape, or one number.

    Raises:
        ObjectiveError: The metric of this optimiser is not known.
    """
    if isinstance(optimiser, torch.optim.Adam):  # AdamW is a kind of it
        states = [optimiser.state[parameter] for parameter in parameters]
        decay = _number(group, "betas", 1)
        metric = torch._foreach_sqrt([_wide(state["exp_avg_sq"]) for state in states])
        torch._foreach_div_(metric, [math.sqrt(1 - decay ** float(state["step"])) for state in states])
        torch._foreach_add_(metric, _number(group, "eps"))
        return list(metric)
    if isinstance(optimiser, torch.optim.SGD):
        left = 1 - _number(group, "momentum")
        return [torch.full((), left, dtype=_wide_type(p.dtype), device=p.device) for p in parameters]
    raise ObjectiveError(
        f"the metric of {type(optimiser).__name__} is not known to proximal terms (l2, l2_sp, ewc)",
        code="UnknownOptimiser",
        path="training.optimiser",
        hint="Use adamw or sgd.",
    )


def _diagonals(held: Sequence[Anchor]) -> list[Tensor]:
    return [anchor.diagonal for anchor in held if anchor.diagonal is not None]


def _lie_alike(tensor: Tensor, parameter: Tensor) -> bool:
    same_type = tensor.device == parameter.device and tensor.dtype == parameter.dtype
    return same_type and tensor.stride() == parameter.stride()


def _wide(tensor: Tensor) -> Tensor:
    """At least 32 bits; where it has them, itself."""
    return tensor.to(_wide_type(tensor.dtype))


def _wide_type(dtype: torch.dtype) -> torch.dtype:
    return torch.promote_types(dtype, torch.float32)


def _number(group: Mapping[str, object], key: str, index: int | None = None) -> float:
    value = group[key]
    if index is not None and isinstance(value, tuple):
        value = value[index]
    if not isinstance(value, int | float):
        msg = f"{key} of the optimiser's group is {value!r}, not a number"
        raise TypeError(msg)
    return float(value)
