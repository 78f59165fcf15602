"""The worklist's rows: what is known of each study, in which order, and which of them are shown.

A row is never dropped: an order is a permutation, and what a filter leaves out is counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from apps.text import printable
from apps.worklist.noted import foreign, noted, of_others

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import medtransfer as mt
    from apps.readers.standing import Standing, Standings
    from apps.studies.folder import Study
    from apps.worklist.predictions import Known, Matched

OLDEST: Final = "Arrival, longest waiting first"
NEWEST: Final = "Arrival, newest first"
BY_NAME: Final = "Name"
BY_SCORE: Final = "Score, highest first"

UNREAD: Final = "Not read by me"
UNCLAIMED: Final = "With nobody"
MINE: Final = "With me"
FLAGGED: Final = "With a flag"
FAILED: Final = "Failed"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the worklist."""

    name: str
    arrived: float | None
    """None where the folder does not have the study."""
    date: str = ""
    score: float | None = None
    """Of the positive class, or the largest; None also where this reader must not see it yet."""
    of: str = ""
    """What the score is of."""
    rank: float | None = None
    """What triage goes by, shown or not; None where there is no triage."""
    flags: tuple[str, ...] = ()
    failed: str = ""
    """Why nothing of it could be read."""
    lost: int = 0
    """Files that could not be read, where others could."""
    claimed: tuple[str, ...] = ()
    mine: bool = False
    read: bool = False
    read_by_others: int = 0


@dataclass(frozen=True, kw_only=True)
class Reader:
    """By whose eyes, and by which rules, the list is drawn."""

    who: str
    bundle: mt.Bundle
    always: bool = False
    """Whether the clinic shows what the model says before an impression."""
    triage: bool = False
    """Whether the clinic orders by score. Only then do studies that nobody read have one in the list, since whoever can
    see scores of unread studies side by side can order by them, as the grid of any browser does."""


def rows(studies: Iterable[Study], matched: Matched, standings: Standings, reader: Reader) -> list[Row]:
    """Every study of the folder, and every failed row of the predictions besides."""
    here = [
        _row(study, matched.known.get(study.name), standings.of((study.name, *study.aliases), study.content), reader)
        for study in studies
    ]
    return here + [_lost(name, known) for name, known in matched.lost]


def ordered(found: Sequence[Row], order: str) -> list[Row]:
    """All rows in another order; what has no rank, or no arrival, comes last. Ties keep the order of arrival."""
    by_arrival = sorted(found, key=lambda row: (row.arrived is None, row.arrived or 0.0, row.name))
    keys: dict[str, Callable[[Row], Any]] = {
        NEWEST: lambda row: (row.arrived is None, -(row.arrived or 0.0)),
        BY_NAME: lambda row: row.name.casefold(),
        BY_SCORE: lambda row: (row.rank is None, -(row.rank or 0.0)),
    }
    return sorted(by_arrival, key=keys[order]) if order in keys else by_arrival


def shown(found: Sequence[Row], *, search: str = "", only: Iterable[str] = ()) -> list[Row]:
    """Rows whose name holds the words that were searched for, and to which every filter applies."""
    wanted = search.casefold().split()
    tests: dict[str, Callable[[Row], bool]] = {
        UNREAD: lambda row: not row.read,
        UNCLAIMED: lambda row: not row.claimed,
        MINE: lambda row: row.mine,
        FLAGGED: lambda row: bool(row.flags or row.failed),
        FAILED: lambda row: bool(row.failed or row.lost),
    }
    chosen = [tests[name] for name in only if name in tests]
    return [
        row
        for row in found
        if all(word in row.name.casefold() for word in wanted) and all(test(row) for test in chosen)
    ]


def next_unread(found: Sequence[Row], current: str) -> str | None:
    """The study that has waited longest of those that this reader has not read and nobody else has."""
    return next(
        (
            row.name
            for row in ordered(found, OLDEST)
            if row.name != current
            and row.arrived is not None
            and not (row.read or row.failed or (row.claimed and not row.mine))
        ),
        None,
    )


def waiting(arrived: float, now: float) -> str:
    """`12 min`, `5 h`, `3 days`."""
    minutes = max(0, int((now - arrived) / 60))
    if minutes < 60:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h" if hours < 48 else f"{hours // 24} days"


def _row(study: Study, known: Known | None, left: Standing | None, reader: Reader) -> Row:
    sha256 = reader.bundle.sha256
    read = left is not None and left.is_read(reader.who, sha256, arrived=0.0 if study.content else study.arrived)
    flags, failed = noted(study, known, left, reader.bundle)
    unlike = foreign(study, known, reader.bundle) or of_others(study, known)
    table = {} if known is None or unlike else known.probabilities
    told, of = (None, "") if failed else _score(table, left, reader)
    score = told if read or (reader.always and reader.triage) else None
    return Row(
        name=study.name,
        arrived=study.arrived,
        date=printable(known.date) if known is not None and known.date else study.told.date,
        score=score,
        of=printable(of) if score is not None else "",
        rank=told if reader.triage else None,
        flags=flags,
        failed=failed,
        lost=study.told.lost,
        claimed=() if left is None else tuple(printable(who) for who in left.claims),
        mine=left is not None and reader.who in left.claims,
        read=read,
        read_by_others=0 if left is None else len([who for who in left.readers(sha256) if who != reader.who]),
    )


def _lost(name: str, known: Known) -> Row:
    return Row(name=name, arrived=None, date=printable(known.date), failed=known.reason or known.status)


def _score(table: Mapping[str, float], left: Standing | None, reader: Reader) -> tuple[float | None, str]:
    """What this reader was shown, or else what the table of predictions says."""
    bundle = reader.bundle
    seen = None if left is None else left.reveals.get((reader.who, bundle.sha256))
    if seen is not None:
        told = {str(name): float(p) for name, p in dict(seen.get("probabilities", {})).items()}
    else:
        told = dict(table)
    if not told:
        return None, ""
    positive = bundle.manifest.positive
    name = positive if positive in told else max(told, key=lambda one: told[one])
    return told[name], name
