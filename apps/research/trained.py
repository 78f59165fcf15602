"""Runs in a table, and how far runs lie apart that differ in nothing but their seed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev
from typing import TYPE_CHECKING, Final, NamedTuple

import pandas as pd
import streamlit as st

import medtransfer as mt
from apps.research.content import content_key
from apps.research.evaluated import evaluation_key, read_once
from apps.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from apps.research.outputs import Outputs

_FILES: Final = ("plan.toml", "history.csv", "bundle/bundle.json")
_TERMS: Final = "terms.csv"

LOSS: Final = "Validation log-loss"
AUROC: Final = "Validation AUROC"


class Headline(NamedTuple):
    """The first figure of an evaluation, and where it lies."""

    title: str
    figure: mt.Estimate


def run_of(folder: Path, *, terms: bool = False) -> mt.Run:
    """A run as its files are now; of the terms only where they are wanted, since they are many."""
    names = (*_FILES, _TERMS) if terms else _FILES
    run = _run(content_key(*(folder / name for name in names)), folder, terms=terms)
    return replace(run, folder=folder)  # a copy of a run elsewhere has the same content


def headlines(found: Outputs) -> dict[str, tuple[Headline, ...]]:
    """What was measured of each bundle, by its digest. Evaluations that cannot be read are left to their own screen."""
    of: dict[str, tuple[Headline, ...]] = {}
    for folder in found.evaluations:
        try:
            evaluation = read_once(evaluation_key(folder), folder)
        except mt.MedTransferError:
            continue
        if evaluation.estimates:
            own = Headline(printable(evaluation.title) or found.name(folder), evaluation.estimates[0])
            bundle = evaluation.provenance.bundle_sha256
            of[bundle] = (*of.get(bundle, ()), own)
    return of


def kept_epoch(run: mt.Run) -> mt.EpochRow | None:
    """The epoch whose weights the bundle has, or so far the best; None where validation cannot tell."""
    measured = [row for row in run.history if row.validation_log_loss is not None]
    if run.record is not None and run.record.best_epoch is not None:
        return next((row for row in measured if row.epoch == run.record.best_epoch), None)
    return min(measured, key=lambda row: row.validation_log_loss or 0.0, default=None)


def run_rows(runs: Mapping[str, mt.Run]) -> pd.DataFrame:
    """A row a run, under its name."""
    return pd.DataFrame([_row(name, run) for name, run in runs.items()])


def seed_rows(runs: Sequence[mt.Run], measured: Mapping[str, Sequence[Headline]]) -> pd.DataFrame:
    """A row a figure: over how many seeds, its mean, their standard deviation, the lowest and the highest."""
    values: dict[str, list[float]] = {}
    for run in runs:
        kept = kept_epoch(run)
        found = (
            {}
            if kept is None
            else {
                LOSS: kept.validation_log_loss,
                AUROC: kept.validation_auroc,
            }
        )
        found |= {f"{one.figure.name}, {one.title}": one.figure.value for one in measured.get(run.bundle_sha256, ())}
        for name, value in found.items():
            if value is not None:
                values.setdefault(name, []).append(value)
    rows = [
        (name, len(some), mean(some), stdev(some), min(some), max(some))
        for name, some in values.items()
        if len(some) > 1
    ]
    return pd.DataFrame(rows, columns=["Figure", "Seeds", "Mean", "Standard deviation", "Lowest", "Highest"])


def _row(name: str, run: mt.Run) -> dict[str, object]:
    plan, kept = run.plan, kept_epoch(run)
    terms = () if plan is None else (*plan.objective.instances, *plan.objective.features, *plan.objective.parameters)
    return {
        "Run": name,
        "State": "finished" if run.record is not None else "no bundle yet",
        "Backbone": "" if plan is None else plan.model.backbone,
        "Weights": "" if plan is None else printable(plan.model.weights),
        "λ": "" if plan is None else f"{plan.objective.trade_off:g}".replace("inf", "∞"),
        "Terms": ", ".join(terms),
        "Policy": "" if plan is None else plan.policy.name,
        "Seed": None if plan is None else plan.seed,
        "Epochs": len(run.history) or (run.record.epochs if run.record else None),
        "Kept": None if kept is None else kept.epoch + 1,
        LOSS: None if kept is None else kept.validation_log_loss,
        AUROC: None if kept is None else _with_ends(kept),
    }


def _with_ends(row: mt.EpochRow) -> str | None:
    if row.validation_auroc is None:
        return None
    low, high = row.validation_auroc_low, row.validation_auroc_high
    ends = "" if low is None or high is None else f" ({low:.3f}–{high:.3f})"
    return f"{row.validation_auroc:.3f}{ends}"


@st.cache_resource(max_entries=128, show_spinner="Reading the runs …")
def _run(key: str, _folder: Path, *, terms: bool) -> mt.Run:
    del key
    return mt.read_run(_folder, terms=terms)
