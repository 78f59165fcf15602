"""Codes of a header are kept only where they are codes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtransfer.data.terms import BODY_PARTS, MODALITIES, SEXES, VENDORS, VIEWS, term, vendor


@pytest.mark.parametrize(
    ("name", "terms"), [("modality", MODALITIES), ("sex", SEXES), ("view", VIEWS), ("body_part", BODY_PARTS)]
)
def test_every_term_stays_as_it_is(name: str, terms: frozenset[str]) -> None:
    assert all(term(name, word) == word for word in terms)
    assert all(word.upper() == word and len(word) <= 18 for word in terms)


def test_blanks_and_small_letters_do_not_matter() -> None:
    assert term("body_part", "WHOLE BODY ") == "WHOLE BODY"
    assert term("body_part", "Chest") == "Chest"
    assert term("sex", "f") == "f"


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(["modality", "sex", "view", "body_part", "burned_in"]), st.text(max_size=12))
def test_a_name_beside_a_term_takes_it_along(name: str, text: str) -> None:
    assert term(name, f"CT DOE{text}") == ""
    kept = term(name, text)
    assert kept in {"", text.strip(" ")}
    assert kept.replace(" ", "").upper() in MODALITIES | SEXES | VIEWS | BODY_PARTS | {"", "YES", "NO"}


@pytest.mark.parametrize(
    ("said", "kept"),
    [("SIEMENS", "Siemens"), ("Siemens Healthineers", "Siemens"), ("GE MEDICAL SYSTEMS", "GE"),
     ("Philips, room of Dr Doe", "Philips"), ("SonoSite, Inc.", "SonoSite"), ("BK Medical", "BK Medical"),
     ("GEORGE DOE", ""), ("Doe of Siemens", ""), ("", ""), ("\u212aODAK", "Kodak")],
)  # fmt: skip
def test_vendors_are_named_without_what_follows(said: str, kept: str) -> None:
    assert vendor(said) == kept


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=30), st.sampled_from(VENDORS))
def test_nothing_but_a_vendor_comes_out(text: str, known: str) -> None:
    assert vendor(text) in {"", *VENDORS}
    assert vendor(f"{known} {text}") in VENDORS
