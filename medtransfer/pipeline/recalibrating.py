"""Fit the plan's calibrator on the calibration split, which trained nothing and chose nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medtransfer.core.errors import CohortError, PredictionsError
from medtransfer.core.results import PROBABILITY
from medtransfer.data.targets import targets_of
from medtransfer.decision.recalibration import Question, check_calibrator, check_truth, fit_calibrator
from medtransfer.models.bundle import Bundle, Calibrator, Manifest
from medtransfer.pipeline.held_out import digests
from medtransfer.prediction.predict import question_of
from medtransfer.prediction.run import predict_cohort

if TYPE_CHECKING:
    from medtransfer.core.config.plan import Plan
    from medtransfer.data.cohort import Cohort

SPLIT = "calibration"


def check_calibration(plan: Plan, target: Cohort) -> None:
    """Refuse, before anything is trained, a recalibration that nothing could be fitted to.

    Raises:
        CohortError: `NoCalibration`, or `OneClass`.
        ConfigError: `NotForOrder`.
    """
    if plan.decision.calibrator is None:
        return
    question = Question(task=plan.target.task, classes=plan.target.classes, positive=plan.target.positive)
    check_calibrator(plan.decision.calibrator, question)
    studies = target.studies()
    studies = studies[(studies["split"] == SPLIT) & (studies["label"] != "")]
    if studies.empty:
        raise CohortError(
            f"{plan.decision.calibrator} is fitted on the split {SPLIT!r}, and no labelled study is in it",
            code="NoCalibration",
            path=target.source,
            hint=f"Put a share of the patients aside for it (split.{SPLIT} = 0.15 in the plan), or write {SPLIT} into "
            "the column `split` for the studies of some.",
        )
    try:
        check_truth(targets_of(studies["label"], question.classes, question.task), question)
    except PredictionsError as error:
        raise CohortError(error.message, code=error.code, path=target.source, hint=error.hint) from error


def calibration_studies(target: Cohort) -> Cohort:
    """The labelled rows of the calibration split; there may be none."""
    table = target.table
    return target.with_rows(table[(table["split"] == SPLIT) & (table["label"] != "")])


def shares(target: Cohort, split: str) -> dict[str, float]:
    """Share of each class among the labelled studies of a split; of several labels, of those known to have each."""
    studies = target.studies()
    studies = studies[(studies["split"] == split) & (studies["label"] != "")]
    truth = targets_of(studies["label"], target.classes, target.task)
    if truth.ndim == 1:
        counts = np.bincount(truth, minlength=len(target.classes))
        return {name: float(n / truth.size) for name, n in zip(target.classes, counts, strict=True) if truth.size}
    known = ~np.isnan(truth)
    return {
        name: float(truth[known[:, k], k].mean()) for k, name in enumerate(target.classes) if bool(known[:, k].any())
    }


def with_calibrator(plan: Plan, draft: Bundle, target: Cohort, folder: Path, *, cache: Path | None = None) -> Manifest:
    """What the bundle says of itself once its calibrator is fitted; as it was where the plan asks for none.

    Its priors are then the shares of the calibration split, its patients are among those the bundle has seen, and notes
    say where it rests on few studies.

    Raises:
        PredictionsError: Nothing can be fitted, as where no calibration study could be read.
    """
    name, manifest = plan.decision.calibrator, draft.manifest
    if name is None:
        return manifest
    held = calibration_studies(target)
    run = predict_cohort(draft, held, folder=folder, cache=cache)
    table = run.predictions.table
    table = table[(table["status"] == "read") & (table["truth"] != "")]
    question = question_of(manifest)
    probability = table[[PROBABILITY + each for each in manifest.classes]].to_numpy(dtype=np.float64)
    fitted = fit_calibrator(
        name,
        targets_of(table["truth"], manifest.classes, manifest.task),
        probability,
        question=question,
        priors=manifest.priors,
        settings=plan.decision.calibrator_settings,
    )
    training = manifest.training
    return manifest.model_copy(
        update={
            "calibrator": Calibrator(name=name, parameters=fitted.parameters, fitted_on=SPLIT, studies=len(table)),
            "priors": shares(target, SPLIT),
            "training": training.model_copy(
                update={
                    "notes": (*training.notes, *fitted.notes),
                    "patients": tuple(sorted({*training.patients, *digests(held.table)})),
                }
            ),
        }
    )
