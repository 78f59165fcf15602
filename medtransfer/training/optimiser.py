"""The optimiser, its schedule, and what a policy lets move."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from medtransfer.core.errors import ConfigError
from medtransfer.transfer.policies._contract import Movable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from medtransfer.core.config.training import TrainingConfig
    from medtransfer.models.classifier import Classifier
    from medtransfer.transfer.objective import Objective

TERMS = "terms"
"""Name of the group that holds the terms' own parameters (a discriminator, say)."""


def build_optimiser(model: Classifier, objective: Objective, config: TrainingConfig) -> torch.optim.Optimizer:
    """One parameter group per stage and head, each split by whether weight decay acts.

    Weight decay is left off on biases and normalisation parameters (vectors), and on whatever a term anchors.
    """
    groups = []
    for name, members in model.groups().items():
        decayed = [p for key, p in members if p.ndim > 1 and key not in objective.anchored]
        plain = [p for key, p in members if p.ndim <= 1 or key in objective.anchored]
        groups += [
            {"params": parameters, "name": name, "weight_decay": decay}
            for parameters, decay in ((decayed, config.weight_decay), (plain, 0.0))
            if parameters
        ]
    if own := [parameter for parameter in objective.parameters() if parameter.requires_grad]:
        groups.append({"params": own, "name": TERMS, "weight_decay": 0.0})
    if config.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=config.learning_rate, momentum=config.momentum)
    return torch.optim.AdamW(groups, lr=config.learning_rate)


def schedule(step: int, steps: int, *, warm_up: float) -> float:
    """Share of the learning rate at a step: up a line over `warm_up` of the steps, down half a cosine to 0."""
    rise = max(1, round(warm_up * steps))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))


def set_rates(optimiser: torch.optim.Optimizer, rates: Mapping[str, float], learning_rate: float) -> None:
    """Write each group's rate into the optimiser.

    Raises:
        ConfigError: The policy names a group that there is not.
    """
    known = {group["name"] for group in optimiser.param_groups}
    if unknown := set(rates) - known:
        raise ConfigError(
            f"the policy moves {', '.join(sorted(unknown))}, which the network does not have",
            code="UnknownGroup",
            path="policy",
            hint=f"Groups of this network: {', '.join(sorted(known - {TERMS}))}.",
        )
    for group in optimiser.param_groups:
        group["lr"] = learning_rate * rates.get(group["name"], 1.0 if group["name"] == TERMS else 0.0)


def set_frozen(model: Classifier, rates: Mapping[str, float], movable: Movable | None = None) -> None:
    """Freeze the groups whose rate is 0: no gradient, and batch statistics as they are.

    Of groups that move, parameters that are not `movable` are held, too.
    """
    model.train()
    for name, members in model.groups().items():
        moves = rates.get(name, 0.0) > 0
        for key, parameter in members:
            trained = moves and (movable is None or key in movable.names)
            parameter.requires_grad_(trained)
            if not trained:
                parameter.grad = None
        for module in model.group_modules(name):
            module.train(moves)
            if movable is not None and not movable.statistics:
                _keep_statistics(module)


def _keep_statistics(module: nn.Module) -> None:
    for inner in module.modules():
        if isinstance(inner, _BatchNorm):
            inner.eval()


def gradient_norm(parameters: Iterable[nn.Parameter]) -> float:
    """‖g‖₂ of the gradients as they stand; 0 where there are none."""
    return math.sqrt(sum(float(p.grad.float().square().sum()) for p in parameters if p.grad is not None))
