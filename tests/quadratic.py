"""A quadratic loss in two groups of parameters, with the minimiser that an anchor gives it in closed form."""

from __future__ import annotations

import torch
from torch import nn

from medtransfer.transfer.parameters._anchor import Anchor, Anchored
from medtransfer.transfer.types import Term

HALF = 3
"""The parameters stand in two groups of three."""


class Quadratic:
    """½θᵀAθ − bᵀθ in 64 bits, θ in two groups that A couples, from a start θ⁰."""

    def __init__(self, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        mixing = torch.randn(2 * HALF, 2 * HALF, generator=generator, dtype=torch.float64)
        self.curvature = mixing @ mixing.T / (2 * HALF) + 0.3 * torch.eye(2 * HALF, dtype=torch.float64)
        self.slope = torch.randn(2 * HALF, generator=generator, dtype=torch.float64)
        self.start = torch.randn(2 * HALF, generator=generator, dtype=torch.float64)
        self.information = torch.rand(2 * HALF, generator=generator, dtype=torch.float64) * 3
        self.information[1] = 0
        self.groups = [nn.Parameter(part.clone()) for part in self.start.split(HALF)]

    def term(self, shares: tuple[float, float] = (1.0, 1.0)) -> Anchored:
        """Each group held at the start by one number."""
        parts = zip(self.groups, self.start.split(HALF), shares, strict=True)
        return Anchored({str(i): Anchor(p, at.clone(), share) for i, (p, at, share) in enumerate(parts)})

    def diagonal_term(self) -> Anchored:
        """Each element held at the start by its own number F, one of which is 0."""
        parts = zip(self.groups, self.start.split(HALF), self.information.split(HALF), strict=True)
        return Anchored({str(i): Anchor(p, at.clone(), 1.0, f.clone()) for i, (p, at, f) in enumerate(parts)})

    def ridge(self, alpha: float, shares: tuple[float, float] = (1.0, 1.0)) -> torch.Tensor:
        """The closed form with each group's share."""
        return self.held(alpha * torch.tensor(shares, dtype=torch.float64).repeat_interleave(HALF))

    def held(self, strengths: torch.Tensor) -> torch.Tensor:
        """The closed form (A + S)⁻¹(b + Sθ⁰), S diagonal."""
        return torch.linalg.solve(self.curvature + strengths.diag(), self.slope + strengths * self.start)

    def now(self) -> torch.Tensor:
        """θ."""
        return torch.cat([parameter.detach() for parameter in self.groups])

    def loss(self) -> torch.Tensor:
        """At θ as it stands."""
        at = torch.cat(list(self.groups))
        return 0.5 * at @ self.curvature @ at - self.slope @ at

    def step(self, optimiser: torch.optim.Optimizer) -> None:
        """One step on the loss alone."""
        optimiser.zero_grad()
        self.loss().backward()
        optimiser.step()


def minimised(
    problem: Quadratic,
    optimiser: torch.optim.Optimizer,
    term: Term | None = None,
    alpha: float = 0.0,
    *,
    steps: int = 4000,
) -> torch.Tensor:
    """θ after so many steps, or once twenty of them move nothing to speak of."""
    before = problem.now()
    for step in range(1, steps + 1):
        problem.step(optimiser)
        if term is not None:
            term.post_step(optimiser, strength=alpha)
        if step % 20 == 0:
            if (problem.now() - before).abs().max() < 1e-11:
                break
            before = problem.now()
    return problem.now()


def sgd(groups: list[nn.Parameter]) -> torch.optim.Optimizer:
    """Plain; as with all of these, the groups' rates differ."""
    return torch.optim.SGD(_unequal(groups, 0.3))


def heavy_ball(groups: list[nn.Parameter]) -> torch.optim.Optimizer:
    """Momentum 0.9."""
    return torch.optim.SGD(_unequal(groups, 0.05), momentum=0.9)


def nesterov(groups: list[nn.Parameter]) -> torch.optim.Optimizer:
    """Nesterov's momentum 0.9."""
    return torch.optim.SGD(_unequal(groups, 0.05), momentum=0.9, nesterov=True)


def adamw(groups: list[nn.Parameter]) -> torch.optim.Optimizer:
    """Without weight decay."""
    return torch.optim.AdamW(_unequal(groups, 0.1), weight_decay=0.0)


def _unequal(groups: list[nn.Parameter], rate: float) -> list[dict[str, object]]:
    return [{"params": [groups[0]], "lr": rate}, {"params": [groups[1]], "lr": 0.3 * rate}]


OPTIMISERS = [sgd, heavy_ball, nesterov, adamw]
