"""Domain-specific batch normalisation: everything is shared but the statistics, scales and shifts.

    y = γ_d·(x − μ_d)/√(σ_d² + ε) + β_d    for a picture of domain d

so that what differs between two scanners in mean and contrast of a channel is taken off before it reaches the features.
Every domain begins with the pretrained set; the target's is the one that is kept. Terms that hold parameters at the
pretrained weights (L2-SP, EWC) hold every domain's set there.

Reference: Chang et al. 2019, Domain-specific batch normalization for unsupervised domain adaptation, §3.2.
"""

from __future__ import annotations

import copy
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from medtransfer.core.errors import ConfigError
from medtransfer.models.classifier import NEW
from medtransfer.transfer.types import TARGET

if TYPE_CHECKING:
    from medtransfer.models.classifier import Classifier
    from medtransfer.transfer.types import Progress


class DomainBatchNorm(nn.Module):
    """One batch normalisation per domain, of which one is in use.

    Attributes:
        domains: Their names, the target's first; `norms` are in the same order.
        chosen: Number of the domain whose pictures are coming.
    """

    def __init__(self, norm: _BatchNorm, domains: tuple[str, ...]) -> None:
        """The target keeps the norm that was there; each other domain gets a copy."""
        super().__init__()
        self.norms = nn.ModuleList([norm, *(copy.deepcopy(norm) for _ in domains[1:])])
        self.domains = domains
        self.chosen = 0

    def forward(self, inputs: Tensor) -> Tensor:
        """The shape that batch normalisation takes, and gives."""
        return self.norms[self.chosen](inputs)

    def as_now(self) -> AbstractContextManager[None]:
        """A context in which the domain is the one that is chosen now; it can be entered again and again.

        For whoever computes a piece of one domain again after the next domain has had its turn (gradient checkpoints).
        """
        return _AsBefore(self)


class _AsBefore(AbstractContextManager[None]):
    def __init__(self, norm: DomainBatchNorm) -> None:
        self._norm, self._chosen = norm, norm.chosen
        self._outside: list[int] = []

    def __enter__(self) -> None:
        self._outside.append(self._norm.chosen)
        self._norm.chosen = self._chosen

    def __exit__(self, *_: object) -> None:
        self._norm.chosen = self._outside.pop()


def groups(model: Classifier, progress: Progress, *, backbone: float = 1.0) -> dict[str, float]:
    """Rate of each group relative to the learning rate; `backbone` is that of every stage; pooling and head have 1."""
    del progress
    return {group: 1.0 if group in NEW else backbone for group in model.groups()}


def prepare(model: Classifier) -> None:
    """Give every batch normalisation of the backbone a set for the target, and one for each source.

    Raises:
        ConfigError: `NoSource`: the target is the only domain; `NothingToMove`: there is no batch normalisation.
    """
    if not model.source_names:
        raise ConfigError(
            "the target is the only domain, and has nothing to be told apart from",
            code="NoSource",
            path="policy.name (domain_batch_norm)",
            hint="Name a source cohort, or set policy.name = full.",
        )
    domains = (TARGET, *model.source_names)
    norms = [(name, module) for name, module in model.backbone.named_modules() if isinstance(module, _BatchNorm)]
    if not norms:
        raise ConfigError(
            "the network has no batch normalisation of which domains could have sets of their own",
            code="NothingToMove",
            path="policy.name (domain_batch_norm)",
            hint="Take a backbone that has some (resnet18, mobilenet_v2, densenet121), or policy.name = full.",
        )
    for name, norm in norms:
        model.backbone.set_submodule(name, DomainBatchNorm(norm, domains))


def copies(model: Classifier) -> dict[str, str]:
    """Every source's scales and shifts began as the target's: name → name."""
    return {
        f"backbone.{name}.norms.{number}.{parameter}": f"backbone.{name}.norms.0.{parameter}"
        for name, norm in _norms(model).items()
        for number in range(1, len(norm.domains))
        for parameter, _ in norm.norms[0].named_parameters()
    }


def before_forward(model: Classifier, domain: str) -> None:
    """From now on pictures are this domain's.

    Raises:
        ConfigError: `UnknownDomain`: there was no such domain when the network was prepared.
    """
    for norm in _norms(model).values():
        if domain not in norm.domains:
            raise ConfigError(
                f"there is no domain '{domain}'",
                code="UnknownDomain",
                path="policy.name (domain_batch_norm)",
                hint=f"Domains: {', '.join(norm.domains)}.",
            )
        norm.chosen = norm.domains.index(domain)


def finish(model: Classifier) -> None:
    """Leave the target's batch normalisation where it was, under its old names."""
    for name, norm in _norms(model).items():
        model.backbone.set_submodule(name, norm.norms[0])


def _norms(model: Classifier) -> dict[str, DomainBatchNorm]:
    return {name: module for name, module in model.backbone.named_modules() if isinstance(module, DomainBatchNorm)}
