"""Values of settings that more than one pooling has."""

from __future__ import annotations

from medtransfer.core.errors import ConfigError


def unusable(setting: str, value: object, hint: str) -> ConfigError:
    """The error for a setting's value that a pooling cannot be built with."""
    return ConfigError(
        f"{value!r} cannot be used", code="BadValue", path=f"model.pooling.settings.{setting}", hint=hint
    )


def check_count(setting: str, value: int) -> None:
    """Refuse what is no whole number of at least 1.

    Raises:
        ConfigError: Naming the setting.
    """
    if not isinstance(value, int) or value < 1:
        raise unusable(setting, value, "Give a whole number of at least 1.")


def check_dropout(value: float) -> None:
    """Refuse what is no share of units to leave out.

    Raises:
        ConfigError: Naming the setting.
    """
    if not isinstance(value, int | float) or not 0 <= value < 1:
        raise unusable("dropout", value, "Give at least 0 and less than 1.")
