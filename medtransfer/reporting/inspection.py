"""What `inspect` found, as one page."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from medtransfer.data.duplicates import FINE, KINDS, WHERE
from medtransfer.reporting.contact_sheet import contact_sheet
from medtransfer.reporting.inspection_words import FACT_WORDS, value_words
from medtransfer.reporting.ledger import first_rows, noticed, sections
from medtransfer.reporting.page import render
from medtransfer.reporting.words import RESEARCH_USE

if TYPE_CHECKING:
    from medtransfer.data.duplicates import Group
    from medtransfer.data.inspection import Inspection

MOST_GROUPS: Final = 100
"""Groups of equal pictures that are shown."""

MOST_VALUES: Final = 12
"""Values of a fact that are shown."""

_MEMBERS: Final = 12


def sheet_of(found: Inspection) -> bytes | None:
    """The contact sheet as PNG; None where no scan was read."""
    if not found.tiles:
        return None
    return contact_sheet(
        [tile.picture for tile in found.tiles],
        [tile.caption for tile in found.tiles],
        places=[tile.place for tile in found.tiles],
        letters=[tile.letters for tile in found.tiles],
    )


def render_inspection(found: Inspection, *, sheet: bytes | None) -> str:
    """A self-contained HTML page. Equal inspections give equal bytes.

    Patient identifiers are counted, not listed.

    Args:
        found: What was found.
        sheet: Its contact sheet, from `sheet_of`.
    """
    picture = None
    if sheet is not None:
        picture = Markup("data:image/png;base64,") + base64.b64encode(sheet).decode("ascii")
    sentence, _, rest = RESEARCH_USE.partition(". ")
    counted = found.summary
    same = found.duplicates.counts()
    unknown = f"{counted.without_patient:,} scans without an id" if counted.without_patient else ""
    return render(
        "inspection.html.j2",
        title=f"What is in {found.place.resolve().name or found.place}",
        counts=found.ledger.counts(),
        cards=(
            ("Patients", counted.patients, unknown),
            ("Studies", counted.studies, ""),
            ("Series", counted.series, ""),
            ("Images or volumes", counted.items, f"from {counted.files:,} {'file' if counted.files == 1 else 'files'}"),
        ),
        warnings=found.warnings,
        cohort=found.cohort,
        failed=sections(found.ledger, "failed"),
        excluded=sections(found.ledger, "excluded"),
        common=_common(found),
        facts=_facts(found),
        noticed=noticed(found.ledger),
        duplicates=found.duplicates,
        duplicate_counts=same,
        kinds=KINDS,
        borders=tuple(border for border in WHERE if any(border in row for row in same.values())),
        fine=FINE,
        groups=tuple(_group(number, group) for number, group in enumerate(found.duplicates.groups[:MOST_GROUPS], 1)),
        identifiers=tuple(counted.identifiers.items()),
        identified=counted.identified,
        burned_in=counted.burned_in,
        picture=picture,
        n_tiles=len(found.tiles),
        n_items=counted.items,
        rows=first_rows(found.ledger),
        research_use=(sentence, rest),
    )


def _common(found: Inspection) -> tuple[tuple[str, str], ...]:
    """Heading and value of the facts in which all scans agree."""
    facts = found.summary.facts.items()
    return tuple((FACT_WORDS[fact], value_words(fact, *values)) for fact, values in facts if len(values) == 1)


def _facts(found: Inspection) -> tuple[tuple[str, tuple[tuple[str, int], ...], int, int], ...]:
    """Facts in which scans differ: heading, values with their numbers, how many are left out, and scans with those."""
    tables = []
    for fact, values in found.summary.facts.items():
        if len(values) == 1:
            continue
        entries = [(value_words(fact, value), n) for value, n in values.items()]
        rest = entries[MOST_VALUES:]
        tables.append((FACT_WORDS[fact], tuple(entries[:MOST_VALUES]), len(rest), sum(n for _, n in rest)))
    return tuple(tables)


def _group(number: int, group: Group) -> dict[str, object]:
    patients = {patient: n for n, patient in enumerate(dict.fromkeys(m.patient for m in group.members if m.patient), 1)}
    return {
        "number": number,
        "kind": group.kind,
        "where": group.where,
        "labels_differ": group.labels_differ,
        "correlation": group.correlation,
        "n": len(group.members),
        "members": tuple(
            (
                member.path + (f" ({member.part})" if member.part else ""),
                f"patient {patients[member.patient]}" if member.patient else "",
                member.split,
                member.label,
            )
            for member in group.members[:_MEMBERS]
        ),
    }
