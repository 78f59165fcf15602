"""How far the attributes of a cohort are from a reference: another prediction table, or the training spectrum alone.

    words       total variation ½·Σ|p − q| over the values, "missing" being one of them
    numbers     standardised mean difference, and the difference of the shares that are missing

The null band says what chance gives: with a table, the patients of both are dealt again (`permutation`); with a
spectrum, whose studies cannot be dealt, cohorts of as many *patients* are drawn from both together, as if each had one
study. Which of the two was used stands in the note.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd
from jaxtyping import Float64

from medtransfer.core.evaluated.drift import AttributeDrift
from medtransfer.core.evaluated.spectrum import Distribution, Spectrum
from medtransfer.core.results import Predictions
from medtransfer.core.types import Task
from medtransfer.data.spectrum import LABEL, described, numbers
from medtransfer.evaluation.accounting import smd
from medtransfer.evaluation.accounting.permutation import PERMUTATIONS, Pooled
from medtransfer.evaluation.accounting.rows import groups_of, read_rows
from medtransfer.evaluation.accounting.spectrum import tally

LEVEL: Final = 0.95
_NAMED: Final = 20
"""Values that are told apart; the rarer ones count as one."""

_MISSING: Final = "\0missing"
_REST: Final = "\0rest"
_SIMULATED: Final = "chance from drawing anew from both spectra, as if each patient had one study"
_DEALT: Final = "chance from dealing the patients again"

Sums = Float64[np.ndarray, "deal value"]
BlockSums = Float64[np.ndarray, "block value"]
Distances = Float64[np.ndarray, " deal"]
Measure = Literal["total variation", "standardised mean difference", "missing share"]


@dataclass(frozen=True, kw_only=True)
class _Column:
    """One figure, as sums over studies from which it follows: counts of values, or n, Σx and Σx²."""

    name: str
    measure: Measure
    values: Float64[np.ndarray, "case value"]
    distance: Callable[[Sums, Sums], Distances]


def drift_from_table(
    predictions: Predictions, reference: Predictions, *, seed: int = 0, permutations: int = PERMUTATIONS
) -> tuple[AttributeDrift, ...]:
    """Every attribute of either table, over the studies that were read.

    Raises:
        PredictionsError: A table cannot be trusted (`cases.checked_table`).
    """
    here, there = read_rows(predictions), read_rows(reference)
    if here.empty or there.empty:
        return ()
    columns = list(_columns(here, there, predictions.classes, predictions.task))
    pooled = Pooled.of(groups_of(here), groups_of(there))
    sums = pooled.sums(np.concatenate([column.values for column in columns], axis=1))
    null: list[list[Distances]] = [[] for _ in columns]
    for dealt in pooled.dealt(seed=seed, permutations=permutations):
        for found, distances in zip(null, _distances(columns, dealt @ sums, sums), strict=True):
            found.append(distances)
    observed = _distances(columns, pooled.observed() @ sums, sums)
    return tuple(
        _banded(column.name, column.measure, float(value[0]), np.concatenate(chance), note=_DEALT)
        for column, value, chance in zip(columns, observed, null, strict=True)
    )


def drift_from_spectrum(here: Spectrum, there: Spectrum, *, seed: int = 0) -> tuple[AttributeDrift, ...]:
    """Every attribute that both spectra have."""
    generator = np.random.default_rng(seed)
    return tuple(
        row
        for name in here.attributes
        if name in there.attributes
        for row in _from_distributions(name, here, there, generator)
    )


def _columns(here: pd.DataFrame, there: pd.DataFrame, classes: tuple[str, ...], task: Task) -> Iterator[_Column]:
    ours, theirs = (described(rows, classes=classes, task=task) for rows in (here, there))
    for name in dict.fromkeys((*ours, *theirs)):
        parts = [part.get(name, _blank(len(rows))) for part, rows in ((ours, here), (theirs, there))]
        cells = pd.concat(parts, ignore_index=True)
        if name.startswith(LABEL) and any((part == "").all() for part in parts):
            continue  # nobody has looked yet, which is no movement
        values = None if name == LABEL else numbers(cells)
        if values is None or np.unique(values[~np.isnan(values)]).size <= 2:
            words = cells if values is None else pd.Series(["" if np.isnan(v) else f"{v:g}" for v in values])
            yield _Column(name=name, measure="total variation", values=_one_hot(words), distance=_total_variation)
            continue
        known = ~np.isnan(values)
        x = np.where(known, values - values[known].mean(), 0.0)  # centred, so that Σx² − (Σx)²/n keeps its digits
        moments = np.column_stack([known, x, x * x]).astype(np.float64)
        yield _Column(name=name, measure="standardised mean difference", values=moments, distance=_smd)
        if not known.all():
            shares = np.column_stack([known, ~known]).astype(np.float64)
            yield _Column(name=name, measure="missing share", values=shares, distance=_total_variation)


def _blank(studies: int) -> pd.Series:
    return pd.Series([""] * studies, dtype=object)


def _one_hot(cells: pd.Series) -> Float64[np.ndarray, "case value"]:
    words = cells.where(cells != "", _MISSING)
    kept = words.value_counts(sort=True).index[:_NAMED]
    codes, names = pd.factorize(words.where(words.isin(kept), _REST), sort=True)
    return np.eye(len(names))[codes]


def _distances(columns: list[_Column], first: Sums, blocks: BlockSums) -> list[Distances]:
    """Each figure for each deal, from the sums over the first cohort."""
    second, ends = blocks.sum(axis=0) - first, np.cumsum([column.values.shape[1] for column in columns])
    places = [slice(end - column.values.shape[1], end) for column, end in zip(columns, ends, strict=True)]
    return [c.distance(first[:, at], second[:, at]) for c, at in zip(columns, places, strict=True)]


def _total_variation(first: Sums, second: Sums) -> Distances:
    p, q = (counts / np.maximum(counts.sum(axis=1, keepdims=True), 1) for counts in (first, second))
    return np.abs(p - q).sum(axis=1) / 2


def _smd(first: Sums, second: Sums) -> Distances:
    """NaN where a cohort has fewer than two numbers, or where none varies."""
    means, variances = [], []
    for n, total, squares in (first.T, second.T):
        size = np.where(n > 1, n, np.nan)
        means.append(total / size)
        variances.append(np.maximum(squares - total**2 / size, 0.0) / (size - 1))
    spread = np.sqrt(sum(variances) / 2)
    return np.abs(means[0] - means[1]) / np.where(spread > 0, spread, np.nan)


def _banded(name: str, measure: Measure, value: float, null: Distances, *, note: str) -> AttributeDrift:
    if not (np.isfinite(value) and np.isfinite(null).all()):
        why = "too few numbers, or none that vary, in one of the two"
        return AttributeDrift(name=name, measure=measure, value=None, note=why)
    middle, high = np.quantile(null, [0.5, LEVEL])
    return AttributeDrift(
        name=name, measure=measure, value=value, null_median=float(middle), null_high=float(high), note=note
    )


def _from_distributions(
    name: str, here: Spectrum, there: Spectrum, generator: np.random.Generator
) -> Iterator[AttributeDrift]:
    first, second = here.attributes[name], there.attributes[name]
    n, m = here.n_patients, there.n_patients
    if name.startswith(LABEL) and (here.n_studies == first.missing or there.n_studies == second.missing):
        return  # nobody has looked yet, which is no movement
    words = [of.mean is None or bool(of.counts) for of in (first, second)]
    if all(words):
        yield _of_shares(name, "total variation", (_with_missing(first), _with_missing(second)), (n, m), generator)
        return
    if any(words):
        note = "numbers in one of the two, words in the other"
        yield AttributeDrift(name=name, measure="standardised mean difference", value=None, note=note)
        return
    value, chance = smd.of_numbers(first, second), smd.by_chance(n, m)
    middle = smd.by_chance(n, m, level=0.5)
    note = _SIMULATED if value is not None else "no variation"
    yield AttributeDrift(
        name=name,
        measure="standardised mean difference",
        value=value,
        null_median=middle if value is not None else None,
        null_high=chance if value is not None else None,
        note=note,
    )
    if first.missing or second.missing:
        known = (here.n_studies - first.missing, there.n_studies - second.missing)
        tallies = tuple({"": of.missing, "known": count} for of, count in zip((first, second), known, strict=True))
        yield _of_shares(name, "missing share", tallies, (n, m), generator)


def _with_missing(of: Distribution) -> dict[str, int]:
    return tally(of) | {_MISSING: of.missing}


def _of_shares(
    name: str,
    measure: Measure,
    tallies: tuple[dict[str, int], ...],
    patients: tuple[int, int],
    generator: np.random.Generator,
) -> AttributeDrift:
    """Total variation of two tallies, and of two samples of so many patients from both together."""
    p, q = smd.shares(*tallies)
    if not (p.sum() and q.sum()) or min(patients) < 1:
        return AttributeDrift(name=name, measure=measure, value=None, note="one of the two has no study")
    both = p * patients[0] + q * patients[1]
    drawn = [generator.multinomial(n, both / both.sum(), PERMUTATIONS).astype(np.float64) for n in patients]
    value = float(np.abs(p - q).sum() / 2)
    return _banded(name, measure, value, _total_variation(*drawn), note=_SIMULATED)
