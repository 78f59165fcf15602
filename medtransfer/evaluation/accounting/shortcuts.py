"""The shortcut panel: how far one gets without looking at the anatomy.

A model that knows only the table, an 8 × 8 thumbnail or the border of the picture ought to be near ½. Where it is not,
the classes differ in how, where and of whom pictures were made, and a network may have learned that instead of the
finding. The panel judges the cohort, not the network: a high figure says that the headline *can* rest on a shortcut.
Linear models only: what they do not find may still be there.

Reference: DeGrave, Janizek, Lee 2021 (shortcuts in radiographs); Geirhos et al. 2020; Zech et al. 2018 (sites).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from medtransfer.core.evaluated.shortcuts import Shortcut, Shortcuts
from medtransfer.core.results import Estimate, Predictions
from medtransfer.core.types import Groups, Truths
from medtransfer.data.spectrum import described
from medtransfer.evaluation.accounting.cross_fitting import METHOD, cross_fitted_auroc
from medtransfer.evaluation.accounting.given_label import ACQUISITION, given_label
from medtransfer.evaluation.accounting.metadata import encoded
from medtransfer.evaluation.accounting.rows import Finding, findings, groups_of, of_some_patients, read_rows
from medtransfer.evaluation.accounting.stored import stored
from medtransfer.evaluation.roc import auroc_estimate

AUROC: Final = "AUROC"
METADATA, THUMBNAIL, BORDER = "metadata", "thumbnail", "border"
_MOST_ALONE: Final = 12
_MOST_PATIENTS: Final = 20_000
"""Patients that the panel looks at; more would make it slower and no interval noticeably narrower."""
_SUSPICIOUS: Final = 0.6
"""AUROC whose interval lies above this draws a warning."""


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """The studies of which the finding is known."""

    rows: pd.DataFrame
    truth: Truths
    groups: Groups


def shortcuts(
    predictions: Predictions, *, seed: int = 0, attributes: Sequence[str] = ACQUISITION
) -> tuple[Shortcuts, ...]:
    """One panel a finding, over the studies that were read and of which it is known.

    Args:
        predictions: With `features`, where `predict` stored them.
        seed: Of the folds.
        attributes: Of the acquisition: with these the score is compared given the truth.

    Raises:
        PredictionsError: The table or features cannot be used (`cases.checked_table`, `stored`).
    """
    rows = read_rows(predictions)
    return tuple(_panel(predictions, rows, one, seed=seed, attributes=attributes) for one in findings(predictions))


def _panel(
    predictions: Predictions, rows: pd.DataFrame, finding: Finding, *, seed: int, attributes: Sequence[str]
) -> Shortcuts:
    groups = groups_of(rows)
    taken = ~np.isnan(finding.truth)
    taken[taken] = of_some_patients(groups[taken], _MOST_PATIENTS, np.random.default_rng(seed))
    seen = _Seen(
        rows=rows[taken].reset_index(drop=True),
        truth=finding.truth[taken] == 1,
        groups=groups[taken],
    )
    score = finding.probability[taken]
    tables = encoded(seen.rows, classes=predictions.classes, task=predictions.task)
    columns = described(seen.rows, classes=predictions.classes, task=predictions.task)
    panel = (_metadata(seen, tables, seed), *(_picture(predictions, seen, name, seed) for name in (THUMBNAIL, BORDER)))
    alone = [_shortcut(seen, name, values, seed, (name,)) for name, values in tables.items()] if len(tables) > 1 else []
    alone.sort(key=lambda one: (-(one.auroc.value or 0.0), one.name))
    return Shortcuts(
        of=finding.name,
        model=auroc_estimate(seen.truth, score, seen.groups),
        panel=panel,
        attributes=tuple(alone[:_MOST_ALONE]),
        given_label=given_label(columns, seen.truth, score, seen.groups, attributes=attributes),
        method=METHOD + _drawing(groups, taken),
        seed=seed,
        warnings=tuple(_warnings((*panel, *alone), finding.name)),
    )


def _drawing(groups: Groups, taken: Truths) -> str:
    """Says so where not every patient is looked at."""
    of = np.unique(groups[taken]).size
    return f", {of:,} patients drawn from {np.unique(groups).size:,}" if of == _MOST_PATIENTS else ""


def _metadata(seen: _Seen, tables: dict[str, np.ndarray], seed: int) -> Shortcut:
    if not tables:
        return _none(METADATA, len(seen.truth), "no attribute varies")
    return _shortcut(seen, METADATA, np.concatenate(list(tables.values()), axis=1), seed, tuple(tables))


def _picture(predictions: Predictions, seen: _Seen, name: str, seed: int) -> Shortcut:
    values, has = stored(predictions, name, seen.rows)
    if not has.any():
        return _none(name, len(has), "no pictures were stored: predict with --store")
    found = _shortcut(_Seen(rows=seen.rows[has], truth=seen.truth[has], groups=seen.groups[has]), name, values, seed)
    if has.all():
        return found
    without = f"{int(np.sum(~has)):,} studies have none"
    note = "; ".join(filter(None, [found.auroc.note, without]))
    return found.model_copy(update={"auroc": found.auroc.model_copy(update={"note": note})})


def _shortcut(seen: _Seen, name: str, values: np.ndarray, seed: int, made_of: tuple[str, ...] = ()) -> Shortcut:
    auroc = cross_fitted_auroc(AUROC, values, seen.truth, seen.groups, seed=seed)
    return Shortcut(name=name, auroc=auroc, made_of=made_of)


def _none(name: str, n: int, note: str) -> Shortcut:
    return Shortcut(name=name, auroc=Estimate(name=AUROC, value=None, method=METHOD, n=n, note=note))


def _warnings(found: Sequence[Shortcut], finding: str) -> Iterator[str]:
    for one in found:
        least = one.auroc.low if one.auroc.low is not None else one.auroc.value
        if one.auroc.value is not None and least is not None and least > _SUSPICIOUS:
            what = {METADATA: "The table", THUMBNAIL: "An 8 × 8 thumbnail", BORDER: "The border of the picture"}
            said = what.get(one.name, f"The attribute {one.name!r}")
            yield f"Shortcut: {said} alone tells {finding} with an AUROC of {one.auroc.value:.2f}"
