"""Whether the flow of the studies and the ledger of their images tell the same story.

    studies of the ledger = inputs,    read = unlabelled + evaluated,    excluded and failed code by code

A study is read where any image of it was; else it failed where any image failed, by the code of the first that did;
else it was excluded, by the code of its first image.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pandas as pd

from medtransfer.core.errors import PredictionsError
from medtransfer.core.evaluated.accounts import Reconciliation
from medtransfer.core.results import Flow
from medtransfer.data.ledger import Ledger
from medtransfer.evaluation.flow import UNSTATED

_STATUSES = ("read", "excluded", "failed")
_DECIDING = ("read", "failed", "excluded")
"""Which status of an image decides over its study's, the strongest first."""


def reconciled(flow: Flow, ledger: Ledger | pd.DataFrame) -> Reconciliation:
    """Count the ledger by images and by studies, and say where it does not agree with the flow.

    Args:
        flow: Of the predictions.
        ledger: Of the run that made them, or its table.
    """
    table = ledger.table() if isinstance(ledger, Ledger) else ledger
    studies = _studies(table)
    return Reconciliation(
        images=_counts(table),
        studies=_counts(studies),
        by_reason=_reasons(table),
        differences=tuple(_differences(flow, _counts(studies), _reasons(studies))),
    )


def require_agreement(found: Reconciliation) -> None:
    """Accept the reconciliation, or raise.

    Raises:
        PredictionsError: `NotReconciled`, with every difference.
    """
    if not found.agrees:
        raise PredictionsError(
            f"predictions and ledger do not agree: {'; '.join(found.differences)}",
            code="NotReconciled",
            hint="They are of different runs, or rows were removed: predict again into a new folder.",
        )


def _studies(images: pd.DataFrame) -> pd.DataFrame:
    """One row a study: of its images the first that decides."""
    named = images[images["study_id"] != ""]
    decides = named["status"].map({status: place for place, status in enumerate(_DECIDING)})
    return named.assign(decides=decides).sort_values("decides", kind="stable").drop_duplicates("study_id")


def _counts(rows: pd.DataFrame) -> dict[str, int]:
    tally = Counter(rows["status"])
    return {"inputs": len(rows)} | {name: tally[name] for name in _STATUSES}


def _reasons(rows: pd.DataFrame) -> dict[str, dict[str, int]]:
    """How often each code occurs by status, sorted by code."""
    return {
        status: dict(
            sorted(Counter(str(code) or UNSTATED for code in rows.loc[rows["status"] == status, "code"]).items())
        )
        for status in _STATUSES[1:]
    }


def _differences(flow: Flow, studies: dict[str, int], reasons: dict[str, dict[str, int]]) -> Iterator[str]:
    read = flow.unlabelled + flow.evaluated
    pairs = [("inputs", flow.inputs, studies["inputs"]), ("studies that were read", read, studies["read"])]
    for status, found in (("excluded", flow.excluded), ("failed", flow.failed)):
        codes = sorted({*found, *reasons[status]})
        pairs += [(f"{status} as {code}", found.get(code, 0), reasons[status].get(code, 0)) for code in codes]
    for what, here, there in pairs:
        if here != there:
            yield f"{what}: {here:,} in the predictions, {there:,} in the ledger"
