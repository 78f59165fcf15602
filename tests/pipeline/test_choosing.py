"""Operating points chosen on validation, where a stand-in for the network says what the test wants."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from manifests import make_manifest, make_plan
from questions import LABELS, label_cells, label_truths

from medtransfer.core.config.data import CohortConfig
from medtransfer.core.config.decision import DecisionConfig
from medtransfer.data.cohort import Cohort
from medtransfer.decision.thresholds import choose
from medtransfer.evaluation.evaluate import PATIENTS_UNKNOWN
from medtransfer.models.bundle import Bundle
from medtransfer.pipeline import choosing
from medtransfer.pipeline.choosing import ChosenPoints, chosen_points

if TYPE_CHECKING:
    from pathlib import Path

PLAN = make_plan(
    target=CohortConfig(cohort="", task="multilabel", classes=LABELS, label="label"),
    decision=DecisionConfig(rule="youden"),
)


@pytest.fixture
def truths() -> tuple[np.ndarray, np.ndarray]:
    """Of 160 validation studies; hernia is known of all, and six have it."""
    truth, probability = label_truths(160, seed=4)
    truth[:, 2] = np.where(np.arange(160) < 6, 1, 0)
    return truth, probability


@pytest.fixture
def cohort(tmp_path: Path, truths: tuple[np.ndarray, np.ndarray]) -> Cohort:
    """Their table, two studies a patient, and one study of another split."""
    cells = [*label_cells(truths[0]), "pneumonia=1"]
    table = pd.DataFrame(
        {
            "path": [f"{i}.png" for i in range(161)],
            "study_id": [f"s{i:04}" for i in range(161)],
            "patient_id": [f"p{i // 2}" for i in range(161)],
            "site": "here",
            "date": "",
            "label": cells,
            "split": ["validation"] * 160 + ["test"],
        }
    )
    about = {"root": tmp_path, "source": tmp_path, "sha256": "c" * 64, "label": "label", "classes": LABELS}
    return Cohort(table=table, positive=None, task="multilabel", **about)


def found(
    monkeypatch: pytest.MonkeyPatch,
    cohort: Cohort,
    probability: np.ndarray,
    tmp_path: Path,
    unread: tuple[int, ...] = (),
) -> ChosenPoints:
    """What is chosen where the network says these probabilities."""

    def predict(_: Bundle, asked: Cohort, **__: object) -> SimpleNamespace:
        table = asked.table.rename(columns={"label": "truth"}).reset_index(drop=True)
        table["status"] = ["failed" if i in unread else "read" for i in table.index]
        columns = {f"probability_{name}": column for name, column in zip(LABELS, probability.T, strict=True)}
        return SimpleNamespace(predictions=SimpleNamespace(table=table.assign(**columns)))

    monkeypatch.setattr(choosing, "predict_cohort", predict)
    manifest = make_manifest(task="multilabel", classes=LABELS, positive=None, operating_point=None)
    return chosen_points(PLAN, Bundle(folder=tmp_path, manifest=manifest, sha256="b" * 64), cohort, tmp_path)


def test_each_label_has_the_point_of_the_studies_of_which_it_is_known(
    monkeypatch: pytest.MonkeyPatch, cohort: Cohort, truths: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    truth, probability = truths
    chosen = found(monkeypatch, cohort, probability, tmp_path, unread=(3, 9))
    assert chosen.one is None
    assert list(chosen.each) == ["pneumonia", "effusion"]
    read = ~np.isin(np.arange(160), (3, 9))
    for index, name in enumerate(chosen.each):
        known = read & ~np.isnan(truth[:, index])
        alone = choose(
            truth[known, index] == 1,
            probability[known, index],
            rule="youden",
            goal=None,
            positive=name,
            chosen_on="validation",
            groups=np.arange(160)[known] // 2,
        )
        assert chosen.each[name] == alone
    assert chosen.each["pneumonia"].threshold != chosen.each["effusion"].threshold


def test_a_label_that_too_few_have_gets_no_point_but_a_note(
    monkeypatch: pytest.MonkeyPatch, cohort: Cohort, truths: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    chosen = found(monkeypatch, cohort, truths[1], tmp_path)
    assert "hernia" not in chosen.each
    (note,) = chosen.notes
    assert note == (
        "hernia has no operating point: of the validation studies, 6 have it and 154 do not, and 10 of each are needed."
    )


def test_unknown_patients_stamp_every_point(
    monkeypatch: pytest.MonkeyPatch, cohort: Cohort, truths: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    table = cohort.table.assign(patient_id=cohort.table["patient_id"].where(cohort.table.index != 5, ""))
    unknown = replace(cohort.with_rows(table), patients_unknown=True)
    chosen = found(monkeypatch, unknown, truths[1], tmp_path)
    notes = {rate.note for point in chosen.each.values() for rate in (point.sensitivity, point.specificity)}
    assert notes == {PATIENTS_UNKNOWN}
    assert len(chosen.notes) == 1


def test_without_validation_there_is_no_point(
    monkeypatch: pytest.MonkeyPatch, cohort: Cohort, truths: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    test = cohort.with_rows(cohort.table.assign(split="test"))
    assert found(monkeypatch, test, truths[1], tmp_path) == ChosenPoints()
