"""What `tune` searches, and how hard."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BeforeValidator, Field, model_validator

from medtransfer.core.errors import ConfigError
from medtransfer.core.records import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

_WORDS: Final = {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}
"""How records write these numbers into JSON."""

Setting = Annotated[bool | int | float | str, BeforeValidator(lambda v: _WORDS.get(v, v) if isinstance(v, str) else v)]
"""A value of one key of a plan; λ = ∞ comes back from JSON as the number it is."""

TRADE_OFF: Final = "objective.trade_off"
"""The key of λ. A range of it is searched on the target's share λ / (1 + λ)."""


class Choices(Record):
    """A key that takes one of several values."""

    key: str
    values: tuple[Setting, ...]

    @model_validator(mode="after")
    def _several(self) -> Choices:
        if len(self.values) < 2 or len(set(self.values)) < len(self.values):
            raise _unsearchable(
                f"{self.key} has the values {', '.join(map(str, self.values))}",
                "Name two values or more, each once; a single one is set with --set.",
            )
        return self

    @property
    def ordered(self) -> bool:
        """Are they numbers that rise, so that neighbours are alike?"""
        numbers = [v for v in self.values if isinstance(v, int | float) and not isinstance(v, bool)]
        return len(numbers) == len(self.values) and numbers == sorted(numbers)


class Range(Record):
    """A key that takes any number between two ends, both included."""

    key: str
    low: float
    high: float
    log: bool = False
    """Search on a logarithmic scale."""
    whole: bool = False
    """Whole numbers only."""

    @model_validator(mode="after")
    def _rises(self) -> Range:
        said = f"{self.key} from {self.low:g} to {self.high:g}"
        if not self.low < self.high:
            raise _unsearchable(f"{said} is no range", "The lower end comes first.")
        if self.key == TRADE_OFF and (self.log or self.low < 0):
            raise _unsearchable(
                f"{said}{' on a logarithmic scale' if self.log else ''}",
                f"λ is searched on the target's share λ / (1 + λ): write {TRADE_OFF}=0:inf, without :log.",
            )
        if self.key != TRADE_OFF and not (math.isfinite(self.low) and math.isfinite(self.high)):
            raise _unsearchable(f"{said} has no end", "Give two finite numbers.")
        if self.log and self.low <= 0:
            raise _unsearchable(
                f"{said} has no logarithm", f"Start above 0, or name values: --search {self.key}=0,0.001,0.01."
            )
        return self


Dimension = Choices | Range
Space = tuple[Dimension, ...]


class TuneConfig(Record):
    """How a search goes about its work."""

    search: tuple[str, ...] = ()
    """`KEY=low:high`, `KEY=low:high:log` or `KEY=a,b,c`: changes the plan's default space, or adds to it."""
    only: bool = False
    """Search nothing but `search`."""
    trials: Annotated[int, Field(ge=1)] | None = None
    """Settings that are tried; None: every one where there are at most `grid`, otherwise `grid` of them."""
    folds: Annotated[int, Field(ge=2, le=20)] = 4
    """Parts of the patients, each held out once."""
    repeats: Annotated[int, Field(ge=1)] = 1
    """Seeds that each part is trained with."""
    grid: Annotated[int, Field(ge=2)] = 32
    """So many settings are tried one by one; of more, a sampler proposes."""
    startup: Annotated[int, Field(ge=1)] = 5
    """So many settings are tried to the end before any other is given up early."""
    prune: bool = True
    """Give a setting up that is worse than half of the others were after as many parts."""
    replicates: Annotated[int, Field(ge=100)] = 2000
    """Of the bootstrap."""


def same_settings(one: Mapping[str, Setting], other: Mapping[str, Setting]) -> bool:
    """Equal values under equal keys: 1 and 1.0 are the same setting, 1 and true are not."""
    return one.keys() == other.keys() and all(
        one[key] == other[key] and isinstance(one[key], bool) == isinstance(other[key], bool) for key in one
    )


def _unsearchable(message: str, hint: str) -> ConfigError:
    return ConfigError(message, code="BadSearch", path="--search", hint=hint)
