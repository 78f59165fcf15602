"""A cohort table read by pieces into a `Listing`, and checked as `read_cohort` checks it, in memory that does not grow.

What concerns one row is checked piece by piece. For what concerns several (rows twice, studies of two patients or
labels, patients in two splits) SQL finds the rows that may be at odds, and the checks of `table_checks.py` see those.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import pandas as pd

from medtransfer.core.files import text_digest
from medtransfer.core.progress import progress_bar
from medtransfer.core.results import SPLITS
from medtransfer.core.types import Task
from medtransfer.data.classes import classes_of
from medtransfer.data.cohort import Cohort
from medtransfer.data.converted import Conversions
from medtransfer.data.listing import Listing
from medtransfer.data.listing_draft import Draft, drafted
from medtransfer.data.several_labels import check_agreement, with_several_labels
from medtransfer.data.stored.content import state
from medtransfer.data.table_checks import (
    check_table,
    check_text,
    completed,
    missing_rows,
    refuse_missing,
    refuse_unknown_patients,
)
from medtransfer.data.tables import table_pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

ROWS: Final = 4096
"""Rows of a piece."""

_UNDECIDED: Final = """study_id IN (SELECT study_id FROM rows GROUP BY study_id
    HAVING MIN(patient_id) <> MAX(patient_id) OR MIN(label) <> MAX(label) OR MIN(split) <> MAX(split))"""
_TWICE: Final = "name IN (SELECT name FROM rows GROUP BY name HAVING COUNT(*) > 1)"
_LEAKING: Final = """patient_id IN (SELECT patient_id FROM rows WHERE split <> '' AND patient_id <> ''
    GROUP BY patient_id HAVING MIN(split) <> MAX(split))"""


@dataclass(frozen=True, kw_only=True)
class CohortFile:
    """Which rows of which table; not read yet.

    Attributes:
        path: The table, or a folder with one, or with one folder per class.
        label: Column of the label.
        split: Only the rows of this split; None: all.
        patients_unknown: Allow rows without a patient id.
        allow_missing: Let rows whose file is not there through.
    """

    path: Path
    label: str = "label"
    split: str | None = None
    patients_unknown: bool = False
    allow_missing: bool = False


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The question that the labels have to answer."""

    task: Task
    classes: tuple[str, ...]
    positive: str | None


@dataclass(frozen=True, kw_only=True)
class ListedCohort:
    """A cohort whose rows lie in a listing.

    Attributes:
        listing: The rows.
        like: The cohort without rows.
        conversions: Converted folders that were met.
    """

    listing: Listing
    like: Cohort
    conversions: Conversions = field(default_factory=Conversions)

    def part(self, *studies: range) -> Cohort:
        """The cohort with the rows of some studies, in memory."""
        return replace(self.like, table=self.listing.table(studies))


def list_file(
    asked: CohortFile, question: Asked, *, to: Path, wanted: Callable[[int], bool], quiet: bool = True
) -> ListedCohort:
    """Read a table into the listing at `to`.

    Args:
        asked: Table and rows.
        question: What the labels answer.
        to: Where the listing will be.
        wanted: Numbers of the studies whose files' state is looked at.
        quiet: Show no progress bar.

    Raises:
        CohortError: As `read_cohort`, and for a split that has no rows.
        OutputError: The listing cannot be written.
    """
    pieces, root = table_pieces(asked.path, asked.label, rows=ROWS)
    conversions, label, column = Conversions(), asked.label, asked.label
    with drafted(to) as draft:
        for cells in pieces:
            check_text(cells, asked.path)
            piece = cells
            if question.task == "multilabel":
                piece, label, _ = with_several_labels(cells, asked.path, asked.label, question.classes)
                column = "label"
            piece = completed(piece, root, asked.path, column)
            draft.add(piece, missing_rows(piece, root, asked.path, conversions))
        draft.index()
        _check(draft, asked, question, root)
        like = _like(draft.rows("FALSE"), asked, question, root, label)
        if asked.split is not None:
            replace(like, table=draft.rows("split = ?", (asked.split,)).head(1)).split(asked.split)
        _finish(draft, like, asked.split, wanted, quiet=quiet)
    return ListedCohort(listing=Listing(to), like=like, conversions=conversions)


def list_cohort(cohort: Cohort, *, to: Path, wanted: Callable[[int], bool], quiet: bool = True) -> ListedCohort:
    """Write a cohort that is in memory into the listing at `to`; it has been checked.

    Raises:
        OutputError: The listing cannot be written.
    """
    with drafted(to) as draft:
        for start in range(0, max(len(cohort.table), 1), ROWS):
            piece = cohort.table.iloc[start : start + ROWS]
            draft.add(piece, [False] * len(piece))
        draft.index()
        _finish(draft, cohort, None, wanted, quiet=quiet)
    return ListedCohort(listing=Listing(to), like=cohort.with_rows(cohort.table.head(0)))


def _check(draft: Draft, asked: CohortFile, question: Asked, root: Path) -> None:
    """All that concerns several rows."""
    undecided = draft.rows(_UNDECIDED)
    if question.task == "multilabel" and len(undecided):
        check_agreement(undecided, question.classes, asked.path)
    marks = ", ".join("?" * len(SPLITS))
    kinds = (_UNDECIDED, _TWICE, _LEAKING, f"split NOT IN ({marks}, '')")
    if any(draft.any(kind, SPLITS if kind is kinds[-1] else ()) for kind in kinds):
        check_table(draft.rows(" OR ".join(kinds), SPLITS), source=asked.path)
    if not asked.allow_missing:
        refuse_missing(draft.rows("missing")["path"], root, asked.path)
    if not asked.patients_unknown:
        refuse_unknown_patients(draft.rows("patient_id = ''")["path"], draft.count(), asked.path)
    if question.task != "multilabel":
        known = ", ".join("?" * len(question.classes))
        one_each = f"number IN (SELECT MIN(number) FROM rows GROUP BY label) OR label NOT IN ({known}, '')"
        table = draft.rows(one_each, question.classes)
        classes_of(table, asked.path, question.task, question.classes, question.positive)


def _like(empty: pd.DataFrame, asked: CohortFile, question: Asked, root: Path, label: str) -> Cohort:
    return Cohort(
        table=empty,
        root=root,
        source=asked.path,
        sha256="",
        label=label,
        classes=question.classes,
        positive=question.positive,
        patients_unknown=asked.patients_unknown,
        task=question.task,
    )


def _finish(draft: Draft, cohort: Cohort, split: str | None, wanted: Callable[[int], bool], *, quiet: bool) -> None:
    studies = draft.choose(split)
    with progress_bar("checking files", sum(map(wanted, range(studies))), quiet=quiet) as advance:

        def key(study: str, words: Sequence[str]) -> str:
            """A study as its files are now: other sizes or times of change, or a file that came or went, change it."""
            advance()
            states = [state(cohort.file(path)) for path in words[::2]]
            named = zip(words[1::2], states, strict=True)
            return f"{study} {text_digest(*(part for pair in named for part in pair))}"

        draft.name_states(studies, wanted, key)
    draft.finish(label=cohort.label, task=cohort.task, split=split, studies=studies)
