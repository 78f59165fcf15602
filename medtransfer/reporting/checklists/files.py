"""Checklists as files: a CSV and a Markdown file each, and one page with all of them."""

from __future__ import annotations

import csv
import io
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from medtransfer.core.files import write_text
from medtransfer.core.inert import csv_cell
from medtransfer.reporting.checklists.checklist import CHECKLISTS, WORDS, Checklist, Row, filled, read_checklist
from medtransfer.reporting.markdown import inert, table
from medtransfer.reporting.page import render
from medtransfer.reporting.words import RESEARCH_USE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from medtransfer.core.evaluated.evaluation import Evaluation
    from medtransfer.models.bundle import Manifest

PAGE: Final = "checklists.html"
COLUMNS: Final = ("item", "section", "subject", "answer", "where", "to_add", "state")


def write_checklists(
    folder: Path,
    evaluation: Evaluation,
    manifest: Manifest | None = None,
    *,
    sections: Mapping[str, str] | None = None,
) -> tuple[Path, ...]:
    """Write `tripod_ai.csv`, `tripod_ai.md` and the others likewise, and `checklists.html`; the page comes last.

    Args:
        folder: Where they go.
        evaluation: What was measured.
        manifest: Of the bundle, where it is at hand.
        sections: Parts of the report by name, with their headings.

    Returns:
        Their paths.

    Raises:
        OutputError: The folder cannot be written to.
    """
    paths = []
    shown = []
    for name in CHECKLISTS:
        checklist = read_checklist(name)
        rows = filled(checklist, evaluation, manifest, sections=sections)
        shown.append((checklist, rows))
        for suffix, content in ((".csv", checklist_csv(rows)), (".md", checklist_markdown(checklist, rows))):
            paths.append(folder / f"{name}{suffix}")
            write_text(paths[-1], content)
    write_text(folder / PAGE, checklists_page(shown))
    return (*paths, folder / PAGE)


def checklist_csv(rows: Sequence[Row]) -> str:
    """One row an item (`COLUMNS`); no cell begins like a formula."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([csv_cell(cell) for cell in _cells(row)] for row in rows)
    return buffer.getvalue()


def checklist_markdown(checklist: Checklist, rows: Sequence[Row]) -> str:
    """The checklist as a Markdown table."""
    head = ("Item", "Section", "Subject", "Answer", "Where", "To add", "State")
    return (
        f"# {inert(checklist.name)}: {inert(checklist.title)}\n\n{inert(checklist.reference)}. {inert(_summary(rows))} "
        "Subjects are paraphrases: the guideline says what each item asks for.\n\n" + table(head, map(_cells, rows))
    )


def checklists_page(shown: Sequence[tuple[Checklist, Sequence[Row]]]) -> str:
    """All checklists as one page that asks for nothing from anywhere."""
    sentence, _, rest = RESEARCH_USE.partition(". ")
    return render(
        "checklists.html.j2",
        title="Reporting checklists",
        research_use=(sentence, rest),
        shown=[(checklist, _summary(rows), rows) for checklist, rows in shown],
        words=WORDS,
    )


def _cells(row: Row) -> tuple[str, ...]:
    return (row.number, row.section, row.subject, row.answer, row.where, row.to_add, WORDS[row.state])


def _summary(rows: Sequence[Row]) -> str:
    found = Counter(row.state for row in rows)
    parts = ", ".join(f"{found[state]} {words.split(':')[0]}" for state, words in WORDS.items())
    return f"Of {len(rows)} items {parts}."
