"""Where each study stands among its readers, folded from what `reviews` holds: nothing of it lives in a session.

A claim holds from its entry until the same reader's release. Several readers may have one study: the second was told.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import medtransfer as mt


@dataclass(kw_only=True)
class Standing:
    """One study, as its readers left it. Times are ISO 8601 in UTC."""

    claims: dict[str, str] = field(default_factory=dict)
    """Who has it now → since when."""
    met: dict[str, Any] = field(default_factory=dict)
    """What was met when it was opened last: `flags`, and `failed` where nothing could be read."""
    impressions: dict[tuple[str, str], str] = field(default_factory=dict)
    """Who recorded an impression, beside which bundle → when."""
    reveals: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """Who saw what the model says, of which bundle → what it said."""

    def is_read(self, who: str, bundle_sha256: str, *, arrived: float = 0.0) -> bool:
        """Whether this reader has recorded an impression beside this bundle, of files no newer than that."""
        at = self.impressions.get((who, bundle_sha256))
        return at is not None and seconds(at) >= arrived

    def readers(self, bundle_sha256: str) -> tuple[str, ...]:
        """Who has read it beside this bundle."""
        return tuple(who for who, bundle in self.impressions if bundle == bundle_sha256)

    def others(self, who: str) -> dict[str, str]:
        """Who else has it → since when."""
        return {other: since for other, since in self.claims.items() if other != who}


def standings(entries: Iterable[mt.ReviewEntry], onto: Mapping[str, Standing] | None = None) -> dict[str, Standing]:
    """Where the studies stand, by name; `onto` is how they stood before, and stays as it is."""
    found = dict(onto or {})
    touched: set[str] = set()
    for entry in entries:
        if entry.study not in touched:
            touched.add(entry.study)
            found[entry.study] = deepcopy(found.get(entry.study)) or Standing()
        _take(found[entry.study], entry)
    return found


def standing(entries: Iterable[mt.ReviewEntry]) -> Standing:
    """Where one study stands."""
    found = Standing()
    for entry in entries:
        _take(found, entry)
    return found


def seconds(at: str) -> float:
    """An entry's time in seconds since 1970."""
    moment = datetime.fromisoformat(at)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _take(found: Standing, entry: mt.ReviewEntry) -> None:
    whose = (entry.who, entry.bundle_sha256)
    match entry.kind:
        case "claim":
            found.claims.setdefault(entry.who, entry.at)
            found.met = entry.content
        case "release":
            found.claims.pop(entry.who, None)
        case "impression":
            found.impressions[whose] = entry.at
        case "reveal":
            found.reveals[whose] = entry.content
        case _:
            pass
