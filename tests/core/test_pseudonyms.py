"""Laws of pseudonyms: the same under one key, unrelated under another, and well formed."""

from __future__ import annotations

import hashlib
import hmac
import re
import uuid
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import UID

from medtransfer.core.keys import Key
from medtransfer.core.pseudonyms import LONGEST_SHIFT, PREFIXES, Kind, day_shift, pseudonym, stripped

ONE, OTHER = Key(bytes(range(32))), Key(bytes(range(1, 33)))
KINDS = get_args(Kind)
values = st.text(min_size=1, max_size=80).filter(lambda text: bool(stripped(text)))
laws = settings(deadline=None, max_examples=60)


def test_the_code_is_an_hmac_over_parts_behind_their_lengths() -> None:
    parts = b"".join(len(part).to_bytes(8, "little") + part for part in (b"patient", b"", b"P1"))
    code = hmac.new(ONE.secret, b"medtransfer pseudonym 1" + parts, hashlib.sha256).digest()
    bits = int.from_bytes(code, "big") >> (256 - 100)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    spelt = "".join(letters[bits >> shift & 31] for shift in range(95, -1, -5))
    assert pseudonym(ONE, "patient", "P1") == f"P-{spelt}"


@laws
@given(values)
def test_equal_in_and_equal_out_and_another_key_says_something_else(value: str) -> None:
    for kind in KINDS:
        name = pseudonym(ONE, kind, value)
        assert name == pseudonym(Key(ONE.secret), kind, value)
        assert name != pseudonym(OTHER, kind, value)
        assert name != pseudonym(ONE, kind, value, site="elsewhere")


@laws
@given(st.lists(values, min_size=1, max_size=8, unique_by=stripped))
def test_neither_kinds_nor_values_ever_share_a_name(several: list[str]) -> None:
    names = {pseudonym(ONE, kind, value) for kind in KINDS for value in several}
    assert len(names) == len(KINDS) * len(several)


@laws
@given(values)
def test_names_are_of_at_least_80_bits_and_uids_are_valid(value: str) -> None:
    for kind, prefix in PREFIXES.items():
        assert re.fullmatch(f"{prefix}[A-Z2-7]{{20}}", pseudonym(ONE, kind, value))  # pyright: ignore[reportArgumentType]
    for kind in ("study", "series", "instance"):
        name = UID(pseudonym(ONE, kind, value))
        assert name.is_valid
        assert len(name) <= 64
        made = uuid.UUID(int=int(name.removeprefix("2.25.")))
        assert (made.version, made.variant) == (8, uuid.RFC_4122)


@pytest.mark.parametrize("padded", [" P1", "P1 ", "P1\0", "\tP1\r\n"])
def test_padding_does_not_count_and_capitals_do(padded: str) -> None:
    assert pseudonym(ONE, "patient", padded) == pseudonym(ONE, "patient", "P1")
    assert pseudonym(ONE, "patient", "p1") != pseudonym(ONE, "patient", "P1")
    assert day_shift(ONE, padded) == day_shift(ONE, "P1")


def test_parts_do_not_run_into_each_other() -> None:
    assert pseudonym(ONE, "patient", "2", site="1") != pseudonym(ONE, "patient", "12")
    assert pseudonym(ONE, "patient", "2", site="1") != pseudonym(ONE, "patient", "", site="12")


def test_nothing_stays_nothing_and_undecodable_names_have_names() -> None:
    assert pseudonym(ONE, "patient", " \0") == ""
    assert pseudonym(ONE, "path", "scan\udcff.dcm").startswith("F-")


def test_shifts_fill_their_range_evenly() -> None:
    shifts = [day_shift(ONE, f"P{number}") for number in range(4000)]
    assert min(shifts) >= 1
    assert max(shifts) <= LONGEST_SHIFT
    quarters = [sum(low < shift <= low + LONGEST_SHIFT / 4 for shift in shifts) for low in (0, 456.25, 912.5, 1368.75)]
    assert all(abs(count - 1000) < 5 * (1000 * 0.75) ** 0.5 for count in quarters)
    assert shifts != [day_shift(OTHER, f"P{number}") for number in range(4000)]
