"""What the locked operating points decide of each study, as `predict` writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from medtransfer.core.errors import PredictionsError
from medtransfer.core.results import PROBABILITY, Predictions
from medtransfer.data.targets import label_text

if TYPE_CHECKING:
    import pandas as pd


def check_points(predictions: Predictions) -> None:
    """Refuse operating points of anything but the positive class, or the labels.

    Raises:
        PredictionsError: `OtherOperatingPoint`.
    """
    point, several = predictions.operating_point, predictions.task == "multilabel"
    if point is not None and point.positive != predictions.positive:
        raise PredictionsError(
            f"the operating point is for {point.positive!r}, the positive class is {predictions.positive!r}",
            code="OtherOperatingPoint",
            hint="Choose the operating point for the positive class, on validation data.",
        )
    for name, one in predictions.operating_points.items():
        if not several or name not in predictions.classes or one.positive != name:
            raise PredictionsError(
                f"the operating point of {name!r} is for {one.positive!r}; "
                f"{'labels' if several else 'classes'} are {', '.join(predictions.classes)}",
                code="OtherOperatingPoint",
                hint="Only where there are several labels at once each has an operating point, its own.",
            )


def decisions_of(read: pd.DataFrame, predictions: Predictions) -> np.ndarray:
    """The column `decision` of studies that were read; there is at least one operating point.

    Args:
        read: Their rows.
        predictions: Whose operating points.
    """
    points = predictions.points
    called = np.stack(
        [read[PROBABILITY + name].to_numpy(dtype=np.float64) >= one.threshold for name, one in points.items()], axis=1
    )
    if predictions.task != "multilabel":
        (name,) = points
        return np.where(called[:, 0], name, f"not {name}")
    patterns, which = np.unique(called, axis=0, return_inverse=True)
    said = [label_text(dict(zip(points, map(bool, row), strict=True))) for row in patterns]
    return np.array(said, dtype=object)[which.ravel()]
