"""What a cohort with exclusive classes is asked: which classes there are, in which order, and which one is positive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medtransfer.core.catalogue import did_you_mean
from medtransfer.core.errors import CohortError
from medtransfer.core.types import Task
from medtransfer.data.row_errors import rows_error

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd

NORMAL_WORDS = frozenset(
    {"normal", "negative", "healthy", "none", "no", "0", "no_finding", "benign", "absent", "control"}
)
"""Class names that mean "nothing found", so that the other one of two is the positive class."""

MISSING_WORDS = frozenset({"na", "n/a", "nan", "null", "?", "unknown", "missing", "-"})
"""Labels that somebody meant as "not known": an empty cell says that."""


def classes_of(
    table: pd.DataFrame, source: Path, task: Task, classes: Sequence[str] | None, positive: str | None
) -> tuple[tuple[str, ...], str | None]:
    """The classes in order, and the positive one, of a question with exclusive classes.

    Raises:
        CohortError: A label is none of the classes, or reads as missing; ordered classes are not named.
    """
    if task == "ordinal" and not classes:
        found = ", ".join(sorted(set(table["label"]) - {""}))
        raise CohortError(
            f"the order of the classes {found} is not known",
            code="NoOrder",
            path=source,
            hint="Name them from the lowest to the highest: --ordinal none,mild,severe.",
        )
    check_once(classes or (), source)
    names = _names(table, source, classes)
    if positive is not None and positive not in names:
        raise CohortError(
            f"the positive class '{positive}' is none of {', '.join(names)}.{did_you_mean(positive, names)}",
            code="UnknownLabel",
            path=source,
            hint="Name one of the classes with --positive.",
        )
    if task == "ordinal":
        return names, None
    if positive is None and len(names) == 2:
        normal = [name for name in names if name.lower() in NORMAL_WORDS or name.lower().startswith(("no_", "no "))]
        positive = next((name for name in names if name not in normal), None) if len(normal) == 1 else None
    if positive is not None and classes is None:
        names = (*(name for name in names if name != positive), positive)
    return names, positive


def _names(table: pd.DataFrame, source: Path, classes: Sequence[str] | None) -> tuple[str, ...]:
    found = sorted(set(table["label"]) - {""})
    missing = [name for name in found if name.lower() in MISSING_WORDS and name not in (classes or ())]
    if missing:
        hint = "Leave the cell empty where the label is not known."
        raise rows_error("labels that read as missing", "MissingLabelWord", missing, source, hint)
    spelt: dict[str, list[str]] = {}
    for name in found:
        spelt.setdefault(" ".join(name.casefold().split()), []).append(name)
    if twice := [name for names in spelt.values() if len(names) > 1 for name in names]:
        raise rows_error("one label in several spellings", "LabelSpelling", twice, source, "Choose one.")
    names = tuple(classes) if classes else tuple(found)
    strange = table["label"][~table["label"].isin([*names, ""])]
    if not strange.empty:
        hint = "Correct them, or name the classes."
        raise rows_error(f"labels outside {', '.join(names)}", "UnknownLabel", strange, source, hint)
    return names


def check_once(names: Sequence[str], source: Path) -> None:
    """Refuse names that are there twice.

    Raises:
        CohortError: `NameTwice`.
    """
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise rows_error("names that are there twice", "NameTwice", twice, source, "Name each once.")
