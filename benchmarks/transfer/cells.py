"""The table's cells, in the order in which they are filled: seed by seed, so that every prefix covers everything."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from benchmarks.transfer.methods import (
    BACKBONES,
    FINE_TUNE,
    METHODS,
    NONE,
    SOURCE_ONLY,
    WHOLE,
    Study,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, order=True, kw_only=True)
class Setting:
    """What one learning rate is tuned for.

    Attributes:
        cohort: The target.
        source: The source cohort; empty: none.
        budget: Labelled studies of each class, `all`, or `none` where the target's labels are never looked at.
        backbone: Key of `BACKBONES`.
        method: Key of `METHODS`.
    """

    cohort: str
    source: str
    budget: str
    backbone: str
    method: str

    @property
    def setting(self) -> Setting:
        """The setting of a cell or trial, without what is its own."""
        return Setting(
            cohort=self.cohort, source=self.source, budget=self.budget, backbone=self.backbone, method=self.method
        )


@dataclass(frozen=True, order=True, kw_only=True)
class Cell(Setting):
    """One fit that is reported.

    Attributes:
        seed: Of the draw of labelled studies, of the random parts of the network, and of the order.
    """

    seed: int

    @property
    def name(self) -> str:
        """For files and lines of output."""
        parts = (self.cohort, self.source, self.budget, self.backbone, self.method, f"seed{self.seed}")
        return "-".join(part for part in parts if part)


@dataclass(frozen=True, order=True, kw_only=True)
class Trial(Setting):
    """One fit that tunes; measured on patients of the training part.

    Attributes:
        seed: Of its draw; no reported cell's.
        rate: Learning rate.
        times: How many times the method's steps.
        strength: Of the term; 0 where the method has none to choose.
    """

    seed: int
    rate: float
    times: int
    strength: float

    @property
    def name(self) -> str:
        """For files and lines of output."""
        parts = (self.cohort, self.source, self.budget, self.backbone, self.method)
        return "-".join(
            [part for part in parts if part]
            + [f"tune{self.seed}", f"{self.rate:g}", f"x{self.times}", f"s{self.strength:g}"]
        )


def cells(backbone: str, *, study: Study = WHOLE, methods: Iterable[str] = METHODS) -> list[Cell]:
    """Every cell of a backbone and some methods."""
    chosen = [name for name in METHODS if name in set(methods)]
    alone = [name for name in chosen if not METHODS[name].source]
    shared = [name for name in chosen if METHODS[name].source]
    found: list[Cell] = []
    for seed in study.seeds:
        for cohort in study.cohorts:
            found += [
                Cell(cohort=cohort, source="", budget=budget, backbone=backbone, method=name, seed=seed)
                for budget in study.budgets
                for name in alone
            ]
        for cohort, source in study.pairs:
            for name in shared:
                budgets = (NONE,) if name == SOURCE_ONLY else study.pair_budgets
                found += [
                    Cell(cohort=cohort, source=source, budget=budget, backbone=backbone, method=name, seed=seed)
                    for budget in budgets
                ]
    return found


def tuned_by(setting: Setting) -> Setting:
    """Whose tuning a setting takes its rate from: mostly its own.

    What is trained on the source alone is the source's own fine-tuning, tuned there: the target has no say in it.
    """
    if setting.method == SOURCE_ONLY:
        setting = replace(setting, cohort=setting.source, source="", method=FINE_TUNE)
    return replace(setting, budget=BACKBONES[setting.backbone].tuned_at)


def matches(task: Cell | Trial, only: Mapping[str, frozenset[str]]) -> bool:
    """Is it one of those that `--only` names?"""
    return all(str(getattr(task, key)) in values for key, values in only.items())


def only_of(words: str) -> dict[str, frozenset[str]]:
    """`cohort=brain_mri,method=scratch/bss` as allowed values by key.

    Raises:
        ValueError: There is no such key.
    """
    only: dict[str, frozenset[str]] = {}
    for part in filter(None, words.split(",")):
        key, equals, values = part.partition("=")
        if not equals or key not in {"cohort", "source", "budget", "backbone", "method", "seed"}:
            msg = f"'{part}' is not key=value; the keys are cohort, source, budget, backbone, method and seed"
            raise ValueError(msg)
        only[key] = frozenset(values.split("/"))
    return only
