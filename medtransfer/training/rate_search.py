"""The learning-rate finder on a plan: a short run at rates that grow, of which nothing is kept."""

from __future__ import annotations

import math

from medtransfer.core.config.plan import Plan
from medtransfer.core.errors import TrainingError
from medtransfer.training.adapt import Ready, assemble
from medtransfer.training.determinism import deterministic
from medtransfer.training.learning_rate import Curve, Suggestion, suggest, sweep
from medtransfer.training.loop import prepare_loop
from medtransfer.training.step import train_step
from medtransfer.transfer.objective import total


def find_rate(
    plan: Plan, ready: Ready, *, low: float, high: float, steps: int, quiet: bool = True
) -> tuple[Curve, Suggestion]:
    """Sweep the learning rate over the first steps of a plan, with everything moving that moves at the run's end.

    Args:
        plan: The plan.
        ready: What `prepare` made of it; its network is moved.
        low: First rate.
        high: Last rate, unless the loss explodes before.
        steps: How many at most.
        quiet: Show no progress bars.

    Raises:
        MedTransferError: The plan cannot be trained, or the rates make no sweep.
    """
    parts = assemble(plan, ready, quiet=quiet)
    with deterministic(plan.seed):
        loop, _ = prepare_loop(ready.model, parts.objective, parts.data, plan, None)
        taken = 0

        def step() -> float:
            nonlocal taken
            try:
                terms, _ = train_step(loop, taken)
            except TrainingError as error:
                if error.code != "NotFinite":
                    raise
                return math.nan  # the sweep's own end
            taken += 1
            return float(total(terms).detach())

        def set_rate(rate: float) -> None:
            loop.swept_rate = rate

        curve = sweep(step, set_rate, low=low, high=high, steps=steps)
    return curve, suggest(curve.rates, curve.losses)
