from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from medtransfer.core.evaluated.shortcuts import Shortcuts
from medtransfer.core.results import Predictions
from medtransfer.evaluation.accounting import shortcuts as module
from medtransfer.evaluation.accounting.metadata import encoded
from medtransfer.evaluation.accounting.shortcuts import shortcuts


def cohort(made, *, n: int = 300, seed: int = 0, planted: bool = True) -> Predictions:
    """Brighter pictures and another scanner for pneumonia, where planted; age and sex say nothing."""
    generator = np.random.default_rng(seed)
    truth = generator.random(n) < 0.4
    p = 1 / (1 + np.exp(-(generator.normal(size=n) + 2 * truth - 1)))
    thumbnail = generator.normal(100, 20, (n, 64)) + 6 * (truth & planted)[:, None]
    border = generator.normal(30, 5, (n, 28))
    predictions = made(
        np.where(truth, "pneumonia", "normal"),
        p,
        attributes={
            "sex": generator.choice(["F", "M", ""], n),
            "age": [f"{a:.0f}" if a > 35 else "" for a in generator.normal(50, 15, n)],
            "manufacturer": np.where(generator.random(n) < (0.7 if planted else 0.5), np.where(truth, "A", "B"), "B")
            if planted
            else generator.choice(["A", "B"], n),
            "accession": [f"{i}" for i in range(n)],
        },
        date=[f"2024-{1 + i % 12:02d}-01" for i in range(n)],
    )
    features = pd.DataFrame(
        {"study_id": predictions.table["study_id"], "thumbnail": list(thumbnail), "border": list(border)}
    )
    return replace(predictions, features=features)


def named(found: Shortcuts) -> dict[str, float]:
    return {one.name: one.auroc.value or 0.0 for one in (*found.panel, *found.attributes)}


def test_planted_shortcuts_are_found_and_absent_ones_are_not(made) -> None:
    (found,) = shortcuts(cohort(made))
    values = named(found)
    assert values["thumbnail"] > 0.9
    assert values["metadata"] > 0.75
    assert values["manufacturer"] > 0.75
    assert found.attributes[0].name == "manufacturer"
    assert {"sex", "age", "date"} <= set(values), "site does not vary, an accession is no attribute"
    assert "accession" not in values
    for name in ("border", "sex", "age"):
        assert values[name] == pytest.approx(0.5, abs=0.12)
    assert found.panel[0].made_of == ("sex", "age", "manufacturer", "date")
    assert any("thumbnail" in warning for warning in found.warnings)
    assert any("'manufacturer'" in warning for warning in found.warnings)
    assert not any("border" in warning for warning in found.warnings)
    assert found.model.value is not None
    assert found.model.value > 0.8


def test_shuffled_labels_give_about_a_half(made) -> None:
    predictions = cohort(made)
    shuffled = np.random.default_rng(5).permutation(predictions.table["truth"].to_numpy())
    (found,) = shortcuts(replace(predictions, table=predictions.table.assign(truth=shuffled)))
    for one in found.panel:
        assert one.auroc.low is not None
        assert one.auroc.high is not None
        assert one.auroc.low < 0.5 < one.auroc.high
    assert found.warnings == ()


def test_the_score_is_compared_given_the_label(made) -> None:
    predictions = cohort(made, planted=False)
    (found,) = shortcuts(predictions)
    (row,) = found.given_label
    assert row.attribute == "manufacturer"
    assert row.p_holm is not None
    assert row.p_holm > 0.01
    lifted = predictions.table["probability_pneumonia"].where(predictions.table["attribute_manufacturer"] == "A", 0.1)
    table = predictions.table.assign(probability_pneumonia=lifted, probability_normal=1 - lifted)
    (moved,) = shortcuts(replace(predictions, table=table))
    assert moved.given_label[0].p_holm is not None
    assert moved.given_label[0].p_holm < 1e-6


def test_what_is_not_there_says_why(made) -> None:
    bare = made(["normal", "pneumonia"] * 30, np.linspace(0, 1, 60))
    (found,) = shortcuts(bare)
    notes = {one.name: one.auroc.note for one in found.panel}
    assert notes["metadata"] == "no attribute varies"
    assert "--store" in notes["thumbnail"]
    assert found.given_label == ()
    (one_class,) = shortcuts(replace(bare, table=bare.table.assign(truth="normal", attribute_sex=["F", "M"] * 30)))
    assert one_class.model.value is None
    assert "fewer than 10 patients" in one_class.panel[0].auroc.note
    (nobody,) = shortcuts(replace(bare, table=bare.table.assign(truth="")))
    assert nobody.model.value is None


def test_studies_without_a_picture_are_counted(made) -> None:
    predictions = cohort(made)
    assert predictions.features is not None
    (found,) = shortcuts(replace(predictions, features=predictions.features.iloc[:250]))
    assert found.panel[1].auroc.n == 250
    assert found.panel[1].auroc.note == "50 studies have none"


def test_the_order_of_the_rows_changes_nothing(made) -> None:
    predictions = cohort(made, n=120)
    assert predictions.features is not None
    order = np.random.default_rng(0).permutation(120)
    turned = replace(predictions, table=predictions.table.iloc[order], features=predictions.features.iloc[::-1])
    assert shortcuts(turned) == shortcuts(predictions)


def test_many_patients_are_drawn_from_and_the_record_says_so(made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_PATIENTS", 100)
    (found,) = shortcuts(cohort(made))
    assert found.model.n == 100
    assert "100 patients drawn from 300" in found.method


def test_encoding_by_hand() -> None:
    rows = pd.DataFrame(
        {
            "site": ["a"] * 6 + ["b"] * 6,
            "age": ["10", "", *["30"] * 5, *["50"] * 5],
            "sex": ["F"] * 5 + [""] * 5 + ["x", "y"],
            "label": ["ill"] * 12,
            "date": ["2024-01-01"] * 12,
        }
    )
    found = encoded(rows, classes=("ill",), task="multiclass")
    assert set(found) == {"site", "age", "sex"}, "the label is no attribute, and one date says nothing"
    assert found["site"].shape == (12, 2)
    assert found["age"][1, 1] == 1
    assert found["age"][1, 0] == pytest.approx((10 + 150 + 250) / 11)
    assert found["sex"].sum(axis=0).tolist() == [5, 5], "blank is a word of its own; rare words share none"
