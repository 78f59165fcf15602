"""An inspection for terminals: counts first, then what is wrong, then what there is."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final

from medtransfer.core.inert import shortened, visible
from medtransfer.reporting.inspection_words import FACT_WORDS, explanation, value_words

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from medtransfer.data.duplicates import Duplicates
    from medtransfer.data.inspection import Inspection
    from medtransfer.data.ledger import Ledger

WIDTH: Final = 100
_VALUES: Final = 5
_NARROW: Final = max(map(len, FACT_WORDS.values()))


def inspection_text(found: Inspection, *, out: Path | None = None) -> str:
    """The whole story in some twenty lines, without colours or markup; control characters are spelt out."""
    lines = [*_counts(found.ledger), "", *_summary(found)]
    same = list(_same(found.duplicates))
    if same:
        lines += ["", *same]
    if found.warnings:
        lines += ["", f"{len(found.warnings)} {'warning' if len(found.warnings) == 1 else 'warnings'}"]
        lines += [_wrapped("  - ", warning) for warning in found.warnings]
    if out is not None:
        lines += ["", f"Written to {visible(str(out))}: inspection.html shows it all, ledger.csv has a row a file."]
    return "\n".join(lines)


def _counts(ledger: Ledger) -> Iterator[str]:
    counts = ledger.counts()
    yield (
        f"{counts['inputs']:,} {'file' if counts['inputs'] == 1 else 'files'}: {counts['read']:,} read, "
        f"{counts['excluded']:,} excluded, {counts['failed']:,} failed."
    )
    reasons = ledger.by_reason()
    width = max((len(visible(code)) for _, code in reasons), default=0)
    for status in ("failed", "excluded"):
        chosen = [(code, files) for (kind, code), files in reasons.items() if kind == status]
        for code, files in chosen:
            yield _wrapped(f"  {status:<9}{files:>6,}  {visible(code):<{width}}  ", explanation(code)).rstrip()


def _summary(found: Inspection) -> Iterator[str]:
    counted = found.summary
    number = {
        "patient": counted.patients,
        "study": counted.studies,
        "series": counted.series,
        "image": counted.items,
    }
    plural = {"patient": "patients", "study": "studies", "series": "series", "image": "images or volumes"}
    said = ", ".join(f"{n:,} {word if n == 1 else plural[word]}" for word, n in number.items() if n)
    unknown = f"; {counted.without_patient:,} without a patient id" if counted.without_patient else ""
    yield f"{said or 'Nothing was read'}{unknown}."
    for fact, values in counted.facts.items():
        first = list(values.items())
        shown = [f"{value_words(fact, value)} ({n:,})" for value, n in first[:_VALUES]]
        rest = sum(n for _, n in first[_VALUES:])
        if rest:
            others = len(first) - _VALUES
            shown.append(f"{others:,} other {'value' if others == 1 else 'values'} ({rest:,})")
        yield _wrapped(f"  {FACT_WORDS[fact]:<{_NARROW}}  ", ", ".join(shown))
    if counted.identifiers:
        elements = ", ".join(f"{shortened(element, 40)} ({n:,})" for element, n in counted.identifiers.items())
        yield _wrapped(f"  {'identifiers':<{_NARROW}}  ", f"in {counted.identified:,} files: {elements}")
    if found.cohort is not None:
        classes = ", ".join(f"{name} ({studies:,})" for name, studies in found.cohort.per_class.items())
        yield _wrapped(
            f"  {'cohort table':<{_NARROW}}  ",
            f"{found.cohort.studies:,} studies of {found.cohort.patients:,} patients: {classes}",
        )


def _same(found: Duplicates) -> Iterator[str]:
    counts = found.counts()
    if not counts:
        return
    yield f"The same picture more than once (of {found.compared:,} compared, from correlation {found.near:g} on)"
    for kind, row in counts.items():
        borders = ", ".join(f"{n:,} {where}" for where, n in row.items())
        yield f"  {kind:<10}{sum(row.values()):>6,} {'group ' if sum(row.values()) == 1 else 'groups'}  {borders}"


def _wrapped(head: str, text: str) -> str:
    return (
        textwrap.fill(
            visible(text), WIDTH, initial_indent=head, subsequent_indent=" " * len(head), break_on_hyphens=False
        )
        if text
        else head
    )
