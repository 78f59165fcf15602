"""The optimiser, its schedule, and what a policy lets move."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from medtransfer.core.config.transfer import POLICIES, PolicyConfig
from medtransfer.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch import nn

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
    if own := list(objective.parameters()):
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


def policy_rates(policy: PolicyConfig, model: Classifier, progress: float) -> dict[str, float]:
    """What the policy says at `progress` epochs.

    Raises:
        ConfigError: A setting is of the wrong kind, or a rate is no number of at least 0.
    """
    try:
        rates = POLICIES.get(policy.name)(model, progress, **policy.settings)
        usable = all(math.isfinite(rate) and rate >= 0 for rate in rates.values())
    except TypeError as error:
        raise _bad_policy(policy, str(error)) from error
    if not usable:
        raise _bad_policy(policy, f"rates {rates}")
    return rates


def _bad_policy(policy: PolicyConfig, what: str) -> ConfigError:
    return ConfigError(
        f"{policy.settings} cannot be used: {what}",
        code="BadValue",
        path=f"policy.settings ({policy.name})",
        hint="Rates and epochs are finite numbers of at least 0; 0 freezes.",
    )


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


def set_frozen(model: Classifier, rates: Mapping[str, float]) -> None:
    """Freeze the groups whose rate is 0: no gradient, and batch statistics as they are."""
    model.train()
    for name, members in model.groups().items():
        moves = rates.get(name, 0.0) > 0
        for _, parameter in members:
            parameter.requires_grad_(moves)
            if not moves:
                parameter.grad = None
        for module in model.group_modules(name):
            module.train(moves)


def gradient_norm(parameters: Iterable[nn.Parameter]) -> float:
    """‖g‖₂ of the gradients as they stand; 0 where there are none."""
    return math.sqrt(sum(float(p.grad.float().square().sum()) for p in parameters if p.grad is not None))
