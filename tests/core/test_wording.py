"""Laws of wording: what comes out consists of this package's own words, whatever goes in."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtransfer.core.wording import VALUE, _sentences, spelt_out, without_values


def test_values_go_and_words_stay() -> None:
    assert without_values("the file has 0 bytes", otherwise="x") == "the file has 0 bytes"
    said = without_values("PatientAge is no number: could not convert 'Doe^Jane'", otherwise="x")
    assert said == "… is no number: …"
    assert without_values("", otherwise="x") == ""
    assert without_values("Doe^Jane", otherwise="corrupt") == "corrupt"


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=60), st.sampled_from(["{}", "{} is no number: {}", "the file has {} bytes", "{}Warning: {}"]))
def test_what_comes_out_is_a_sentence_of_the_package(value: str, sentence: str) -> None:
    text = sentence.format(*[value] * sentence.count("{}"))
    said = without_values(text, otherwise="otherwise")
    literals, templates = _sentences()
    assert said in {"otherwise", ""} | literals | set(templates)


def test_a_long_hostile_text_is_soon_done() -> None:
    assert without_values(" of ".join(["of"] * 200_000), otherwise="x").replace(VALUE, "").strip(" .,:;()%'") != "of"


@pytest.mark.parametrize(
    ("code", "words"), [("SeriesUnsupported", "series unsupported"), ("for_processing", "for processing"), ("", "")]
)
def test_codes_are_spelt_out(code: str, words: str) -> None:
    assert spelt_out(code) == words
