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
    """What was met when it was opened last: `flags`, `failed` where nothing could be read, how many `bytes` it had."""
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


@dataclass(frozen=True, kw_only=True)
class Standings:
    """Where all studies stand: by what they were called, and by what is in them."""

    by_name: Mapping[str, Standing] = field(default_factory=dict)
    by_content: Mapping[str, Standing] = field(default_factory=dict)

    def of(self, names: Iterable[str], content: str = "") -> Standing | None:
        """Where a study stands: by its content where that is known, as on its own screen, until then by its names."""
        if content:
            return self.by_content.get(content)
        if not self.by_name:
            return None
        return next((self.by_name[name] for name in names if name in self.by_name), None)

    def sizes(self) -> set[int]:
        """Of how many bytes the studies were that somebody opened, where that was noted."""
        return {left.met["bytes"] for left in self.by_content.values() if "bytes" in left.met}


def standings(entries: Iterable[mt.ReviewEntry], onto: Standings | None = None) -> Standings:
    """Where the studies stand; `onto` is how they stood before, and stays as it is."""
    entries = list(entries)
    onto = onto or Standings()
    return Standings(
        by_name=_folded(((entry.study, entry) for entry in entries), onto.by_name),
        by_content=_folded(((entry.study_sha256, entry) for entry in entries), onto.by_content),
    )


def _folded(entries: Iterable[tuple[str, mt.ReviewEntry]], onto: Mapping[str, Standing]) -> dict[str, Standing]:
    found = dict(onto)
    touched: set[str] = set()
    for key, entry in entries:
        if key not in touched:
            touched.add(key)
            found[key] = deepcopy(found.get(key)) or Standing()
        _take(found[key], entry)
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
