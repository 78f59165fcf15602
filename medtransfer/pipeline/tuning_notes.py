"""What is said of a search: why its plan is as it is, and what a reader has to know."""

from __future__ import annotations

import math
from collections.abc import Iterator

from medtransfer.core.config.plan import Plan
from medtransfer.core.config.tuning import TRADE_OFF, Choices
from medtransfer.core.tuning_results import Tuning
from medtransfer.training.tuning.space import ONE_KNOB


def reasons_of(tuning: Tuning) -> dict[str, str]:
    """Comments of the chosen plan: key → sentence."""
    chosen, best = tuning.trial(tuning.chosen), tuning.trial(tuning.best)
    figures = f"log-loss {best.loss:.4f}, standard error {best.standard_error or 0.0:.4f}"
    if chosen.number == best.number:
        why = f"Tuned: the lowest held-out log-loss of {len(tuning.trials)} settings (trial {best.number}, {figures})"
        why += ", and no setting within its standard error is more cautious."
    else:
        why = f"Tuned: within one standard error of the lowest of {len(tuning.trials)} held-out log-losses (trial "
        why += (
            f"{best.number}, {figures}) this is the most cautious setting (trial {chosen.number}, {chosen.loss:.4f})."
        )
    reasons = dict.fromkeys(chosen.settings, why)
    if chosen.settings.get(TRADE_OFF) == math.inf:
        said = "λ = inf skips the source: what needs it is left out."
        reasons |= {"objective.features": said, "objective.instances": said}
    return reasons


def notes_of(plan: Plan, tuning: Tuning) -> tuple[str, ...]:
    """What a reader has to know about this search."""
    return tuple(_notes(plan, tuning))


def _notes(plan: Plan, tuning: Tuning) -> Iterator[str]:
    yield (
        "The figures of the chosen setting are a little optimistic, since it was chosen by them. The test split was "
        "not looked at: fit the plan and evaluate it there."
    )
    yield (
        f"Standard errors are over {tuning.folds} parts whose networks share training patients, so they are a rough "
        "guide; intervals are over patients, with the networks as they are."
    )
    if not plan.sources and any(key.key.startswith("objective.parameters.") for key in tuning.space):
        yield ONE_KNOB
    if tuning.own is None:
        yield "The plan's own settings are not among what was searched: nothing here says whether tuning gained by it."
    if others := [name for name in plan.sources if not plan.same_question(name)]:
        yield (
            f"{', '.join(others)}: another question than the target's, so the log-loss on the sources is that of a "
            "head of their own. With λ = ∞ no such head is trained: there, nothing is measured on the sources."
        )
    if plan.target.patients_unknown:
        yield "Some patients are unknown and may be in two parts: intervals may be too narrow and figures too good."
    for dimension in tuning.space:
        value = tuning.trial(tuning.chosen).settings.get(dimension.key)
        top = dimension.values[-1] if isinstance(dimension, Choices) and dimension.ordered else None
        if dimension.key.endswith(".strength") and value is not None and value == top:
            yield f"{dimension.key}: the largest strength that was tried is chosen; larger ones may do as well."
