"""The studies with the finding and the lowest probabilities, and those without it and the highest.

With an operating point they are false negatives and false positives at it; without one, the lowest-ranked studies with
the finding and the highest-ranked without, whatever their probability. Equal probabilities are ordered by study id.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

import numpy as np
import pandas as pd

from medtransfer.core.evaluated.errors import ErrorCase, ErrorGallery
from medtransfer.core.results import ATTRIBUTE, Predictions
from medtransfer.evaluation.accounting.rows import Finding, findings
from medtransfer.evaluation.cases import as_text, checked_table

SHOWN: Final = 12
"""Of each kind."""

_PATH: Final = ("path", f"{ATTRIBUTE}path")
_THUMBNAIL: Final = "thumbnail"

Kind = Literal["false negative", "false positive"]


def errors_gallery(predictions: Predictions, *, most: int = SHOWN) -> tuple[ErrorGallery, ...]:
    """One gallery a finding. It names studies, so call it only where the user asked for names.

    Args:
        predictions: What is looked at.
        most: Studies shown of each kind.

    Raises:
        PredictionsError: The table cannot be trusted (`cases.checked_table`).
    """
    table = checked_table(predictions)
    rows = table[table["status"] == "read"].sort_values("study_id").reset_index(drop=True)
    thumbnails = _thumbnails(predictions)
    return tuple(_gallery(rows, one, thumbnails, most) for one in findings(predictions))


def _gallery(rows: pd.DataFrame, finding: Finding, thumbnails: dict[str, np.ndarray], most: int) -> ErrorGallery:
    p, cut = finding.probability, finding.threshold
    missed = np.flatnonzero((finding.truth == 1) & (True if cut is None else p < cut))
    alarmed = np.flatnonzero((finding.truth == 0) & (True if cut is None else p >= cut))
    missed = missed[np.argsort(p[missed], kind="stable")]
    alarmed = alarmed[np.argsort(-p[alarmed], kind="stable")]
    return ErrorGallery(
        of=finding.name,
        threshold=cut,
        false_negatives=tuple(_cases(rows, finding, missed[:most], "false negative", thumbnails)),
        false_positives=tuple(_cases(rows, finding, alarmed[:most], "false positive", thumbnails)),
        n_false_negatives=missed.size,
        n_false_positives=alarmed.size,
    )


def _cases(
    rows: pd.DataFrame, finding: Finding, places: np.ndarray, kind: Kind, thumbnails: dict[str, np.ndarray]
) -> Iterator[ErrorCase]:
    words = {name: as_text(rows[name].iloc[places]).tolist() for name in _told(rows)}
    for i, place in enumerate(places.tolist()):
        said = {name: cells[i] for name, cells in words.items()}
        picture = thumbnails.get(said["study_id"], np.empty(0))
        yield ErrorCase(
            study_id=said["study_id"],
            kind=kind,
            probability=float(finding.probability[place]),
            truth=said["truth"],
            flags=tuple(flag for flag in said.get("flags", "").split(";") if flag),
            attributes={
                name.removeprefix(ATTRIBUTE): cell
                for name, cell in said.items()
                if cell and (name in {"site", "date"} or name.startswith(ATTRIBUTE)) and name not in _PATH
            },
            path=next((said[name] for name in _PATH if said.get(name)), ""),
            thumbnail=tuple(np.clip(np.rint(picture), 0, 255).astype(int).tolist()),
        )


def _told(rows: pd.DataFrame) -> list[str]:
    """The columns that a case is described by."""
    fixed = ("study_id", "truth", "flags", "site", "date", "path")
    return [name for name in map(str, rows.columns) if name in fixed or name.startswith(ATTRIBUTE)]


def _thumbnails(predictions: Predictions) -> dict[str, np.ndarray]:
    features = predictions.features
    if features is None or _THUMBNAIL not in features:
        return {}
    pairs = zip(features["study_id"].astype(str), features[_THUMBNAIL], strict=True)
    return {name: np.asarray(cell, dtype=np.float64) for name, cell in pairs if len(cell) == 64}
