"""Several labels at once in a cohort table, and which of them are known of each row.

They stand in columns of their own, named after them (1, 0, or empty where unknown), or together in the column of the
label, as `data/targets.py` writes them; where there are both, they must agree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from medtransfer.core.catalogue import did_you_mean
from medtransfer.core.errors import CohortError
from medtransfer.core.results import COHORT_COLUMNS
from medtransfer.core.types import Task
from medtransfer.data.classes import check_once
from medtransfer.data.row_errors import rows_error
from medtransfer.data.targets import BETWEEN, IS, is_label_text, known_labels, label_text, strange_labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import pandas as pd

COMMA: Final = ","
"""Between the columns of several labels where they are named in one word: `pneumonia,effusion`."""

_SAYS: Final = {
    **dict.fromkeys(("1", "1.0", "yes", "true", "present"), True),
    **dict.fromkeys(("0", "0.0", "no", "false", "absent"), False),
}


def task_of(table: pd.DataFrame, label: str) -> Task:
    """`multilabel` where all cells are written as several labels are, else `multiclass`."""
    cells = set(table[label]) - {""} if label in table else set()
    return "multilabel" if cells and all(is_label_text(cell) for cell in cells) else "multiclass"


def with_several_labels(
    table: pd.DataFrame, source: Path, label: str, names: Sequence[str] | None
) -> tuple[pd.DataFrame, str, tuple[str, ...]]:
    """The table with one text of what is known in the column `label`, the columns this came from, the labels' names.

    Args:
        table: As it was read.
        source: For errors.
        label: Column of the text, where the labels have no columns of their own.
        names: Of the labels; None takes those that the text names, sorted.

    Raises:
        CohortError: A name cannot be one, a column is missing, or a cell says neither yes nor no.
    """
    names = _named_in(table, source, label) if names is None else tuple(names)
    _check_names(names, source)
    missing = [name for name in names if name not in table]
    if not missing:
        text = _texts(_of_columns(table, source, names), names)
        if task_of(table, label) == "multilabel":
            _check_same(text, _texts(map(known_labels, table[label]), names), source, label)
        return table.assign(label=text), COMMA.join(names), names
    if label not in table:
        raise CohortError(
            f"column '{missing[0]}' is missing.{did_you_mean(missing[0], table.columns)}",
            code="MissingColumn",
            path=source,
            hint=f"Every label has a column of its own. Columns found: {', '.join(table.columns)}.",
        )
    strange = strange_labels(table[label], names, "multilabel")
    if strange:
        hint = f"Write {label_text(dict.fromkeys(names[:2], True))}, naming what is known, or a column for each label."
        raise rows_error(f"labels outside {', '.join(names)}", "UnknownLabel", strange, source, hint)
    return table.assign(label=_texts(map(known_labels, table[label]), names)), label, names


def check_agreement(table: pd.DataFrame, names: Sequence[str], source: Path) -> None:
    """Refuse a study whose rows differ in a label, be it that one of them does not know it.

    Raises:
        CohortError: `ContradictoryLabels`, naming the label and the studies.
    """
    cells = [known_labels(cell) for cell in table["label"]]
    for name in names:
        said = table.assign(said=[str(cell.get(name, "")) for cell in cells])
        kinds = said.groupby("study_id", sort=False)["said"].nunique()
        mixed = kinds.index[kinds > 1]
        if len(mixed):
            raise rows_error(
                f"rows of one study differ in the label '{name}'",
                "ContradictoryLabels",
                mixed,
                source,
                "All rows of a study say the same of a label, or all leave it empty.",
            )


def _of_columns(table: pd.DataFrame, source: Path, names: tuple[str, ...]) -> list[dict[str, bool]]:
    """What the labels' columns say of each row."""
    rows: list[dict[str, bool]] = [{} for _ in range(len(table))]
    for name in names:
        strange = []
        for number, row, cell in zip(table.index, rows, table[name].str.casefold(), strict=True):
            if cell in _SAYS:
                row[name] = _SAYS[cell]
            elif cell:
                strange.append(f"row {number + 2}: {cell}")
        if strange:
            hint = "Write 1 where it is there, 0 where it is not, and nothing where that is not known."
            raise rows_error(f"column '{name}' says neither yes nor no", "UnknownLabel", strange, source, hint)
    return rows


def _texts(rows: Iterable[Mapping[str, bool]], names: tuple[str, ...]) -> list[str]:
    """One text a row, the labels in one order, so that equal knowledge is equal text."""
    return [label_text({name: row[name] for name in names if name in row}) for row in rows]


def _check_same(columns: list[str], texts: list[str], source: Path, label: str) -> None:
    pairs = enumerate(zip(columns, texts, strict=True), start=2)
    differ = [f"row {row}: {ours} and {theirs}" for row, (ours, theirs) in pairs if ours != theirs]
    if differ:
        raise rows_error(
            f"the column '{label}' and the labels' own columns differ",
            "ContradictoryLabels",
            differ,
            source,
            f"Correct one of them, or remove '{label}'.",
        )


def _named_in(table: pd.DataFrame, source: Path, label: str) -> tuple[str, ...]:
    """Names of the labels in a column of texts."""
    cells = table.get(label, [])
    found = {name for cell in cells if is_label_text(cell) for name in known_labels(cell)}
    if not found:
        raise CohortError(
            "no label is named",
            code="NoLabels",
            path=source,
            hint="Name the labels' columns: --labels pneumonia,effusion.",
        )
    return tuple(sorted(found))


def _check_names(names: tuple[str, ...], source: Path) -> None:
    """Refuse names that could not stand in one cell, or beside the columns that every cohort has."""
    check_once(names, source)
    reserved = [name for name in names if not name or name in COHORT_COLUMNS or set(name) & {BETWEEN, IS, COMMA}]
    if reserved:
        hint = f"Rename them: without '{BETWEEN}', '{IS}' and '{COMMA}', and not as {', '.join(COHORT_COLUMNS)}."
        raise rows_error("names that no label can have", "BadLabelName", reserved, source, hint)
