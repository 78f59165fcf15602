"""Which studies a new one is put beside: those on which the probabilities were calibrated, by their probability."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from medtransfer.core.results import PROBABILITY, SCORE_DECIMALS, ScoredStudies
from medtransfer.core.types import ClassProbabilities, Groups, Probabilities, Truths
from medtransfer.data.cohort import Cohort, patients
from medtransfer.data.targets import targets_of
from medtransfer.decision.recalibration import recalibrated
from medtransfer.pipeline.recalibrating import SPLIT as CALIBRATION
from medtransfer.pipeline.recalibrating import calibration_studies
from medtransfer.prediction.predict import question_of
from medtransfer.prediction.run import predict_cohort

if TYPE_CHECKING:
    import pandas as pd

    from medtransfer.models.bundle import Bundle, Manifest

VALIDATION: Final = "validation"


def scored_on(
    manifest: Manifest, draft: Bundle, target: Cohort, journals: dict[str, Path], *, cache: Path | None = None
) -> tuple[ScoredStudies, ...]:
    """The studies of the calibration split where it has labelled ones, else those of the validation split.

    Nothing is predicted twice: rows that the journals hold already are taken from there.

    Args:
        manifest: With its calibrator, if it has one; it is applied here.
        draft: The network, not recalibrated.
        target: The cohort with its splits.
        journals: Split → folder of the journal of what `draft` predicts of it.
        cache: Folder of prepared pictures.
    """
    held, split = calibration_studies(target), CALIBRATION
    if not len(held):
        held, split = target.with_rows(target.table[target.table["split"] == VALIDATION]), VALIDATION
    if not len(held):
        return ()
    table = predict_cohort(draft, held, folder=journals[split], cache=cache).predictions.table
    table = table[(table["status"] == "read") & (table["truth"] != "")]
    probability = table[[PROBABILITY + name for name in manifest.classes]].to_numpy(dtype=np.float64)
    if manifest.calibrator is not None:
        how = manifest.calibrator
        probability = recalibrated(how.name, how.parameters, probability, question=question_of(manifest))
    return scored_studies(manifest, table, probability, split=split)


def scored_studies(
    manifest: Manifest, table: pd.DataFrame, probability: ClassProbabilities, *, split: str
) -> tuple[ScoredStudies, ...]:
    """Of the positive class, or of each class or label where none is the positive one.

    Args:
        manifest: Whose classes they are.
        table: Rows of predictions, all read and with a truth.
        probability: Theirs, as the bundle gives them.
        split: Whose studies they are.
    """
    truth, owners = targets_of(table["truth"], manifest.classes, manifest.task), patients(table).factorize()[0]
    found = []
    for k, name in enumerate(manifest.classes):
        if manifest.positive not in {None, name}:
            continue
        known = np.ones(len(table), dtype=bool) if truth.ndim == 1 else ~np.isnan(truth[:, k])
        present = truth[known] == k if truth.ndim == 1 else truth[known, k] == 1
        if known.any():
            found.append(_ascending(split, name, probability[known, k], present, owners[known]))
    return tuple(found)


def _ascending(split: str, of: str, probability: Probabilities, present: Truths, owners: Groups) -> ScoredStudies:
    """Sorted by probability and truth alone; patients are numbered as they then come, which says nothing of them."""
    rounded = np.round(probability, SCORE_DECIMALS)
    order = np.lexsort((present, rounded))
    numbers: dict[int, int] = {}
    return ScoredStudies(
        split=split,
        of=of,
        probabilities=tuple(rounded[order].tolist()),
        present=tuple(present[order].tolist()),
        patients=tuple(numbers.setdefault(int(owner), len(numbers)) for owner in owners[order]),
    )
