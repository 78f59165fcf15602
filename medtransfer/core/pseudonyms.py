"""Keyed pseudonyms: the same person is always called the same, and only who has the key can say who it is.

    pseudonym = shorten(HMAC-SHA-256(key, domain ‖ kind ‖ value))

Without the key a pseudonym can be neither computed from a guessed number nor traced back, unlike a plain digest of a
patient number, which a loop over all numbers undoes. There is no table of names: with the key and the original files
the pseudonyms are computed again.

Reference: RFC 2104 (HMAC); NIST SP 800-107 (truncation); DICOM PS3.5, B.2 (UIDs from UUIDs); RFC 9562, 5.8 (UUIDv8).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from medtransfer.core.keys import Key

Kind = Literal["patient", "study", "series", "instance", "site", "path"]
"""What is named. Equal values of different kinds have unrelated pseudonyms."""

PREFIXES: Final[dict[str, str]] = {"patient": "P-", "site": "H-", "path": "F-"}
"""How short names begin. Studies, series and instances are called by UIDs instead."""

UID_ROOT: Final = "2.25."
"""The root of UIDs that are made from a UUID, written as one number. Reference: DICOM PS3.5, B.2."""

LONGEST_SHIFT: Final = 1825
"""Days (five years) that dates are moved back at most."""

_DOMAIN: Final = b"medtransfer pseudonym 1"
_CHARACTERS: Final = 20
"""Of base32, 5 bits each: 100 bits. Two of a million patients share them with a probability of 4·10⁻¹⁹."""


def pseudonym(key: Key, kind: Kind, value: str, *, site: str = "") -> str:
    """The name of `value` under `key`.

    Blanks and zero bytes around the value are left away: DICOM pads with them (PS3.5, 6.2) and tables are read without
    them, so that a patient has one pseudonym whether the number comes from a header or from a cell. Capitals are kept
    apart: DICOM tells `a1` from `A1`, and to call two people by one name is the worse mistake.

    Args:
        key: Whose pseudonyms.
        kind: Of what.
        value: A patient's number, a UID, a relative path, …; an empty one stays empty: unknown is no name.
        site: Tells equal numbers at two hospitals apart. Left empty by this package: one number is one patient within
            a cohort, and a header does not say what a table calls its hospital.

    Returns:
        `P-…`, `H-…`, `F-…` and 20 characters of base32 (100 bits), or `2.25.…`: a UID made from a UUID of version 8.
    """
    plain = stripped(value)
    if not plain:
        return ""
    code = _code(key, kind, plain, stripped(site))
    if kind in PREFIXES:
        return PREFIXES[kind] + base64.b32encode(code)[:_CHARACTERS].decode("ascii")
    return UID_ROOT + str(_uuid(code))


def day_shift(key: Key, patient: str) -> int:
    """By how many days all dates of a patient are moved into the past: 1 … `LONGEST_SHIFT`.

    It depends on key and patient only, so that order and intervals within a patient are kept, over all tables.
    """
    drawn = int.from_bytes(_code(key, "shift", stripped(patient), "")[:8], "big")
    return 1 + drawn % LONGEST_SHIFT


def stripped(value: str) -> str:
    """A value without the blanks and zero bytes that pad it."""
    return value.strip(" \0\t\r\n")


def _code(key: Key, kind: str, value: str, site: str) -> bytes:
    """HMAC over parts that cannot run into each other: each behind its length."""
    parts = (part.encode("utf-8", "surrogatepass") for part in (kind, site, value))  # undecodable file names too
    message = _DOMAIN + b"".join(len(part).to_bytes(8, "little") + part for part in parts)
    return hmac.new(key.secret, message, hashlib.sha256).digest()


def _uuid(code: bytes) -> int:
    """The first 128 bits with version 8 and variant 2 set, as RFC 9562 asks of home-made UUIDs."""
    number = int.from_bytes(code[:16], "big")
    number = number & ~(0xF << 76) | (8 << 76)
    return number & ~(0b11 << 62) | (0b10 << 62)
