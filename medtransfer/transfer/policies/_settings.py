"""What policies say of settings that mean nothing, or do nothing."""

from __future__ import annotations

from medtransfer.core.errors import ConfigError


def require(fits: bool, *, policy: str, setting: str, value: object, wanted: str) -> None:
    """Refuse a setting's value.

    Raises:
        ConfigError: `BadValue`, where it does not fit.
    """
    if not fits:
        raise ConfigError(
            f"{setting} = {value!r}",
            code="BadValue",
            path=f"policy.settings ({policy})",
            hint=f"{setting} is {wanted}.",
        )


def never_moves(frozen_for: float, *, setting: str, epochs: float) -> str:
    """A sentence where the stages are frozen for as long as the run lasts; empty otherwise."""
    if frozen_for < epochs:
        return ""
    return (
        f"{setting} = {frozen_for:g} freezes the stages for all of the {epochs:g} epochs, and the head alone moves; "
        f"lower {setting}, raise training.epochs, or say so with policy.name = head."
    )
