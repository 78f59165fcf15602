"""Groups of studies by one attribute. Every study is in exactly one group; none is dropped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from medtransfer.core.catalogue import did_you_mean
from medtransfer.core.errors import PredictionsError
from medtransfer.core.results import ATTRIBUTE
from medtransfer.core.types import Groups
from medtransfer.evaluation.cases import as_text
from medtransfer.evaluation.heterogeneity.bands import age_bands, quartiles, years

SITE: Final = "site"
UNKNOWN: Final = "unknown"
"""Group of the studies of which the cohort says nothing."""

MOST_GROUPS: Final = 20
"""More are not shown: the smallest are merged."""

_OWN_COLUMNS: Final = (SITE, "date", "split")
"""Columns that group studies without being an attribute."""


@dataclass(frozen=True, kw_only=True)
class Grouping:
    """Which group each study is in."""

    attribute: str
    rule: str
    """How the groups were made: `values as they are`, `age in years, in bands`, …"""
    names: tuple[str, ...]
    """In the order in which they are shown."""
    codes: Groups
    """Of each study, the index of its group."""
    merged: int = 0
    """How many groups the last one stands for, where the smallest were merged."""


def attributes_of(table: pd.DataFrame) -> tuple[str, ...]:
    """What studies can be grouped by."""
    own = [name for name in _OWN_COLUMNS if name in table.columns]
    cohort = [str(name).removeprefix(ATTRIBUTE) for name in table.columns if str(name).startswith(ATTRIBUTE)]
    return tuple(dict.fromkeys([*own, *sorted(cohort)]))


def groups_of(table: pd.DataFrame, name: str, *, most: int | None = MOST_GROUPS) -> Grouping:
    """Groups by an attribute: ages in bands, dates by year, many numbers by quartiles, all else as it is written.

    Where there are more than `most`, the smallest are merged into one that says how many it stands for; `unknown` never
    is. Values are compared without the blanks around them.

    Args:
        table: Studies with the columns `PREDICTION_COLUMNS`.
        name: `site`, `date`, `split`, or an attribute without its prefix.
        most: Groups at most, or None for all.

    Raises:
        PredictionsError: `UnknownAttribute`.
    """
    values = as_text(_column(table, name)).str.strip().tolist()
    known = [value for value in values if value]
    banded = None
    if known and name != SITE:
        banded = age_bands(name, known) or years(name, known) or quartiles(known)
    named = dict(zip(known, banded.of_value if banded else known, strict=True))
    return _grouping(
        name,
        [named.get(value, UNKNOWN) for value in values],
        order=banded.order if banded else (),
        rule=banded.rule if banded else "values as they are",
        most=most,
    )


def _column(table: pd.DataFrame, name: str) -> pd.Series:
    for column in (*((name,) if name in _OWN_COLUMNS else ()), ATTRIBUTE + name):
        if column in table.columns:
            return table[column]
    there = attributes_of(table)
    raise PredictionsError(
        f"the studies have no attribute {name!r}.{did_you_mean(name, there)}",
        code="UnknownAttribute",
        hint=f"Available: {', '.join(there)}." if there else "The cohort table says nothing that could group them.",
    )


def _grouping(
    attribute: str, of_study: Sequence[str], *, order: Sequence[str], rule: str, most: int | None
) -> Grouping:
    sizes = Counter(of_study)
    by_size = sorted((name for name in sizes if name != UNKNOWN), key=lambda one: (-sizes[one], one))
    room = len(by_size) if most is None else most - (UNKNOWN in sizes)
    few = by_size[room - 1 :] if len(by_size) > room else []
    kept = set(by_size).difference(few)
    shown = [name for name in order if name in kept] if order else [name for name in by_size if name in kept]
    shown += [UNKNOWN] if UNKNOWN in sizes else []
    place = {name: index for index, name in enumerate(shown)}
    return Grouping(
        attribute=attribute,
        rule=rule,
        names=(*shown, f"{len(few)} others") if few else tuple(shown),
        codes=np.array([place.get(name, len(shown)) for name in of_study], dtype=np.int64),
        merged=len(few),
    )
