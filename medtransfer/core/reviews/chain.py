"""Whether a chain is whole: the first thing that is wrong with it, in one sentence."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from medtransfer.core.reviews.entry import FIRST, canonical, digest_of
from medtransfer.core.reviews.head import Head

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def what_is_wrong(rows: Iterable[tuple[int, str, str]], heads: Sequence[Head] = ()) -> tuple[str, Head]:
    """Check a chain against itself, and against heads that it must have had.

    Args:
        rows: Number, canonical text and digest of each entry, in order.
        heads: Earlier heads; the chain has to lead through all of them.

    Returns:
        What is wrong and where, empty where nothing is, and the last entry that is right.
    """
    last = Head()
    digests = {head.number: head.digest for head in heads}
    if len({(head.number, head.digest) for head in heads}) > len(digests):
        return "Two heads of the same number differ: one of them is of another chain.", last
    if digests.get(0, FIRST) != FIRST:
        return "The head is of another chain.", last
    for position, (number, text, digest) in enumerate(rows, start=1):
        if wrong := _wrong_entry(position, number, text, digest, last.digest):
            return wrong, last
        if digests.get(number, digest) != digest:
            return f"Entry {number} is not the one that was recorded: it was written anew.", last
        last = Head(number, digest)
    furthest = max(digests, default=0)
    if furthest > last.number:
        return f"Entries are missing at the end: there were {furthest}, and there are {last.number}.", last
    return "", last


def rows_of_lines(lines: Iterable[str]) -> Iterable[tuple[int, str, str]]:
    """Entries as a JSONL file has them, for `what_is_wrong`; a line that is no entry becomes one that is wrong."""
    for number, line in enumerate(lines, start=1):
        text = line.rstrip("\n")
        try:
            fields = json.loads(text)
            digest = fields.pop("digest")
            whole = canonical({**fields, "digest": digest}) == text
            yield number, canonical(fields) if whole else text, str(digest)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            yield number, text, ""


def _wrong_entry(position: int, number: int, text: str, digest: str, previous: str) -> str:
    """The text is judged by its digest first: what was altered is not to be believed about its place."""
    fields = _fields(text, digest)
    if fields is None:
        return f"Entry {position} was altered: its digest is not that of its content."
    if number != position or fields.get("number") != position or fields.get("previous") != previous:
        return f"The chain breaks at entry {position}: entries were removed, added or moved there."
    return ""


def _fields(text: str, digest: str) -> dict[str, Any] | None:
    """What a canonical text of this digest says; None where it is not that."""
    try:
        fields = json.loads(text)
        is_own = isinstance(fields, dict) and canonical(fields) == text and digest_of(text) == digest
    except (ValueError, TypeError, RecursionError):
        return None
    return fields if is_own else None
