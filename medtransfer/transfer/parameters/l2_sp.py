"""L2-SP: stay near the starting point.

    Ω(θ) = ½·‖θ_b − θ⁰_b‖² + ρ/2 · ‖θ_head‖²,    α = strength, β = ρ·α

Taken as a proximal step in the optimiser's own metric, since the coupled gradient diverges for large α:

    θ ← (D·θ½ + η·α·θ⁰) / (D + η·α) = θ½ + w·(θ⁰ − θ½),    w = η·α / (D + η·α)

where θ½ is what the optimiser's step gave, η the group's rate, and D the metric in which that step was taken:
√v̂ + ε for Adam, 1 − μ for heavy-ball momentum, 1 for plain SGD.

Reference: Li, Grandvalet, Davoine 2018, Explicit inductive bias for transfer learning, eq. 5;
Parikh & Boyd 2014, Proximal algorithms, §1.1 (the operator).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from medtransfer.core.errors import ObjectiveError
from medtransfer.data.tensors import Scalar
from medtransfer.models.classifier import HEAD, POOLING, Classifier
from medtransfer.transfer.types import Term, TransferData

CUTS = (".first_cut", ".gaps")
"""Parameters between ordered classes, which 0 is no neutral value of."""


def build(model: Classifier, start: Mapping[str, Tensor] | None, data: TransferData, *, head: float = 0.1) -> Term:
    """The term that anchors the stages at `start` and the head at 0.

    Args:
        model: The network to be trained.
        start: The pretrained parameters by name.
        data: Not looked at.
        head: ρ, the head's strength relative to the stages'.

    Raises:
        ObjectiveError: There is no start: the weights are random.
    """
    del data
    if start is None:
        raise ObjectiveError(
            "L2-SP needs pretrained weights to stay near to, and the weights are `none`",
            code="NoStart",
            path="objective.parameters.l2_sp",
            hint="Set model.weights to `imagenet` or a local file, or remove the term.",
        )
    anchors: dict[str, tuple[nn.Parameter, Tensor, float]] = {}
    for group, members in model.groups().items():
        if group == POOLING:  # neither pretrained nor a head: weight decay is its regulariser
            continue
        for name, parameter in members:
            if name.endswith(CUTS):
                continue
            anchor = torch.zeros_like(parameter) if group == HEAD else start[name].detach().clone().to(parameter)
            anchors[name] = (parameter, anchor, head if group == HEAD else 1.0)
    return L2SP(anchors)


class L2SP(Term):
    """Anchors by parameter name: the parameter, where it is held, and how hard relative to α."""

    proximal = True

    def __init__(self, anchors: Mapping[str, tuple[nn.Parameter, Tensor, float]]) -> None:
        self._held = {id(parameter): (parameter, anchor, share) for parameter, anchor, share in anchors.values()}
        self.anchored = frozenset(anchors)

    def loss(self) -> Scalar:
        """Sum of squares, not a squared norm: in 32 bits the latter is off by 1e-3 at 10⁷ parameters."""
        parts = [(parameter - anchor).square().sum() * (share / 2) for parameter, anchor, share in self._held.values()]
        return torch.stack(parts).sum()

    @torch.no_grad()
    def post_step(self, optimiser: torch.optim.Optimizer, *, strength: float) -> None:
        """Pull every parameter that the optimiser just moved towards its anchor."""
        for group in optimiser.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None or id(parameter) not in self._held:
                    continue
                _, anchor, share = self._held[id(parameter)]
                pull = group["lr"] * strength * share
                if pull > 0:
                    metric = step_metric(optimiser, group, parameter)
                    parameter.lerp_(anchor, pull / (metric + pull))


def step_metric(
    optimiser: torch.optim.Optimizer, group: Mapping[str, object], parameter: nn.Parameter
) -> Tensor | float:
    """D, the diagonal metric in which the optimiser took its last step.

    Raises:
        ObjectiveError: The metric of this optimiser is not known.
    """
    if isinstance(optimiser, torch.optim.Adam):  # AdamW is a kind of it
        state = optimiser.state[parameter]
        correction = math.sqrt(1 - _number(group, "betas", 1) ** float(state["step"]))
        return state["exp_avg_sq"].sqrt().div_(correction).add_(_number(group, "eps"))
    if isinstance(optimiser, torch.optim.SGD):
        return 1 - _number(group, "momentum")
    raise ObjectiveError(
        f"L2-SP does not know the metric of {type(optimiser).__name__}",
        code="UnknownOptimiser",
        path="training.optimiser",
        hint="Use adamw or sgd.",
    )


def _number(group: Mapping[str, object], key: str, index: int | None = None) -> float:
    value = group[key]
    if index is not None and isinstance(value, tuple):
        value = value[index]
    if not isinstance(value, int | float):
        msg = f"{key} of the optimiser's group is {value!r}, not a number"
        raise TypeError(msg)
    return float(value)
