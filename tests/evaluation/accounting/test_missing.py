from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from medtransfer.core.results import Predictions
from medtransfer.evaluation.accounting.missing import missing_table

CELLS = st.sampled_from(["", " ", "x"])
ROWS = st.lists(
    st.tuples(st.sampled_from(["read", "excluded", "failed"]), st.sampled_from(["", "ill", "well"]), CELLS, CELLS),
    max_size=40,
)


@given(ROWS)
@settings(deadline=None, max_examples=60)
def test_counts_sum_over_the_groups(rows: list[tuple[str, str, str, str]]) -> None:
    table = pd.DataFrame(rows, columns=["status", "truth", "site", "attribute_sex"], dtype=object).assign(
        study_id=[str(i) for i in range(len(rows))],
        patient_id="p",
        error="",
        probability_ill=[0.25 if status == "read" else np.nan for status, *_ in rows],
        probability_well=[0.75 if status == "read" else np.nan for status, *_ in rows],
    )
    found = missing_table(
        Predictions(table=table, classes=("well", "ill"), positive=None, operating_point=None, bundle_sha256="")
    )
    assert found.groups["all"] == len(rows) == found.groups["read"] + found.groups["not read"]
    parts = ("read, well", "read, ill", "read, truth unknown")
    assert found.groups["read"] == sum(found.groups[part] for part in parts)
    for row in found.rows:
        assert row.missing["all"] == row.missing["read"] + row.missing["not read"]
        assert row.missing["read"] == sum(row.missing[part] for part in parts)
    by_name = {row.name: row.missing for row in found.rows}
    assert by_name["sex"]["all"] == sum(not row[3].strip() for row in rows)
    assert by_name["site"]["read, ill"] == sum(row[:2] == ("read", "ill") and not row[2].strip() for row in rows)
    assert by_name["probability"]["all"] == found.groups["not read"]
    assert by_name["date"]["all"] == len(rows), "a column that is not there is missing everywhere"


def test_several_labels_are_missing_one_by_one() -> None:
    table = pd.DataFrame(
        {
            "study_id": ["a", "b", "c"],
            "patient_id": ["a", "b", "c"],
            "truth": ["ill=1;broken=0", "ill=1", ""],
            "status": "read",
            "error": "",
            "probability_ill": 0.5,
            "probability_broken": 0.9,
        }
    )
    predictions = Predictions(
        table=table,
        classes=("ill", "broken"),
        positive=None,
        operating_point=None,
        bundle_sha256="",
        task="multilabel",
    )
    found = {row.name: row.missing for row in missing_table(predictions).rows}
    assert (found["truth: broken"]["all"], found["truth: ill"]["all"], found["truth"]["all"]) == (2, 1, 1)
    assert found["truth: broken"]["read, ill"] == 1
    assert missing_table(replace(predictions, table=table.iloc[:0])).groups["all"] == 0
