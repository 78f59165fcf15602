"""A toy problem: the label hangs on two inputs, the hospital on two others, and an adversary makes the features forget
the hospital."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from medtransfer.core.config.transfer import FEATURES
from medtransfer.transfer.types import POOLED, Domain

SEED, STEPS, SHIFT = 2, 400, 1.5


class Found(NamedTuple):
    """Accuracy of a linear classifier of domains on fresh features, and of the head on the target."""

    domains: float
    target: float


def _hospital(cases: int, generator: torch.Generator, *, shift: float) -> tuple[Tensor, Tensor]:
    inputs = torch.randn(cases, 8, generator=generator)
    inputs[:, 6:] += shift
    return inputs, (inputs[:, 0] + inputs[:, 1] > 0).long()


def _train(name: str | None) -> Found:
    """The source has labels, the target has none."""
    generator = torch.Generator().manual_seed(SEED)
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        encoder, head = nn.Linear(8, 4), nn.Linear(4, 2)
        term = None if name is None else FEATURES.get(name)(4, 2, hidden=128)
    parameters = [*encoder.parameters(), *head.parameters(), *(term.parameters() if term else ())]
    optimiser = torch.optim.Adam(parameters, lr=1e-2)
    rates = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
    for step in range(STEPS):
        (ours, labels), (theirs, _) = (_hospital(64, generator, shift=shift) for shift in (SHIFT, -SHIFT))
        source, target = (
            Domain(features={POOLED: features}, logits=head(features), labels=None, share=step / STEPS)
            for features in (encoder(ours), encoder(theirs))
        )
        value = cross_entropy(source.logits, labels) + (term(source, target) if term else 0)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        rates.step()
    with torch.no_grad():
        (ours, _), (theirs, labels) = (_hospital(1000, generator, shift=shift) for shift in (SHIFT, -SHIFT))
        features = torch.cat([encoder(ours), encoder(theirs)]).numpy()
        right = float((head(encoder(theirs)).argmax(dim=1) == labels).double().mean())
    domains = torch.arange(2).repeat_interleave(1000).numpy()
    return Found(LogisticRegression(max_iter=1000).fit(features, domains).score(features, domains), right)


@pytest.mark.parametrize("name", ["dann", "cdan"])
def test_features_forget_the_domain_and_keep_the_label(name: str) -> None:
    assert _train(None).domains > 0.9
    found = _train(name)
    assert found.domains < 0.7
    assert found.target > 0.95
