"""Predictions of a model in use → what has moved, as a page and a record."""

from __future__ import annotations

from pathlib import Path

from medtransfer.core.evaluated.monitoring import Monitoring
from medtransfer.core.files import writable_folder
from medtransfer.core.results import Predictions
from medtransfer.evaluation.monitor import monitor as look
from medtransfer.evaluation.predictions_io import read_predictions
from medtransfer.reporting.monitoring import write_monitoring


def monitor(
    predictions: Predictions | str | Path,
    *,
    reference: Predictions | str | Path | None = None,
    out: str | Path | None = None,
    title: str = "",
    seed: int = 0,
) -> Monitoring:
    """Look at predictions without asking for a truth.

    Args:
        predictions: The predictions, or the folder or CSV they were written to.
        reference: Earlier ones of the same bundle, such as those of its validation split.
        out: Folder for `monitoring.html`, `monitoring.json` and `figures/`.
        title: What the page is headed by.
        seed: Of permutations.

    Raises:
        PredictionsError: They cannot be looked at as they are.
        OutputError: The folder cannot be written to.
    """
    folder = None if out is None else writable_folder(Path(out))
    earlier = None if reference is None else _read(reference)
    found = look(_read(predictions), reference=earlier, title=title, seed=seed)
    if folder is not None:
        write_monitoring(found, folder)
    return found


def _read(predictions: Predictions | str | Path) -> Predictions:
    return predictions if isinstance(predictions, Predictions) else read_predictions(Path(predictions))
