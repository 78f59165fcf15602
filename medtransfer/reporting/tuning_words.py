"""How a search is said: keys, values, and the one-sentence verdict."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from medtransfer.core.config.tuning import TRADE_OFF
from medtransfer.reporting.words import count, figure, number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from medtransfer.core.config.tuning import Setting
    from medtransfer.core.tuning_results import Trial, Tuning

CLEAR = 2.0
"""Standard errors from which on a difference over the parts is called one."""


def key_words(key: str) -> str:
    """`objective.trade_off` → `λ`, `objective.parameters.l2_sp.strength` → `l2_sp strength`."""
    if key == TRADE_OFF:
        return "λ"
    parts = key.split(".")
    if parts[0] == "objective" and len(parts) > 3:
        return f"{'.'.join(parts[2:-1])} {parts[-1].replace('_', ' ')}"
    return f"{parts[0]} {parts[-1].replace('_', ' ')}" if parts[-1] in {"name", "settings"} else _plain(parts[-1])


def value_words(value: Setting | None, digits: int = 3) -> str:
    """`∞`, `0.001`, `full`, `yes`; a dash where the key made no difference."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    return "∞" if math.isinf(value) else f"{value:.{digits}g}".replace("-", "−")


def settings_words(settings: Mapping[str, Setting]) -> str:
    """`λ = 3, l2_sp strength = 0.01`."""
    return ", ".join(f"{key_words(key)} = {value_words(value)}" for key, value in settings.items())


def verdict(tuning: Tuning) -> str:
    """What is chosen, how well it did, and whether that is better than the plan as it was."""
    chosen = tuning.trial(tuning.chosen)
    tried = (
        f"Of {count(len(tuning.trials), 'setting')} tried on {tuning.folds} parts of "
        f"{count(tuning.n_patients, 'patient')}, {settings_words(chosen.settings)} is chosen"
    )
    found = "" if chosen.log_loss is None else f": held-out {_small(figure(chosen.log_loss))}"
    return f"{tried}{found}. {_against_own(tuning)}"


def state_words(trial: Trial, tuning: Tuning) -> str:
    """What to know of a trial in a table."""
    words = [
        name
        for name, one in (("chosen", tuning.chosen), ("lowest log-loss", tuning.best), ("the plan's own", tuning.own))
        if one == trial.number
    ]
    if trial.number in tuning.front:
        words.append("on the front")
    if trial.state != "complete":
        words.append({"pruned": "given up", "failed": "broke down"}[trial.state])
    return ", ".join(words)


def why(tuning: Tuning) -> str:
    """The one-standard-error rule, on the figures of this search."""
    best, chosen = tuning.trial(tuning.best), tuning.trial(tuning.chosen)
    near = sum(trial.loss <= tuning.threshold for trial in tuning.trials)
    rule = (
        f"The lowest mean log-loss is {number(best.loss)} (trial {best.number}), its standard error over the parts "
        f"{number(best.standard_error)}. {count(near, 'setting')} {'lies' if near == 1 else 'lie'} within one standard "
        f"error of it, that is up to {number(tuning.threshold)}. "
    )
    if chosen.number == best.number:
        return rule + "None is more cautious than the best itself."
    return rule + (
        f"Of these, trial {chosen.number} is the most cautious: the strongest anchor, then the largest share of the "
        "sources, then the lowest log-loss."
    )


def _against_own(tuning: Tuning) -> str:
    if tuning.own == tuning.chosen:
        return "That is the plan as it was."
    if tuning.difference is None:
        return "The plan's own settings were not tried to the end, so nothing says whether this is better."
    found = tuning.difference
    figures = f"difference {number(found.mean)}, standard error {number(found.standard_error)}"
    if abs(found.mean) < CLEAR * found.standard_error or found.mean == 0:
        return f"No difference to the plan as it was is shown (log-loss: {figures})."
    return f"That is {'better' if found.mean < 0 else 'worse'} than the plan as it was (log-loss: {figures})."


def _small(text: str) -> str:
    return text[:1].lower() + text[1:]


def _plain(name: str) -> str:
    return name.replace("_", " ")
