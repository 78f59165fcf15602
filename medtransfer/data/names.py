"""What the rows of a cohort are called, in ledgers and errors and in converted cohorts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

PICKS = ("series_uid", "part")
"""Optional columns of a cohort: which series of the folder or archive in `path`, and which part of it."""


def case_names(table: pd.DataFrame) -> list[str]:
    """One name a row, its own: the path, and in brackets what is picked of it where the table says that."""
    picks = [name for name in PICKS if name in table]
    names = []
    for path, *words in table[["path", *picks]].itertuples(index=False):
        picked = " ".join(word for word in words if word)
        names.append(f"{path} [{picked}]" if picked else str(path))
    return names
