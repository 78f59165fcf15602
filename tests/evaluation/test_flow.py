from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtransfer.core.errors import PredictionsError
from medtransfer.core.results import Predictions
from medtransfer.evaluation.flow import flow

ROWS = st.lists(
    st.tuples(
        st.sampled_from(["read", "excluded", "failed"]),
        st.sampled_from(["", "ill", "well"]),
        st.sampled_from(["", " ", "Truncated", "Truncated: x: y", "Bomb : z", "no colon here"]),
    ),
    max_size=30,
)


@given(ROWS)
@settings(deadline=None, max_examples=60)
def test_every_row_ends_in_one_place(rows: list[tuple[str, str, str]]) -> None:
    table = pd.DataFrame(rows, columns=["status", "truth", "error"], dtype=object).assign(
        study_id=[str(i) for i in range(len(rows))],
        patient_id="p",
        probability_ill=[0.25 if status == "read" else np.nan for status, _, _ in rows],
        probability_well=[0.75 if status == "read" else np.nan for status, _, _ in rows],
    )
    counts = flow(
        Predictions(table=table, classes=("well", "ill"), positive=None, operating_point=None, bundle_sha256="")
    )
    assert counts.inputs == len(rows)
    assert sum(counts.failed.values()) == sum(status == "failed" for status, _, _ in rows)
    assert counts.per_class["ill"] == sum(row[:2] == ("read", "ill") for row in rows)
    assert counts.unlabelled == sum(row[:2] == ("read", "") for row in rows)
    assert {*counts.failed, *counts.excluded} <= {"Unstated", "Truncated", "Bomb", "no"}


def test_reasons_are_counted_by_code(predictions: Predictions) -> None:
    counts = flow(predictions)
    assert counts.failed == {"Truncated": 2}
    assert counts.excluded == {"NotAnImage": 1, "Unstated": 1}
    assert (counts.inputs, counts.unlabelled, counts.evaluated) == (160, 1, 155)


def test_unknown_labels_are_refused_rather_than_dropped(predictions: Predictions) -> None:
    with pytest.raises(PredictionsError) as error:
        flow(replace(predictions, classes=("normal", "tuberculosis"), positive=None, operating_point=None))
    assert error.value.code == "MissingColumn"
