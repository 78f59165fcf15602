"""In which order settings are tried: the plan's own first; all of them where they are few, otherwise as proposed."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from medtransfer.core.config.plan import Plan
from medtransfer.core.config.tuning import Setting, Space, TuneConfig, same_settings
from medtransfer.training.tuning.space import every_setting, own_settings, relevant


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What is tried without asking a sampler.

    Attributes:
        listed: Settings in the order they are tried.
        whole: Are they all there is?
        trials: How many settings are tried altogether.
    """

    listed: tuple[dict[str, Setting], ...]
    whole: bool
    trials: int


def turn_of(plan: Plan, space: Space, config: TuneConfig) -> Turn:
    """The settings that are tried in a fixed order, the plan's own first where it is among what is searched.

    Settings that differ in what makes no difference are one (`space.relevant`).
    """
    own = own_settings(plan, space)
    first = [] if own is None else [own]
    every = every_setting(space)
    few = None if every is None else _few(plan, itertools.chain(first, every), config.grid)
    if few is None:
        return Turn(listed=tuple(first), whole=False, trials=config.trials or config.grid)
    listed = (*first, *sorted(few[len(first) :], key=lambda setting: _shuffled(plan.seed, setting)))
    return Turn(listed=listed, whole=True, trials=min(config.trials or len(listed), len(listed)))


def was_tried(plan: Plan, setting: Mapping[str, Setting], before: Iterable[Mapping[str, Setting]]) -> bool:
    """Does the setting differ from all of those in nothing that makes a difference?"""
    return any(same_settings(relevant(plan, setting), relevant(plan, other)) for other in before)


def _few(plan: Plan, settings: Iterable[dict[str, Setting]], most: int) -> list[dict[str, Setting]] | None:
    """The settings that make a difference, each once; None where they are more than `most`."""
    distinct: list[dict[str, Setting]] = []
    for setting in settings:
        if not was_tried(plan, setting, distinct):
            distinct.append(setting)
        if len(distinct) > most:
            return None
    return distinct


def _shuffled(seed: int, setting: Mapping[str, Setting]) -> bytes:
    """A random order that depends on seed and setting alone: the first few of a grid are no corner of it."""
    return hashlib.sha256(f"{seed}|{json.dumps(setting, sort_keys=True)}".encode()).digest()
