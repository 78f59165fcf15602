"""The operating points of a bundle, chosen on validation: of the positive class, or one for each of several labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from medtransfer.core.config.plan import Plan
from medtransfer.core.results import PROBABILITY
from medtransfer.data.cohort import Cohort, patients
from medtransfer.data.targets import targets_of
from medtransfer.decision.thresholds import choose
from medtransfer.evaluation.cautions import FEW
from medtransfer.evaluation.evaluate import PATIENTS_UNKNOWN
from medtransfer.models.bundle import Bundle
from medtransfer.prediction.run import predict_cohort

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from medtransfer.core.results import OperatingPoint

SPLIT: Final = "validation"
NO_POINT: Final = "has no operating point: "
"""Stands in every note on a label without one."""


@dataclass(frozen=True, kw_only=True)
class ChosenPoints:
    """What was chosen, and what a reader should know of it.

    Attributes:
        one: Of the positive class.
        each: Label → its own.
        notes: Which labels have none, and why.
    """

    one: OperatingPoint | None = None
    each: dict[str, OperatingPoint] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def for_manifest(self) -> dict[str, Any]:
        """The fields of a manifest that hold them."""
        return {"operating_point": self.one, "operating_points": self.each}


def chosen_points(
    plan: Plan, draft: Bundle, target: Cohort, folder: Path, *, cache: Path | None = None
) -> ChosenPoints:
    """Choose with the network as the bundle will run it, by one rule for all labels.

    A label is judged by the studies of which it is known. It has no point where fewer than ten of them have it, or have
    it not.

    Args:
        plan: The positive class, and the rule.
        draft: The network; recalibrated, where it will be.
        target: The cohort with its splits.
        folder: Of the journal of what is predicted.
        cache: Folder of prepared pictures.

    Raises:
        PredictionsError: No threshold of the positive class can be chosen.
    """
    several = draft.manifest.task == "multilabel"
    if (plan.target.positive is None and not several) or not (target.table["split"] == SPLIT).any():
        return ChosenPoints()
    predictions = predict_cohort(draft, target.split(SPLIT), folder=folder, cache=cache).predictions
    table = predictions.table[predictions.table["status"] == "read"]
    decide = partial(
        choose,
        rule=plan.decision.rule,
        goal=None if plan.decision.rule == "youden" else plan.decision.goal,
        chosen_on=SPLIT,
    )
    if several:
        found = _of_labels(draft.manifest.classes, table, decide)
    else:
        positive = str(plan.target.positive)
        truth = (table["truth"] == positive).to_numpy()
        found = ChosenPoints(one=decide(truth, _said(table, positive), positive=positive, groups=_patients(table)))
    unknown = target.patients_unknown and (table["patient_id"] == "").any()
    return _stamped(found) if unknown else found


def _of_labels(labels: tuple[str, ...], table: pd.DataFrame, decide: Callable[..., OperatingPoint]) -> ChosenPoints:
    each, notes = {}, []
    truths = targets_of(table["truth"], labels, "multilabel")
    for index, name in enumerate(labels):
        known = ~np.isnan(truths[:, index])
        truth, rows = truths[known, index] == 1, table[known]
        present, absent = int(truth.sum()), int((~truth).sum())
        if min(present, absent) < FEW:
            notes.append(
                f"{name} {NO_POINT}of the {SPLIT} studies, {present} have it and {absent} do not, and "
                f"{FEW} of each are needed."
            )
        else:
            each[name] = decide(truth, _said(rows, name), positive=name, groups=_patients(rows))
    return ChosenPoints(each=each, notes=tuple(notes))


def _said(table: pd.DataFrame, name: str) -> np.ndarray:
    return table[f"{PROBABILITY}{name}"].to_numpy(dtype=float)


def _patients(table: pd.DataFrame) -> np.ndarray:
    return patients(table).factorize(sort=True)[0]


def _stamped(found: ChosenPoints) -> ChosenPoints:
    """Every figure says that patients are unknown."""
    one = None if found.one is None else _with_stamp(found.one)
    return ChosenPoints(one=one, each={name: _with_stamp(it) for name, it in found.each.items()}, notes=found.notes)


def _with_stamp(point: OperatingPoint) -> OperatingPoint:
    stamp = {"note": PATIENTS_UNKNOWN}
    return point.model_copy(
        update={
            "sensitivity": point.sensitivity.model_copy(update=stamp),
            "specificity": point.specificity.model_copy(update=stamp),
        }
    )
