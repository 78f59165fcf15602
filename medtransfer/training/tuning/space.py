"""What is searched: the default space of a plan, spaces by hand, and the plan of each setting."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import tomlkit
from tomlkit.exceptions import TOMLKitError

from medtransfer.core.config.plan import Plan
from medtransfer.core.config.toml import validated
from medtransfer.core.config.tuning import TRADE_OFF, Choices, Dimension, Range, Setting, Space
from medtransfer.core.errors import ConfigError

STRENGTHS: Final = (0.0, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""A strength ω matters by its order of magnitude; 0 switches the term off."""

EIGHTHS: Final = 8
"""λ is searched on the target's share λ / (1 + λ) = 0, ⅛, …, 1, since λ = 3 and λ = ∞ differ less than λ = 0 and 3."""

ROOMS: Final = ("objective", "policy", "averaging", "training", "augment")
"""What may be searched. Other pictures or other starting weights are another question, which `assess` answers."""

ONE_KNOB: Final = (
    "There is no source data: L_S is replaced by an anchor at the pretrained weights, so λ and the anchor's strength "
    "are one degree of freedom. Only the strength is searched."
)

_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*(e[+-]?\d+)?|\.\d+(e[+-]?\d+)?|inf)", re.IGNORECASE)


def default_space(plan: Plan) -> Space:
    """λ where there are sources, and the strength of every parameter and feature term."""
    space: list[Dimension] = []
    if plan.sources:
        shares = [eighth / EIGHTHS for eighth in range(EIGHTHS + 1)]
        if not any(plan.same_question(name) for name in plan.sources):
            shares = shares[1:]  # λ = 0 would leave the target's head as random as it began
        space.append(Choices(key=TRADE_OFF, values=_with_own([trade_off_at(s) for s in shares], _own(plan, TRADE_OFF))))
    for room in ("parameters", "features"):
        for name in getattr(plan.objective, room):
            key = f"objective.{room}.{name}.strength"
            space.append(Choices(key=key, values=_with_own(STRENGTHS, _own(plan, key))))
    return tuple(space)


def search_space(plan: Plan, texts: Iterable[str] = (), *, only: bool = False) -> Space:
    """The plan's default space, changed and added to by `KEY=low:high[:log]` and `KEY=a,b,c`.

    Args:
        plan: What is tuned.
        texts: As `--search` takes them; of a key twice, the last one counts.
        only: Leave the default space out.

    Raises:
        ConfigError: `BadSearch`, `OneKnob`, `NotSearched`, `NothingToSearch`, or a value that the plan does not allow.
    """
    space = {} if only else {dimension.key: dimension for dimension in default_space(plan)}
    space |= {dimension.key: dimension for dimension in (parsed(text, plan) for text in texts)}
    if not space:
        raise ConfigError(
            "the plan has no source and no term, so there is nothing to search",
            code="NothingToSearch",
            path="--search",
            hint="Name something: --search training.learning_rate=1e-4:1e-2:log.",
        )
    for dimension in space.values():
        _check_key(dimension.key, plan)
        ends = dimension.values if isinstance(dimension, Choices) else (dimension.low, dimension.high)
        for value in ends:
            whole = isinstance(dimension, Range) and dimension.whole
            with_settings(plan, {dimension.key: int(value) if whole else value})
    return tuple(space.values())


def parsed(text: str, plan: Plan) -> Dimension:
    """One dimension, from `KEY=low:high`, `KEY=low:high:log` or `KEY=a,b,c`.

    Raises:
        ConfigError: `BadSearch`.
    """
    key, equals, said = (part.strip() for part in text.partition("="))
    ends = said.split(":")
    if not (key and equals and said):
        raise _misspelt(text)
    if "," not in said and len(ends) in {2, 3} and all(_NUMBER.fullmatch(end.strip()) for end in ends[:2]):
        if ends[2:] not in ([], ["log"]):
            raise _misspelt(text)
        whole = all(end.strip().lstrip("+-").isdigit() for end in ends[:2]) and type(_own(plan, key)) is int
        return Range(key=key, low=float(ends[0]), high=float(ends[1]), log=len(ends) == 3, whole=whole)
    if "," not in said and ":" in said and _NUMBER.fullmatch(ends[0].strip()):
        raise _misspelt(text)
    return Choices(key=key, values=tuple(_value(part.strip()) for part in said.split(",")))


