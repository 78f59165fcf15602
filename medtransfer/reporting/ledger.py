"""What `inspect` found, as one page: what failed, what was left out by which rule, what was read."""

from __future__ import annotations

import base64
from collections import Counter
from dataclasses import dataclass
from typing import Final

import pandas as pd
from markupsafe import Markup

from medtransfer.reporting.page import render
from medtransfer.reporting.words import RESEARCH_USE

MOST_ROWS: Final = 1000
"""Rows shown one by one in a section; how many more there are is said, and the ledger itself has them all."""

_SUMMARISED: Final = {"modality": "Modality", "loader": "Loader", "site": "Site", "notes": "Noticed"}
"""Columns by which the read ones are counted, where the ledger has them."""


@dataclass(frozen=True)
class Section:
    """Rows with one reason: how many there are, and the first `MOST_ROWS` of them."""

    code: str
    n: int
    reason: str
    hint: str
    rows: tuple[tuple[str, str], ...]
    """Path and reason."""


def render_ledger(
    *, counts: dict[str, int], rows: pd.DataFrame, title: str, contact_sheet_png: bytes | None = None
) -> str:
    """A self-contained HTML page of a ledger. Equal ledgers give equal bytes.

    Patient identifiers are counted, not listed.

    Args:
        counts: `inputs`, `read`, `excluded`, `failed`.
        rows: One row per input: path, loader, status, code, reason, hint, study_id, patient_id, notes, and
            further columns such as modality.
        title: Heading of the page.
        contact_sheet_png: A sheet of what was read, from `contact_sheet`.

    Raises:
        ValueError: The counts do not reconcile with each other or with the rows.
    """
    _reconcile(counts, rows)
    picture = None
    if contact_sheet_png is not None:
        picture = Markup("data:image/png;base64,") + base64.b64encode(contact_sheet_png).decode("ascii")
    read = rows[rows["status"] == "read"]
    sentence, _, rest = RESEARCH_USE.partition(". ")
    return render(
        "ledger.html.j2",
        title=title,
        counts=counts,
        failed=_sections(rows[rows["status"] == "failed"]),
        excluded=_sections(rows[rows["status"] == "excluded"]),
        n_studies=_different(read, "study_id"),
        n_patients=_different(read, "patient_id"),
        summaries=_summaries(read),
        picture=picture,
        research_use=(sentence, rest),
    )


def _reconcile(counts: dict[str, int], rows: pd.DataFrame) -> None:
    by_status = Counter(rows["status"].tolist())
    statuses = ("read", "excluded", "failed")
    if any(by_status[s] != counts[s] for s in statuses) or sum(counts[s] for s in statuses) != counts["inputs"]:
        msg = f"the counts {counts} do not reconcile with the rows {dict(by_status)}"
        raise ValueError(msg)


def _sections(rows: pd.DataFrame) -> tuple[Section, ...]:
    """One section a code, the most frequent first, then by name."""
    text = {c: _text(rows, c) for c in ("path", "code", "reason", "hint")}
    by_code: dict[str, list[int]] = {}
    for i, code in enumerate(text["code"]):
        by_code.setdefault(code or "no code", []).append(i)
    sections = []
    for code, places in sorted(by_code.items(), key=lambda item: (-len(item[1]), item[0])):
        reasons, hints = ({text[c][i] for i in places} for c in ("reason", "hint"))
        shown = tuple((text["path"][i], text["reason"][i]) for i in places[:MOST_ROWS])
        common = (reasons.pop() if len(reasons) == 1 else "", hints.pop() if len(hints) == 1 else "")
        sections.append(Section(code, len(places), *common, shown))
    return tuple(sections)


def _summaries(read: pd.DataFrame) -> tuple[tuple[str, tuple[tuple[str, int], ...]], ...]:
    """Per column of `_SUMMARISED`: its values and how many rows have them; a row may have several notes."""
    found = []
    for column, heading in _SUMMARISED.items():
        if column not in read.columns:
            continue
        split = column == "notes"
        values = (part.strip() for cell in _text(read, column) for part in (cell.split(";") if split else [cell]))
        tally = Counter(v or "not said" for v in values if v or not split)
        if tally:
            found.append((heading, tuple(sorted(tally.items(), key=lambda item: (-item[1], item[0])))))
    return tuple(found)


def _different(rows: pd.DataFrame, column: str) -> int:
    return len(set(_text(rows, column)) - {""})


def _text(rows: pd.DataFrame, column: str) -> list[str]:
    """A column as strings, empty where it has no value or does not exist; lists are joined by `;`."""
    if column not in rows.columns:
        return [""] * len(rows)
    return [_cell(value) for value in rows[column].tolist()]


def _cell(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return "; ".join(map(str, value))
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and value != value):  # noqa: PLR0124
        return ""
    return str(value)
