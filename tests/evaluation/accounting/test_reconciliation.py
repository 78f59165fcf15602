from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtransfer.core.errors import PredictionsError
from medtransfer.core.results import Predictions, Status
from medtransfer.data.ledger import Ledger, LedgerRow
from medtransfer.evaluation.accounting.reconciliation import reconciled, require_agreement
from medtransfer.evaluation.flow import flow

IMAGE = st.tuples(st.sampled_from(["read", "excluded", "failed"]), st.sampled_from(["Truncated", "NotAnImage"]))
TRUTH = st.sampled_from(["", "ill", "well"])
STUDIES = st.lists(st.tuples(st.lists(IMAGE, min_size=1, max_size=4), TRUTH), max_size=20)
Studies = list[tuple[list[tuple[Status, str]], str]]


def run(studies: Studies) -> tuple[Predictions, Ledger]:
    """A table and a ledger as a run writes them."""
    images: list[LedgerRow] = []
    rows = []
    for number, (fates, truth) in enumerate(studies):
        ledger = [
            LedgerRow(
                path=f"{number}/{i}.png", study_id=str(number), status=status, code="" if status == "read" else code
            )
            for i, (status, code) in enumerate(fates)
        ]
        images += ledger
        said = next(row for status in ("read", "failed", "excluded") for row in ledger if row.status == status)
        p = 0.25 if said.status == "read" else np.nan
        rows.append(
            {
                "study_id": str(number),
                "patient_id": "p",
                "truth": truth,
                "status": said.status,
                "error": said.code and f"{said.code}: words",
            }
            | {"probability_ill": p, "probability_well": 1 - p}
        )
    names = ["study_id", "patient_id", "truth", "status", "error", "probability_ill", "probability_well"]
    table = pd.DataFrame(rows, columns=names)
    predictions = Predictions(
        table=table, classes=("ill", "well"), positive=None, operating_point=None, bundle_sha256=""
    )
    return predictions, Ledger(tuple(images))


@given(STUDIES)
@settings(deadline=None, max_examples=80)
def test_a_run_reconciles_with_its_own_ledger(studies: Studies) -> None:
    predictions, ledger = run(studies)
    found = reconciled(flow(predictions), ledger)
    assert found.agrees, found.differences
    require_agreement(found)
    for counts in (found.images, found.studies):
        assert counts["inputs"] == counts["read"] + counts["excluded"] + counts["failed"]
    assert found.images["inputs"] == sum(len(images) for images, _ in studies)
    for status in ("excluded", "failed"):
        assert sum(found.by_reason[status].values()) == found.images[status]


def test_a_lost_row_and_a_changed_reason_are_said() -> None:
    predictions, ledger = run([([("read", "")], "ill"), ([("failed", "Truncated")], ""), ([("read", "")], "well")])
    lost = replace(predictions, table=predictions.table.iloc[:2])
    found = reconciled(flow(lost), ledger.table())
    assert found.differences == (
        "inputs: 2 in the predictions, 3 in the ledger",
        "studies that were read: 1 in the predictions, 2 in the ledger",
    )
    with pytest.raises(PredictionsError) as error:
        require_agreement(found)
    assert error.value.code == "NotReconciled"
    other = predictions.table.assign(error=["", "Bomb: 1 GB", ""])
    assert reconciled(flow(replace(predictions, table=other)), ledger).differences == (
        "failed as Bomb: 1 in the predictions, 0 in the ledger",
        "failed as Truncated: 0 in the predictions, 1 in the ledger",
    )


def test_images_of_no_study_are_counted_as_images_alone() -> None:
    predictions, ledger = run([([("read", "")], "ill")])
    more = Ledger((*ledger.rows, LedgerRow(path="readme.txt", status="excluded", code="NotAnImage")))
    found = reconciled(flow(predictions), more)
    assert found.agrees
    assert (found.images["inputs"], found.studies["inputs"]) == (2, 1)
