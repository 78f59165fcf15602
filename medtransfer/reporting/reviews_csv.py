"""What readers said as tables for people: a row an entry, and a row a pair of before and after.

No cell is taken for a formula by a spreadsheet. What that changes of a text stands unchanged in the JSONL beside it.
"""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any, Final

from medtransfer.core.inert import csv_cell
from medtransfer.core.reviews.opinion import Opinion, opinion_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from medtransfer.core.reviews.entry import ReviewEntry
    from medtransfer.core.reviews.pairs import ReviewPair

ENTRY_COLUMNS: Final = (
    *("number", "at", "who", "kind", "study", "study_sha256", "bundle_sha256"),
    *("agreement", "answer", "confidence", "reasons", "image_quality", "remarks"),
    *("follows_entry", "corrects_entry", "shown", "content", "digest"),
)
"""`answer` of several labels is written `pneumonia: present; effusion: absent`; `shown` and `content` are JSON."""

PAIR_COLUMNS: Final = (
    *("who", "study", "study_sha256", "bundle_sha256", "unaided"),
    *("before_entry", "before_at", "before_answer", "before_confidence", "before_remarks"),
    *("revealed_at", "model"),
    *("after_entry", "after_at", "after_answer", "after_confidence", "after_remarks"),
    *("changed", "agreement", "reasons", "image_quality"),
)
"""`unaided`: no model's answer had been seen before; `model` is JSON; `changed`: another answer after than before."""


def entries_csv(entries: Iterable[ReviewEntry]) -> str:
    """Every entry (`ENTRY_COLUMNS`)."""
    return _table(ENTRY_COLUMNS, (_entry_row(entry) for entry in entries))


def pairs_csv(pairs: Iterable[ReviewPair]) -> str:
    """Every pair (`PAIR_COLUMNS`); what was not said is empty."""
    return _table(PAIR_COLUMNS, (_pair_row(pair) for pair in pairs))


def _entry_row(entry: ReviewEntry) -> Sequence[object]:
    said = opinion_of(entry.content)
    spoken = entry.kind in {"impression", "feedback"}
    return (
        *(entry.number, entry.at, entry.who, entry.kind, entry.study, entry.study_sha256, entry.bundle_sha256),
        *(said.agreement, said.as_text() if spoken else "", said.confidence, "; ".join(said.reasons)),
        *(said.image_quality, said.remarks, said.follows, said.corrects),
        *(_json(entry.shown), _json(entry.content), entry.digest),
    )


def _pair_row(pair: ReviewPair) -> Sequence[object]:
    before, after = _said(pair.before), _said(pair.after)
    changed = "" if before is None or after is None else _answer(before) != _answer(after)
    return (
        *(pair.who, pair.study, pair.study_sha256, pair.bundle_sha256, pair.unaided),
        *_opinion_cells(pair.before, before),
        *(pair.reveal.at if pair.reveal else "", _json(pair.reveal.content) if pair.reveal else ""),
        *_opinion_cells(pair.after, after),
        changed,
        *((after.agreement, "; ".join(after.reasons), after.image_quality) if after else ("", "", "")),
    )


def _opinion_cells(entry: ReviewEntry | None, said: Opinion | None) -> Sequence[object]:
    if entry is None or said is None:
        return ("",) * 5
    return (entry.number, entry.at, said.as_text(), said.confidence, said.remarks)


def _said(entry: ReviewEntry | None) -> Opinion | None:
    return None if entry is None else opinion_of(entry.content)


def _answer(opinion: Opinion) -> tuple[str, dict[str, Any]]:
    return opinion.answer, dict(opinion.answers)


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=True)


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([csv_cell(cell) for cell in row] for row in rows)
    return buffer.getvalue()
