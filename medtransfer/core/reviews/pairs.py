"""Before and after: what a reader said of a study without the model, and what the same reader said with it.

    impression … impression | reveal | feedback … feedback
                     ↑ before               after ↑

The last impression before the first reveal counts, and the last feedback. A reader who has seen any model's answer to
a study, of whatever bundle, is not unaided any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from medtransfer.core.reviews.entry import ReviewEntry


@dataclass(frozen=True, kw_only=True)
class ReviewPair:
    """One reader, one study, one bundle.

    Attributes:
        before: The impression; None where there is none from before the reveal.
        unaided: Whether the reader had seen no model's answer to this study when forming it.
        reveal: When the reader first saw this bundle's answer, and what it was.
        after: The feedback, in its last version.
    """

    who: str
    study: str
    study_sha256: str
    bundle_sha256: str
    before: ReviewEntry | None = None
    unaided: bool = False
    reveal: ReviewEntry | None = None
    after: ReviewEntry | None = None


def pairs(entries: Iterable[ReviewEntry]) -> tuple[ReviewPair, ...]:
    """Every reader's pair for each study and bundle, in the order in which they began."""
    gathered: dict[tuple[str, str, str], list[ReviewEntry]] = {}
    first_seen: dict[tuple[str, str], int] = {}
    for entry in entries:
        if entry.kind in {"impression", "reveal", "feedback"}:
            gathered.setdefault((entry.who, entry.study_sha256, entry.bundle_sha256), []).append(entry)
        if entry.kind == "reveal":
            first_seen.setdefault((entry.who, entry.study_sha256), entry.number)
    return tuple(_pair(said, first_seen) for said in gathered.values())


def _pair(said: list[ReviewEntry], first_seen: dict[tuple[str, str], int]) -> ReviewPair:
    reveal = next((entry for entry in said if entry.kind == "reveal"), None)
    feedback = [entry for entry in said if entry.kind == "feedback"]
    end = min(entry.number for entry in (reveal, *feedback[:1]) if entry) if reveal or feedback else None
    before = [entry for entry in said if entry.kind == "impression" and (end is None or entry.number < end)]
    one, last = said[0], before[-1] if before else None
    seen = first_seen.get((one.who, one.study_sha256))
    return ReviewPair(
        who=one.who,
        study=one.study,
        study_sha256=one.study_sha256,
        bundle_sha256=one.bundle_sha256,
        before=last,
        unaided=last is not None and (seen is None or last.number < seen),
        reveal=reveal,
        after=feedback[-1] if feedback else None,
    )
