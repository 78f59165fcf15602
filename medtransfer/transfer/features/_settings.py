"""Values of hyperparameters that more than one feature term has."""

from __future__ import annotations

import math

from medtransfer.core.errors import ObjectiveError


def bad_hyperparameter(entry: str, key: str, value: object, hint: str) -> ObjectiveError:
    """The error for a value that a term cannot be built with."""
    return ObjectiveError(
        f"{key} = {value!r}", code="BadHyperparameter", path=f"objective.features.{entry}.{key}", hint=hint
    )


def check_count(entry: str, key: str, value: int) -> None:
    """Refuse what is no whole number of at least 1.

    Raises:
        ObjectiveError: Naming the entry and the hyperparameter.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise bad_hyperparameter(entry, key, value, f"{key} is a whole number of at least 1.")


def check_gamma(entry: str, gamma: float) -> None:
    """Refuse a slope with which reversal would not rise from 0 to 1.

    Raises:
        ObjectiveError: Naming the entry.
    """
    if not isinstance(gamma, int | float) or isinstance(gamma, bool) or not 0 < gamma < math.inf:
        raise bad_hyperparameter(entry, "gamma", gamma, "gamma is a finite number above 0; 10 is usual.")
