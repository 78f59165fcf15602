"""Studies → rows: probabilities, decision, flags. No torch: a runtime executes the network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from medtransfer.core.errors import PredictionsError, ReadError
from medtransfer.core.results import PROBABILITY, UNCALIBRATED
from medtransfer.data.preprocess import Prepared
from medtransfer.data.targets import label_text
from medtransfer.decision.recalibration import Question, recalibrated
from medtransfer.models.answers import probabilities
from medtransfer.models.bundle import Bundle, Manifest
from medtransfer.prediction.types import Runtime, StudyScans

SEVERAL_IMAGES = "several_images"
"""Flag of a study whose images were pooled."""


def predict_studies(runtime: Runtime, bundle: Bundle, studies: Sequence[StudyScans]) -> list[dict[str, Any]]:
    """What the bundle says about each study: `probability_<class>`, `decision`, `flags`.

    Where it recalibrates, also `uncalibrated_<class>`: what the network said. Decisions rest on the recalibrated
    probabilities. They are computed in 64 bits, so that a row sums to 1 as closely as later checks ask.

    Args:
        runtime: The loaded network.
        bundle: Its labels and operating point.
        studies: Every image or series of each study that could be read, at least one a study.

    Raises:
        PredictionsError: The network answers with something that is no number.
    """
    if not studies:
        return []
    logits = runtime(studies)
    if not np.isfinite(logits).all():  # compared with a threshold, NaN would read as negative
        raise PredictionsError(
            "the network's answer is not finite",
            code="NotFinite",
            path=bundle.folder,
            hint="Its parameters are damaged: make the bundle again.",
        )
    found = probabilities(bundle.manifest.task, logits.astype(np.float64))
    calibrator = bundle.manifest.calibrator
    if calibrator is None:
        return [_row(bundle, row, len(study)) for row, study in zip(found, studies, strict=True)]
    told = recalibrated(calibrator.name, calibrator.parameters, found, question=question_of(bundle.manifest))
    return [
        _row(bundle, row, len(study)) | _columns(UNCALIBRATED, bundle, before)
        for row, before, study in zip(told, found, studies, strict=True)
    ]


def question_of(manifest: Manifest) -> Question:
    """What a bundle's probabilities are of, as its calibrator asks."""
    return Question(task=manifest.task, classes=manifest.classes, positive=manifest.positive)


def check_channels(bundle: Bundle, scan: Prepared, path: str | Path) -> None:
    """Refuse colour where a network of the bundle looks at grey alone.

    Raises:
        ReadError: `ChannelsDoNotFit`.
    """
    grey = any(member.in_channels == 1 or member.grey == "neighbours" for member in bundle.manifest.members)
    if grey and scan.planes.shape[1] == 3:
        raise ReadError(
            "is in colour, and the bundle's network looks at grey pictures alone",
            code="ChannelsDoNotFit",
            path=path,
            hint="Leave it out, or use a bundle whose model.in_channels is 3 and whose model.grey is repeat.",
            stage="prepare",
        )


def _row(bundle: Bundle, found: Float64[ndarray, " class"], images: int) -> dict[str, Any]:
    row: dict[str, Any] = _columns(PROBABILITY, bundle, found)
    row["decision"] = _decision(bundle.manifest, row)
    row["flags"] = SEVERAL_IMAGES if images > 1 else ""
    return row


def _decision(manifest: Manifest, row: dict[str, Any]) -> str:
    """As `PREDICTION_COLUMNS` says; several labels are written as a cohort writes what is true of them."""
    point = manifest.operating_point
    if point is not None:
        return point.positive if row[f"{PROBABILITY}{point.positive}"] >= point.threshold else f"not {point.positive}"
    return label_text(
        {name: row[f"{PROBABILITY}{name}"] >= one.threshold for name, one in manifest.operating_points.items()}
    )


def _columns(prefix: str, bundle: Bundle, found: Float64[ndarray, " class"]) -> dict[str, Any]:
    return {f"{prefix}{name}": float(p) for name, p in zip(bundle.manifest.classes, found, strict=True)}
