"""Gradient reversal: what the discriminator learns from, the network unlearns.

    forward: f ↦ f,    backward: g ↦ −λ_p·g,    λ_p = 2 / (1 + exp(−γ·p)) − 1

p is the share of the run that is over. The discriminator itself learns at full gradient from the first step on, so
that it knows something by the time that the network listens.

Reference: Ganin et al. 2016, Domain-adversarial training of neural networks, §4.2 and §5.2.
"""

from __future__ import annotations

import math

from medtransfer.data.tensors import Features


def reversal(share: float, *, gamma: float) -> float:
    """λ_p: 0 at the start of the run, nearly 1 at its end."""
    return math.tanh(gamma * share / 2)  # the same as the formula, which loses digits near 0


def reverse(features: Features, coefficient: float) -> Features:
    """The same features; their gradient comes back times −`coefficient`."""
    same = features.view_as(features)
    if same.requires_grad:
        same.register_hook(lambda gradient: -coefficient * gradient)
    return same
