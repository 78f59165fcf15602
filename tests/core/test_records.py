"""Laws of records: frozen, strict about keys, and infinity survives JSON."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from medtransfer.core.records import Record


class Weight(Record):
    value: float
    content: bytes = b""


def test_records_are_frozen_and_refuse_unknown_keys() -> None:
    weight = Weight(value=1.0)
    with pytest.raises(ValidationError, match="frozen"):
        weight.value = 2.0
    with pytest.raises(ValidationError, match="Extra inputs"):
        Weight.model_validate({"value": 1.0, "valeu": 2.0})


@settings(deadline=None, max_examples=100)
@given(st.floats(), st.binary(max_size=20))
def test_every_value_comes_back_from_json(value: float, content: bytes) -> None:
    text = Weight(value=value, content=content).model_dump_json()
    again = Weight.model_validate_json(text)
    assert again.content == content
    assert again.value == value or (math.isnan(again.value) and math.isnan(value))


def test_infinity_is_not_written_as_nothing() -> None:
    assert json.loads(Weight(value=math.inf).model_dump_json())["value"] == "Infinity"
