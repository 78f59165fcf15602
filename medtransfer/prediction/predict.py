"""Studies → rows: probabilities, decision, flags. No torch: a runtime executes the network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from medtransfer.core.errors import PredictionsError, ReadError
from medtransfer.core.results import PROBABILITY
from medtransfer.data.preprocess import Prepared
from medtransfer.models.answers import probabilities
from medtransfer.models.bundle import Bundle
from medtransfer.prediction.types import Runtime, StudyScans

SEVERAL_IMAGES = "several_images"
"""Flag of a study whose images were pooled."""


def predict_studies(runtime: Runtime, bundle: Bundle, studies: Sequence[StudyScans]) -> list[dict[str, Any]]:
    """What the bundle says about each study: `probability_<class>`, `decision`, `flags`.

    Probabilities are computed in 64 bits, so that a row sums to 1 as closely as later checks ask.

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
    return [_row(bundle, row, len(study)) for row, study in zip(found, studies, strict=True)]


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
    row: dict[str, Any] = {
        f"{PROBABILITY}{name}": float(p) for name, p in zip(bundle.manifest.classes, found, strict=True)
    }
    point = bundle.manifest.operating_point
    row["decision"] = ""
    if point is not None:
        called = row[f"{PROBABILITY}{point.positive}"] >= point.threshold
        row["decision"] = point.positive if called else f"not {point.positive}"
    row["flags"] = SEVERAL_IMAGES if images > 1 else ""
    return row
