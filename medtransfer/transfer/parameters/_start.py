"""What the pretrained weights say of the stages."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from medtransfer.core.errors import ObjectiveError
from medtransfer.models.classifier import NEW, Classifier

_SHOWN = 3


def pretrained(
    model: Classifier, start: Mapping[str, Tensor] | None, *, entry: str
) -> dict[str, tuple[nn.Parameter, Tensor]]:
    """Every parameter of the stages and a copy of its pretrained values, by name.

    A policy may have given parameters other names, or added some. Those that it keeps frozen need no start; copies
    begin where what they were copied from does.

    Args:
        model: The network to be trained.
        start: The pretrained parameters by name; None where the weights are random.
        entry: The term that asks, for errors.

    Raises:
        ObjectiveError: `NoStart`: the weights are random. `ConflictingTerms`: the pretrained weights do not know a
            parameter that moves.
    """
    start = usable_start(model, start, entry=entry)
    return {name: (p, start[name].detach().clone().to(p)) for name, p in _stages(model).items() if name in start}


def usable_start(model: Classifier, start: Mapping[str, Tensor] | None, *, entry: str) -> Mapping[str, Tensor]:
    """`start`, where there is one and it knows every parameter of the stages that moves.

    Args:
        model: The network to be trained.
        start: The pretrained parameters by name; None where the weights are random.
        entry: The term that asks, for errors.

    Raises:
        ObjectiveError: `NoStart` or `ConflictingTerms`, as of `pretrained`.
    """
    path = f"objective.parameters.{entry}"
    if start is None:
        raise ObjectiveError(
            f"{entry} needs pretrained weights to stay near to, and the weights are `none`",
            code="NoStart",
            path=path,
            hint="Set model.weights to `imagenet` or a local file, or remove the term.",
        )
    if strange := [name for name, p in _stages(model).items() if name not in start and p.requires_grad]:
        more = f" and {len(strange) - _SHOWN} more" if len(strange) > _SHOWN else ""
        raise ObjectiveError(
            f"the policy moves parameters that the pretrained weights do not know: {', '.join(strange[:_SHOWN])}{more}",
            code="ConflictingTerms",
            path=path,
            hint="Adapters (lora) hold the pretrained weights as they are already: remove the term, or take another "
            "policy.",
        )
    return start


def _stages(model: Classifier) -> dict[str, nn.Parameter]:
    return {name: p for group, members in model.groups().items() if group not in NEW for name, p in members}
