"""A quadratic programme in a box, with bounds on the sum: solved by an interior point method.

    min over w   ½ wᵀQw − qᵀw     subject to   0 ≤ w_i ≤ u,   low ≤ Σw ≤ high

Mehrotra's predictor and corrector on the primal-dual equations, from a point inside. The Newton matrix is Q plus a
diagonal plus ρ·11ᵀ; the rank-one part is solved by Sherman and Morrison's formula, since a sum near its bound would
otherwise drown Q in rounding. Among equally good weights it ends near the middle of them, whatever the order of the
cases.

Reference: Nocedal, Wright 2006, Numerical optimization, 2nd ed., section 16.6.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from medtransfer.core.types import CaseWeights
from medtransfer.transfer.instances._shapes import Programme

_GAP = 1e-9
"""Duality gap at which to stop, in units of the objective's parts; dual residual, in units of Qw and q."""

_STEPS = 100
"""Newton steps at most; a dozen or two are usual."""

_TO_BOUND = 0.995
"""Share of the way to the nearest bound that a step may take."""


def solve(quadratic: Programme, linear: CaseWeights, *, upper: float, low: float, high: float) -> CaseWeights:
    """The minimiser w. Q is positive definite, and w = 1 strictly inside the bounds: u > 1, low < n < high.

    Needs one more matrix of Q's size.

    Raises:
        ArithmeticError: The gap does not close, so that w would not be the minimiser.
    """
    n = len(linear)
    w = np.ones(n)
    slack = np.concatenate([w, upper - w, [n - low, high - n]])
    force = np.abs(linear).mean() / slack
    gap = np.inf
    for _ in range(_STEPS):
        pull = quadratic @ w
        residual = pull - linear + _gather(force)
        gap = slack @ force
        arrived = gap <= _GAP * (w @ pull / 2 + np.abs(linear) @ w)
        if arrived and np.abs(residual).max() <= _GAP * max(np.abs(pull).max(), np.abs(linear).max()):
            return w
        newton = _Newton(quadratic, slack, force)
        predicted = newton.step(residual, slack * force)
        reach = _reach(slack, force, predicted)
        centre = (1 - reach) ** 3 * gap / len(slack)
        move = newton.step(residual, slack * force + predicted[1] * predicted[2] - centre)
        reach = _TO_BOUND * _reach(slack, force, move)
        w, slack, force = (old + reach * step for old, step in zip((w, slack, force), move, strict=True))
    message = f"the duality gap is {gap:.3g} after {_STEPS} steps"
    raise ArithmeticError(message)


class _Newton:
    """The linearised equations at one point, factorised once and solved twice."""

    def __init__(self, quadratic: np.ndarray, slack: np.ndarray, force: np.ndarray) -> None:
        self.slack, self.force = slack, force
        stiffness = force / slack
        n = len(quadratic)
        matrix = quadratic.T.copy(order="F")
        matrix[np.diag_indices(n)] += stiffness[:n] + stiffness[n : 2 * n]
        self.factor = cho_factor(matrix, lower=True, overwrite_a=True, check_finite=False)
        self.ones = cho_solve(self.factor, np.ones(n), check_finite=False)
        self.sum_stiffness = stiffness[-2:].sum()

    def step(self, residual: np.ndarray, products: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Moves of w, of the slacks and of their forces that take the residual to 0 and slack · force by −products.

        The move of Σw has a formula of its own: summed over w it would be lost in rounding as the sum nears its bound.
        """
        side = cho_solve(self.factor, _gather(products / self.slack) - residual, check_finite=False)
        total = side.sum() / (1 + self.sum_stiffness * self.ones.sum())
        w = side - self.ones * (self.sum_stiffness * total)
        slack = np.concatenate([w, -w, [total, -total]])
        return w, slack, -(products + self.force * slack) / self.slack


def _gather(forces: np.ndarray) -> np.ndarray:
    """What the constraints' forces are on each w: the upper bounds' minus the lower ones'."""
    n = len(forces) // 2 - 1
    return forces[n : 2 * n] - forces[:n] + forces[-1] - forces[-2]


def _reach(slack: np.ndarray, force: np.ndarray, move: tuple[np.ndarray, np.ndarray, np.ndarray]) -> float:
    """The longest step, 1 at most, that keeps slacks and forces at 0 or above."""
    shares = np.concatenate([-move[1] / slack, -move[2] / force])
    return 1 / max(1.0, float(shares.max()))
