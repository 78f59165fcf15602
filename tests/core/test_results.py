"""Laws of results: flows reconcile or are refused, estimates are never shown without their interval."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from medtransfer.core.results import COHORT_COLUMNS, SPLITS, Estimate, Flow, LabelCounts

counts = st.integers(min_value=0, max_value=50)
tallies = st.dictionaries(st.text(max_size=4), counts, max_size=3)


@settings(deadline=None, max_examples=100)
@given(
    tallies, tallies, counts, tallies, st.integers(min_value=-1, max_value=1), st.integers(min_value=-1, max_value=1)
)
def test_a_flow_reconciles_or_is_refused(
    excluded: dict[str, int],
    failed: dict[str, int],
    unlabelled: int,
    per_class: dict[str, int],
    missing: int,
    strange: int,
) -> None:
    evaluated = sum(per_class.values()) + strange
    inputs = sum(excluded.values()) + sum(failed.values()) + unlabelled + evaluated + missing
    values: dict[str, Any] = {
        "inputs": inputs,
        "excluded": excluded,
        "failed": failed,
        "unlabelled": unlabelled,
        "evaluated": evaluated,
        "per_class": per_class,
    }
    if missing or strange:
        with pytest.raises(ValidationError, match=r"accounted for|classes sum"):
            Flow(**values)
    else:
        assert Flow(**values).model_dump() == values | {"per_label": {}}


@pytest.mark.parametrize(("unknown", "fits"), [(3, True), (2, False)])
def test_what_is_known_of_every_label_reconciles_or_is_refused(unknown: int, *, fits: bool) -> None:
    labels = {
        "a": LabelCounts(present=1, absent=2, unknown=2),
        "b": LabelCounts(present=2, absent=0, unknown=unknown),
    }
    values: dict[str, Any] = {"inputs": 6, "excluded": {}, "failed": {}, "unlabelled": 1, "evaluated": 5}
    if fits:
        assert Flow(**values, per_class={}, per_label=labels).per_label == labels
    else:
        with pytest.raises(ValidationError, match="5 evaluated, but counts of 'b' sum to 4"):
            Flow(**values, per_class={}, per_label=labels)


@pytest.mark.parametrize(
    ("values", "spec", "shown"),
    [
        ({"value": 0.9123, "low": 0.871, "high": 0.9434}, "", "0.912 (0.871–0.943)"),
        ({"value": 0.9123, "low": 0.871, "high": 0.9434}, ".1%", "91.2% (87.1%–94.3%)"),
        ({"value": 0.5}, "", "0.500"),
        ({"value": 0.5, "low": 0.1}, ".2f", "0.50"),
        ({"value": None, "note": "one class only"}, "", "not estimable (one class only)"),
        ({"value": None}, ".2f", "not estimable"),
    ],
)
def test_an_estimate_is_shown_with_its_interval_or_the_reason(values: dict[str, Any], spec: str, shown: str) -> None:
    assert format(Estimate(name="auroc", method="bootstrap", n=9, **values), spec) == shown


def test_every_column_of_a_cohort_is_explained() -> None:
    assert all(COHORT_COLUMNS.values())
    assert {"path", "patient_id", "label", "split"} <= set(COHORT_COLUMNS)
    assert len(set(SPLITS)) == 4
