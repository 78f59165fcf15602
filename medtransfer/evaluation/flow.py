"""Where every input ended: the STARD flow of a prediction table.

    inputs = excluded + failed + unlabelled + evaluated

Reference: Bossuyt et al. 2015 (STARD), item 19.
"""

from __future__ import annotations

from collections import Counter

import pandas as pd

from medtransfer.core.results import Flow, Predictions
from medtransfer.evaluation.cases import checked_table

UNSTATED = "Unstated"
"""Code of a row that was not read and says no reason."""


def flow(predictions: Predictions) -> Flow:
    """Count the rows by what became of them; excluded and failed ones by the code of their `error`.

    Raises:
        PredictionsError: The table cannot be trusted (`cases.checked_table`).
    """
    table = checked_table(predictions)
    read = table[table["status"] == "read"]
    labelled = read[read["truth"] != ""]
    return Flow(
        inputs=len(table),
        excluded=_reasons(table[table["status"] == "excluded"]),
        failed=_reasons(table[table["status"] == "failed"]),
        unlabelled=len(read) - len(labelled),
        evaluated=len(labelled),
        per_class={name: int((labelled["truth"] == name).sum()) for name in predictions.classes},
    )


def _reasons(rows: pd.DataFrame) -> dict[str, int]:
    """How often each code occurs: the first word of the error, up to its colon. Sorted by code."""
    codes = ((error.split(":")[0].split() or [UNSTATED])[0] for error in rows["error"])
    return dict(sorted(Counter(codes).items()))
