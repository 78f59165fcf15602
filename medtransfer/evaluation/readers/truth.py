"""A truth table: what readers said of each study, as text and as codes.

A CSV or Parquet file with the columns `study_id` and `truth`, and, in long form with one row for each reading,
`reader`; `patient_id` may be there too, and is then checked against the predictions'. A truth is a class, or, of
several labels, what is known of them (`pneumonia=1;effusion=0`), or a word for "uncertain", or empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from jaxtyping import Int64

from medtransfer.core.errors import CohortError
from medtransfer.core.files import text_digest
from medtransfer.core.types import Task
from medtransfer.data.row_errors import rows_error
from medtransfer.data.tables import read_table
from medtransfer.data.targets import known_labels, strange_labels

UNCERTAIN_WORDS: Final = ("uncertain",)
"""What a reader writes who cannot say."""

ONE_READER: Final = "truth"
"""What the only reader of a table without readers is called."""

UNCERTAIN: Final = -1
EMPTY: Final = -2
"""Codes of answers that name no class."""

Answers = Int64[np.ndarray, "case reader"]
"""What each reader said of each study: index of the class, `UNCERTAIN`, or `EMPTY`; of a label 1 or 0."""

Names = Sequence[str] | pd.Index | pd.Series


@dataclass(frozen=True, kw_only=True)
class TruthTable:
    """What readers said, one row a reading.

    Attributes:
        table: Columns `study_id`, `reader`, `truth` and `patient_id`, all text; no reading twice.
        readers: Names, sorted.
        sha256: Of what was read, whatever the order of its rows.
    """

    table: pd.DataFrame
    classes: tuple[str, ...]
    task: Task
    readers: tuple[str, ...]
    uncertain_words: tuple[str, ...]
    sha256: str

    @property
    def studies(self) -> tuple[str, ...]:
        """The studies that are in it, sorted."""
        return tuple(sorted(set(self.table["study_id"])))

    def questions(self) -> tuple[str | None, ...]:
        """What was asked: every label by itself, or once (None) which class it is."""
        return self.classes if self.task == "multilabel" else (None,)

    def answers(self, studies: Names, of: str | None = None) -> Answers:
        """The readings of these studies as codes, readers in the order of `readers`; `of` a label, where there are."""
        wide = self.table.pivot(index="study_id", columns="reader", values="truth")
        wide = wide.reindex(index=pd.Index(studies), columns=list(self.readers)).fillna("")
        position, words = pd.factorize(wide.to_numpy(dtype=object).ravel())
        codes = np.array([self._code(word, of) for word in words], dtype=np.int64)
        return codes[position].reshape(wide.shape) if len(words) else np.empty(wide.shape, dtype=np.int64)

    def _code(self, cell: str, of: str | None) -> int:
        if cell in self.uncertain_words:
            return UNCERTAIN
        if of is not None:
            return int(known_labels(cell).get(of, EMPTY))
        return self.classes.index(cell) if cell else EMPTY


def read_truth(
    path: str | Path, classes: Sequence[str], task: Task, *, uncertain: Sequence[str] = UNCERTAIN_WORDS
) -> TruthTable:
    """Read a truth table and check every cell of it.

    Args:
        path: The file.
        classes: Classes, or labels, of the predictions.
        task: Of the predictions.
        uncertain: What readers write who cannot say; must be no class.

    Raises:
        CohortError: `NotFound`, `BadTable`, `MissingColumn`, `MissingStudy`, `MissingReader`, `DuplicateReading`,
            `SeveralPatients`, `UnknownLabel` or `UncertainIsAClass`.
    """
    source = Path(path)
    if not source.is_file():
        raise CohortError("there is no such file", code="NotFound", path=source, hint="Give a truth table as CSV.")
    if both := sorted(set(uncertain) & {*classes, ""}):
        hint = "Choose another word for uncertain; empty cells are counted by themselves."
        raise rows_error("words that mean uncertain, and are classes or empty", "UncertainIsAClass", both, source, hint)
    table, _ = read_table(source, "truth")
    if missing := [name for name in ("study_id", "truth") if name not in table]:
        raise CohortError(
            f"no column {' and no column '.join(missing)} among {', '.join(table.columns)}",
            code="MissingColumn",
            path=source,
            hint="A truth table has the columns study_id and truth, and reader where there are several.",
        )
    table = table.assign(
        reader=table.get("reader", ONE_READER),
        patient_id=table.get("patient_id", ""),
    )[["study_id", "reader", "truth", "patient_id"]].sort_values(["study_id", "reader"], ignore_index=True)
    _refuse(table, tuple(classes), task, tuple(uncertain), source)
    return TruthTable(
        table=table,
        classes=tuple(classes),
        task=task,
        readers=tuple(sorted(set(table["reader"]))),
        uncertain_words=tuple(uncertain),
        sha256=text_digest(*table.to_numpy(dtype=object).ravel()),
    )


def _refuse(
    table: pd.DataFrame, classes: tuple[str, ...], task: Task, uncertain: tuple[str, ...], source: Path
) -> None:
    """Refuse rows that name no study, no reader, the same twice, several patients, or a label that there is not."""
    nameless = table[table["study_id"] == ""]
    if not nameless.empty:
        hint = "Give every row the study_id of the predictions."
        raise rows_error(f"{len(nameless)} rows without a study_id", "MissingStudy", nameless["truth"], source, hint)
    unsigned = table[table["reader"] == ""]
    if not unsigned.empty:
        raise rows_error(
            f"{len(unsigned)} readings without a reader",
            "MissingReader",
            unsigned["study_id"],
            source,
            "Name them all.",
        )
    twice = table[table.duplicated(["study_id", "reader"])]
    if not twice.empty:
        readings = [f"{row.study_id} by {row.reader}" for row in twice.itertuples()]
        hint = "One reading for each study and reader: keep one, or name the second reading as another reader."
        raise rows_error(f"{len(twice)} readings are there twice", "DuplicateReading", readings, source, hint)
    known = table[table["patient_id"] != ""].groupby("study_id")["patient_id"].nunique()
    if (known > 1).any():
        raise rows_error(
            "studies of several patients", "SeveralPatients", known[known > 1].index, source, "A study has one patient."
        )
    if strange := strange_labels(set(table["truth"]) - set(uncertain), classes, task):
        written = "such as a=1;b=0 of" if task == "multilabel" else "one of"
        hint = f"Use {written} {', '.join(classes)}, {' or '.join(uncertain)}, or leave the cell empty."
        raise rows_error(f"{len(strange)} unknown labels", "UnknownLabel", strange, source, hint)
