"""Studies → rows: probabilities, decision, flags. No torch: a runtime executes the network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.special import softmax

from medtransfer.core.errors import PredictionsError
from medtransfer.core.results import PROBABILITY
from medtransfer.core.types import MixedPicture
from medtransfer.data.stored.arrays import in_unit_range
from medtransfer.models.bundle import Bundle
from medtransfer.prediction.types import Runtime

SEVERAL_IMAGES = "several_images"
"""Flag of a study whose images were pooled."""


def predict_studies(
    runtime: Runtime, bundle: Bundle, studies: Sequence[Sequence[MixedPicture]]
) -> list[dict[str, Any]]:
    """What the bundle says about each study: `probability_<class>`, `decision`, `flags`.

    The images of a study are pooled by the mean of their logits, the geometric mean of their odds. Softmax is taken
    in 64 bits, so that a row sums to 1 as closely as later checks ask.

    Args:
        runtime: The loaded network.
        bundle: Its labels and operating point.
        studies: Every image of each study that could be read, at least one a study.

    Raises:
        PredictionsError: The network answers with something that is no number.
    """
    if not studies:
        return []
    logits = runtime(_as_input([picture for study in studies for picture in study]))
    if not np.isfinite(logits).all():  # compared with a threshold, NaN would read as negative
        raise PredictionsError(
            "the network's answer is not finite",
            code="NotFinite",
            path=bundle.folder,
            hint="Its parameters are damaged: make the bundle again.",
        )
    ends = np.cumsum([len(study) for study in studies])[:-1]
    return [_row(bundle, part) for part in np.split(logits, ends)]


def _row(bundle: Bundle, logits: Float[ndarray, "image class"]) -> dict[str, Any]:
    probabilities = softmax(logits.astype(np.float64).mean(axis=0))
    row: dict[str, Any] = {
        f"{PROBABILITY}{name}": float(p) for name, p in zip(bundle.manifest.classes, probabilities, strict=True)
    }
    point = bundle.manifest.operating_point
    row["decision"] = ""
    if point is not None:
        called = row[f"{PROBABILITY}{point.positive}"] >= point.threshold
        row["decision"] = point.positive if called else f"not {point.positive}"
    row["flags"] = SEVERAL_IMAGES if len(logits) > 1 else ""
    return row


def _as_input(pictures: Sequence[MixedPicture]) -> Float[ndarray, "image channel row column"]:
    """Prepared pictures in [0, 1]; grey ones are repeated where others have colour."""
    channels = max(picture.shape[0] for picture in pictures)
    full = [np.repeat(p, channels, axis=0) if p.shape[0] < channels else p for p in pictures]
    return in_unit_range(np.stack(full))
