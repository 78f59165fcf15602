"""`history.csv`: a row an epoch, with what validation said after it. Written anew after every epoch, whole.

A run that goes on from a checkpoint writes the rows up to there first, so that no epoch stands twice.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from medtransfer.core.errors import TrainingError
from medtransfer.core.files import write_text
from medtransfer.core.records import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME: Final = "history.csv"


class EpochRow(Record):
    """What is remembered of one epoch."""

    epoch: int
    """From 0."""
    steps: int
    """Optimiser steps done at its end."""
    validation_log_loss: float | None
    """None where validation cannot tell epochs apart, and nothing was measured."""
    validation_auroc: float | None = None
    """Of the positive class, or the mean over classes or labels; None where it cannot be had."""
    validation_auroc_low: float | None = None
    """Ends of its interval; None for a mean."""
    validation_auroc_high: float | None = None


COLUMNS: Final = tuple(EpochRow.model_fields)


def write_history(folder: Path, rows: Sequence[EpochRow]) -> None:
    """Write `history.csv`, whole or not at all.

    Raises:
        OutputError: The folder cannot be written to.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        cells = (getattr(row, name) for name in COLUMNS)
        writer.writerow(["" if cell is None else repr(cell) for cell in cells])
    write_text(folder / NAME, text.getvalue())


def read_history(folder: Path) -> tuple[EpochRow, ...]:
    """The epochs of a run, finished or not.

    Raises:
        TrainingError: `NotFound`, or `BadHistory`: it is no such table.
    """
    path = folder / NAME
    try:
        table = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))
        rows = list(table)
        if tuple(table.fieldnames or ()) != COLUMNS:
            raise _no_history(path)
        return tuple(EpochRow.model_validate({k: cell or None for k, cell in row.items()}) for row in rows)
    except OSError as error:
        raise TrainingError(
            "there is no history of epochs",
            code="NotFound",
            path=path,
            hint="`medtransfer fit` writes one after the first epoch.",
        ) from error
    except (ValidationError, ValueError, csv.Error, TypeError) as error:
        raise _no_history(path) from error


def _no_history(path: Path) -> TrainingError:
    return TrainingError(
        "is no history of epochs", code="BadHistory", path=path, hint="Copy it again from where it was trained."
    )