def with_settings(plan: Plan, settings: Mapping[str, Setting]) -> Plan:
    """The plan with these keys set.

    λ = ∞ skips the sources: what needs them is left out then, weights, terms and a λ to start from.

    Raises:
        ConfigError: A key or value is not allowed.
    """
    values: dict[str, Any] = plan.model_dump(mode="python", exclude_none=True)
    for key, value in settings.items():
        *tables, last = _path(key, plan)
        inner = values
        for table in tables:
            inner = inner.setdefault(table, {})
            if not isinstance(inner, dict):
                raise _misspelt(f"{key}={value}")
        inner[last] = value
    objective = values["objective"]
    if math.isinf(objective["trade_off"]) and TRADE_OFF in settings:
        objective |= {"features": {}, "instances": {}}
        for key in ("trade_off_start", "refit_epochs"):
            objective.pop(key, None)
    return validated(Plan, values, path="--search").model_copy(update={"reasons": plan.reasons})


def relevant(plan: Plan, settings: Mapping[str, Setting]) -> dict[str, Setting]:
    """The settings that make a difference: with λ = ∞ there are no feature terms whose strength would count."""
    if settings.get(TRADE_OFF, plan.objective.trade_off) != math.inf:
        return dict(settings)
    unused = tuple(f"objective.{room}." for room in ("features", "instances"))
    return {key: value for key, value in settings.items() if not key.startswith(unused)}


def own_settings(plan: Plan, space: Space) -> dict[str, Setting] | None:
    """The plan's own values of the keys that are searched; None where one of them is not among what is searched."""
    found: dict[str, Setting] = {}
    for dimension in space:
        value = _own(plan, dimension.key)
        if value is None:
            return None
        if isinstance(dimension, Choices):
            if value not in dimension.values:
                return None
        elif isinstance(value, bool | str) or not dimension.low <= value <= dimension.high:
            return None
        found[dimension.key] = value
    return found


def every_setting(space: Space) -> Iterator[dict[str, Setting]] | None:
    """Every combination of values; None where a range has endlessly many."""
    choices = [dimension for dimension in space if isinstance(dimension, Choices)]
    if len(choices) < len(space):
        return None
    keys = [dimension.key for dimension in choices]
    combined = itertools.product(*(dimension.values for dimension in choices))
    return (dict(zip(keys, values, strict=True)) for values in combined)


def target_share(trade_off: float) -> float:
    """λ / (1 + λ)."""
    return 1.0 if math.isinf(trade_off) else trade_off / (1 + trade_off)


def trade_off_at(share: float) -> float:
    """The λ of a target's share; 1 gives ∞."""
    return math.inf if share == 1 else share / (1 - share)


def _with_own(values: Iterable[float], own: Setting | None) -> tuple[Setting, ...]:
    """The grid, and the plan's own value on it, so that the plan as it is takes part."""
    return tuple(sorted({*values, *([own] if isinstance(own, int | float) else [])}))


def _own(plan: Plan, key: str) -> Setting | None:
    """The plan's value of a key; a strength that is not stated is 1. None where nobody can say."""
    found: Any = plan.model_dump(mode="python", exclude_none=True)
    path = _path(key, plan)
    for part in path:
        if not isinstance(found, dict) or part not in found:
            stated = path[-1] != "strength" or path[2:3] == [] or path[2] not in getattr(plan.objective, path[1], {})
            return None if stated else 1.0
        found = found[part]
    return found if isinstance(found, bool | int | float | str) else None


def _path(key: str, plan: Plan) -> list[str]:
    """The parts of a dotted key; the name of a plan's term may have dots of its own (`package.module:function`)."""
    for room in ("instances", "features", "parameters"):
        for name in getattr(plan.objective, room):
            start = f"objective.{room}.{name}."
            if key.startswith(start):
                return ["objective", room, name, *key.removeprefix(start).split(".")]
    return key.split(".")


def _check_key(key: str, plan: Plan) -> None:
    if key == TRADE_OFF and not plan.sources:
        raise ConfigError(ONE_KNOB, code="OneKnob", path=key, hint="Search the strength of an anchor instead.")
    if key.partition(".")[0] not in ROOMS:
        raise ConfigError(
            f"{key} is not searched: every trial starts from the same weights and looks at the same pictures",
            code="NotSearched",
            path="--search",
            hint=f"Keys of {', '.join(ROOMS)} are.",
        )


def _value(text: str) -> Setting:
    """A TOML value, or the text as it stands."""
    try:
        value = tomlkit.parse(f"value = {text}").unwrap()["value"]
    except TOMLKitError:
        return text
    return value if isinstance(value, bool | int | float | str) else text


def _misspelt(text: str) -> ConfigError:
    return ConfigError(
        f"'{text}' names no values to search",
        code="BadSearch",
        path="--search",
        hint="Write --search training.learning_rate=1e-4:1e-2:log, or --search policy.name=full,head.",
    )
