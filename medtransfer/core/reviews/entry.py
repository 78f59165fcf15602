"""One entry, its canonical text, and the digest that seals it.

    digest_n = SHA-256(canonical(entry_n)),   entry_n holds n and digest_(n−1)

Canonical is JSON with sorted keys, no blanks and ASCII alone, so that whoever has the entries can check them with any
program. Since each entry holds the digest of the one before it, none can be changed, removed, added or moved without a
break in the chain, unless everything after it is written anew.

Reference: Haber, Stornetta 1991, How to time-stamp a digital document, §5.2.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, get_args

from medtransfer.core.errors import ConfigError

Kind = Literal["impression", "reveal", "feedback", "claim", "release", "export"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

FIRST: Final = "0" * 64
"""What the first entry has for a digest before it."""


@dataclass(frozen=True, kw_only=True)
class ReviewEntry:
    """What one reader did to one study.

    Attributes:
        number: From 1, without gaps.
        at: When, UTC, ISO 8601 with milliseconds.
        who: The reader.
        kind: What it is.
        study: What the study is called on the screen.
        study_sha256: Of the contents of its files.
        bundle_sha256: Of the model.
        shown: What was on display: series, slice, window.
        content: What was said.
        previous: Digest of the entry before it.
        digest: Of all of the above.
    """

    number: int
    at: str
    who: str
    kind: Kind
    study: str
    study_sha256: str
    bundle_sha256: str
    shown: dict[str, Any]
    content: dict[str, Any]
    previous: str
    digest: str


def sealed(**fields: Any) -> tuple[ReviewEntry, str]:
    """An entry without its digest → with it, and its canonical text.

    Raises:
        ConfigError: `NotJson`, `UnknownKind`.
    """
    if fields["kind"] not in KINDS:
        raise ConfigError(
            f"there is no entry of kind {fields['kind']!r}",
            code="UnknownKind",
            hint=f"One of: {', '.join(KINDS)}.",
        )
    plain = _plain(fields)
    text = canonical(plain)
    return ReviewEntry(**plain, digest=digest_of(text)), text


def entry_of(text: str, digest: str) -> ReviewEntry:
    """An entry from its canonical text.

    Raises:
        ValueError: It is none.
    """
    try:
        return ReviewEntry(**json.loads(text), digest=digest)
    except (TypeError, RecursionError) as error:
        msg = "a text is no entry"
        raise ValueError(msg) from error


def canonical(value: Mapping[str, Any]) -> str:
    """The one way in which a value is written."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def digest_of(text: str) -> str:
    """SHA-256 of a canonical text, in hex."""
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def line_of(entry: ReviewEntry) -> str:
    """An entry with its digest, as a line of a JSONL file."""
    return canonical(asdict(entry))


def _plain(value: Any) -> Any:
    """What JSON can hold; infinity and NaN, which a browser may send, become strings."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [_plain(inner) for inner in value]
    raise ConfigError(
        f"an entry holds a {type(value).__name__}, which JSON cannot",
        code="NotJson",
        hint="Give text, numbers, lists and tables.",
    )
