from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from medtransfer.core.evaluated.errors import ErrorGallery
from medtransfer.core.results import OperatingPoint, Predictions
from medtransfer.evaluation.accounting.errors_gallery import errors_gallery

CASES = st.lists(st.tuples(st.sampled_from(["normal", "pneumonia", ""]), st.integers(0, 10)), max_size=40)


def gallery(predictions: Predictions, **settings: int) -> ErrorGallery:
    (found,) = errors_gallery(predictions, **settings)
    return found


@given(CASES)
@settings(deadline=None, max_examples=60)
def test_the_most_confident_errors_come_first_and_ties_by_study(made, cases: list[tuple[str, int]]) -> None:
    p = np.array([score / 10 for _, score in cases])
    found = gallery(made([truth for truth, _ in cases], p), most=5)
    wrong = sorted((score / 10, f"s{i:06d}") for i, (truth, score) in enumerate(cases) if truth == "pneumonia")
    assert [(one.probability, one.study_id) for one in found.false_negatives] == wrong[:5]
    alarms = sorted((-score / 10, f"s{i:06d}") for i, (truth, score) in enumerate(cases) if truth == "normal")
    assert [(-one.probability, one.study_id) for one in found.false_positives] == alarms[:5]
    assert (found.n_false_negatives, found.n_false_positives) == (len(wrong), len(alarms))


def test_at_the_operating_point_only_errors_are_shown(
    predictions: Predictions, operating_point: OperatingPoint
) -> None:
    found = gallery(predictions, most=1000)
    assert found.threshold == operating_point.threshold
    assert all(one.probability < 0.4 and one.truth == "pneumonia" for one in found.false_negatives)
    assert all(one.probability >= 0.4 and one.truth == "normal" for one in found.false_positives)
    assert len(found.false_negatives) == found.n_false_negatives
    table = predictions.table[(predictions.table["status"] == "read") & (predictions.table["truth"] != "")]
    called = table["decision"] == "pneumonia"
    assert found.n_false_positives == int((called & (table["truth"] == "normal")).sum())
    assert found.n_false_negatives == int((~called & (table["truth"] == "pneumonia")).sum())


def test_a_case_says_what_the_table_knows(made) -> None:
    predictions = made(
        ["pneumonia"],
        np.array([0.1]),
        attributes={"sex": ["F"], "age": [""], "path": ["a/b.png"]},
        flags=["several_images;x"],
    )
    features = pd.DataFrame({"study_id": ["s000000"], "thumbnail": [list(np.arange(64.0))]})
    (case,) = gallery(replace(predictions, features=features)).false_negatives
    assert case.attributes == {"site": "north", "sex": "F"}
    assert (case.path, case.flags) == ("a/b.png", ("several_images", "x"))
    assert case.thumbnail == tuple(range(64))
