"""Where every input ended: the STARD flow of a prediction table.

    inputs = excluded + failed + unlabelled + evaluated

Of several labels, a study is evaluated where at least one of them is known.

Reference: Bossuyt et al. 2015 (STARD), item 19.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pandas as pd

from medtransfer.core.results import Flow, LabelCounts, Predictions
from medtransfer.data.targets import absences, counts, targets_of
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
        **_answers(labelled["truth"], predictions),
    )


def _answers(truth: pd.Series, predictions: Predictions) -> dict[str, Any]:
    """How often each class occurs, or what is known of each label."""
    classes = predictions.classes
    targets = targets_of(truth, classes, predictions.task)
    found = counts(targets, len(classes)).tolist()
    if predictions.task != "multilabel":
        return {"per_class": dict(zip(classes, found, strict=True))}
    known = zip(classes, found, absences(targets).tolist(), strict=True)
    per_label = {
        name: LabelCounts(present=present, absent=absent, unknown=len(truth) - present - absent)
        for name, present, absent in known
    }
    return {"per_class": {}, "per_label": per_label}


def _reasons(rows: pd.DataFrame) -> dict[str, int]:
    """How often each code occurs: the first word of the error, up to its colon. Sorted by code."""
    codes = ((error.split(":")[0].split() or [UNSTATED])[0] for error in rows["error"])
    return dict(sorted(Counter(codes).items()))
