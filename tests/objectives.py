"""Small objectives, domains and terms with a known minimiser, for tests of the objective."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

from medtransfer.transfer.features import coral
from medtransfer.transfer.objective import Objective, TermValue, TradeOff
from medtransfer.transfer.risk import Risk
from medtransfer.transfer.types import POOLED, Domain, Step, Term

if TYPE_CHECKING:
    from collections.abc import Mapping


class Parabola(Term):
    """½·(x − 2)², in the gradient."""

    def __init__(self, at: torch.Tensor) -> None:
        super().__init__()
        self.at = at

    def loss(self, step: Step) -> torch.Tensor:
        del step
        return 0.5 * (self.at - 2).square().sum()


def objective_of(
    trade_off: float,
    *,
    features: Mapping[str, nn.Module] | None = None,
    risk: Risk | None = None,
    start: float | None = None,
    ramp: float = 0.5,
    **changes: Any,
) -> Objective:
    """One source, which asks the target's question."""
    risk = risk or Risk("multiclass")
    return Objective(
        trade_off=TradeOff(end=trade_off, start=start, ramp=ramp),
        target_risk=risk,
        source_risks={"source": risk},
        features={"source": features or {}},
        **changes,
    )


def terms_of(
    objective: Objective,
    source: Domain | None,
    target: Domain | None,
    weights: torch.Tensor | None = None,
    *,
    share: float = 0.0,
) -> dict[str, TermValue]:
    return objective(
        {} if source is None else {"source": source},
        target,
        None if weights is None else {"source": weights},
        share=share,
    )


def domain_of(n: int, *, classes: int = 2, seed: int = 0, labelled: bool = True) -> Domain:
    generator = torch.Generator().manual_seed(seed)
    return Domain(
        features={POOLED: torch.randn(n, 5, generator=generator)},
        logits=torch.randn(n, classes, generator=generator).requires_grad_(),
        labels=torch.randint(0, classes, (n,), generator=generator) if labelled else None,
    )


def cross_entropy(domain: Domain) -> torch.Tensor:
    assert domain.labels is not None
    return functional.cross_entropy(domain.logits, domain.labels)


def build_coral() -> torch.nn.Module:
    return coral.build(5, 2)
