"""Which study of the folder a row of the predictions is about."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from apps.notices import PROBLEMS
from apps.studies.folder import Listing, Study
from apps.worklist.predictions import matched
from medtransfer.core.results import Predictions


def predictions(*studies: str, status: str = "read") -> Predictions:
    table = pd.DataFrame(
        {
            "study_id": list(studies),
            "date": "2024-01-02",
            "probability_normal": 0.25 if status == "read" else float("nan"),
            "probability_pneumonia": 0.75 if status == "read" else float("nan"),
            "flags": "several_images",
            "status": status,
            "error": "" if status == "read" else "NoPixels: has none",
        }
    )
    return Predictions(
        table=table,
        classes=("normal", "pneumonia"),
        positive="pneumonia",
        operating_point=None,
        bundle_sha256="B",
    )


def listing(*names: str) -> Listing:
    return Listing(studies=tuple(Study(name=name, files=(), names=()) for name in names))


@pytest.mark.parametrize("name", ["HC1", "HC1.dcm", "images/HC1.nii.gz", "images/HC1"])
def test_a_study_is_known_by_its_name_with_or_without_folder_and_suffix(name: str) -> None:
    found = matched(predictions("HC1"), listing(name, "other"))
    assert found.known[name].probabilities == {"normal": 0.25, "pneumonia": 0.75}
    assert (found.elsewhere, found.lost) == (0, ())


def test_a_name_that_two_studies_bear_is_nobodys() -> None:
    found = matched(predictions("HC1"), listing("a/HC1.dcm", "b/HC1.dcm"))
    assert found.known == {}
    assert found.elsewhere == 1


def test_the_whole_name_goes_before_its_last_part() -> None:
    assert set(matched(predictions("a/HC1.dcm"), listing("a/HC1.dcm", "b/HC1.dcm")).known) == {"a/HC1.dcm"}


def test_every_row_is_known_counted_or_named() -> None:
    one, two = predictions("HC1", "HC2"), predictions("HC3", status="failed")
    both = replace(one, table=pd.concat([one.table, two.table], ignore_index=True))
    found = matched(both, listing("HC1.dcm"))
    assert len(found.known) + found.elsewhere + len(found.lost) == 3
    ((name, failed),) = found.lost
    assert (name, failed.status, failed.probabilities) == ("HC3", "failed", {})
    assert failed.reason == PROBLEMS["NoPixels"]
