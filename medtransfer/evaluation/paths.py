"""Where a study's image lies, for those who asked for its name: as the ledger beside the predictions says."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from medtransfer.core.results import Predictions

if TYPE_CHECKING:
    import pandas as pd

_PICKED: Final = re.compile(r" \[[^][]*\]$")
"""What was picked of a file, which is no part of its path (`data.names.case_names`)."""


def with_paths(predictions: Predictions, ledger: pd.DataFrame | None) -> Predictions:
    """The predictions with a column `path`: the study's first image that was read, relative to its cohort's folder.

    As they were where they have one already, or where there is no ledger of studies.
    """
    if ledger is None or "path" in predictions.table or not {"path", "study_id", "status"} <= set(ledger.columns):
        return predictions
    first = ledger[ledger["status"] == "read"].drop_duplicates("study_id").set_index("study_id")["path"]
    bare = first.astype(str).str.replace(_PICKED, "", regex=True)
    paths = predictions.table["study_id"].astype(str).map(bare).fillna("")
    return replace(predictions, table=predictions.table.assign(path=paths))
