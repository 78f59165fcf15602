"""Several labels, each at its own locked threshold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from evaluations import label_points, of_labels
from questions import GRADES, LABELS, ordered_classes, several_labels

from medtransfer.core.config.evaluation import EvaluationConfig
from medtransfer.core.errors import PredictionsError
from medtransfer.core.evaluated.evaluation import Evaluation
from medtransfer.core.results import Predictions
from medtransfer.data.targets import known_labels
from medtransfer.evaluation.decisions import decisions_of
from medtransfer.evaluation.evaluate import PATIENTS_UNKNOWN, evaluate
from medtransfer.evaluation.prevalence import predictions_at

QUICK = EvaluationConfig(replicates=100, seed=17)
POINTS = label_points(pneumonia=0.45, effusion=0.4)


def with_points() -> Predictions:
    return replace(several_labels(), operating_points=POINTS)


def of_one_label(name: str) -> Predictions:
    """The studies of which a label is known, as if nothing else had been asked."""
    predictions = several_labels()
    known = predictions.table["truth"].map(known_labels)
    table = predictions.table.assign(truth=[row.get(name) for row in known]).dropna(subset="truth")
    table = table.assign(truth=np.where(table["truth"].astype(bool), name, "no"))
    table["probability_no"] = 1 - table[f"probability_{name}"]
    point = POINTS[name]
    return replace(
        predictions, table=table, classes=("no", name), positive=name, operating_point=point, task="multiclass"
    )


@pytest.mark.parametrize("name", list(POINTS))
def test_a_label_has_the_figures_of_a_positive_class(name: str) -> None:
    found, alone = of_labels().operating_per_label[name], evaluate(of_one_label(name), config=QUICK).operating
    assert alone is not None
    assert (found.point, found.confusion, found.prevalence) == (alone.point, alone.confusion, alone.prevalence)
    for ours, theirs in zip(found.estimates, alone.estimates, strict=True):
        assert ours.of == name
        assert ours.value == pytest.approx(theirs.value, rel=1e-12)
        if "bootstrap" not in ours.method:
            assert ours.model_copy(update={"of": None}) == theirs
        else:
            assert ours.low is not None


def test_usefulness_and_subgroups_are_marked_at_each_labels_threshold() -> None:
    predictions = with_points()
    table = predictions.table.assign(attribute_sex=np.where(np.arange(len(predictions.table)) % 4 < 2, "F", "M"))
    found = evaluate(replace(predictions, table=table), config=QUICK.model_copy(update={"by": ("sex",)}))
    assert {name: one.threshold for name, one in found.usefulness.items()} == {
        "pneumonia": 0.45,
        "effusion": 0.4,
        "hernia": None,
    }
    figures = {
        one.of: {figure.estimate.name for group in one.groups for figure in group.figures} for one in found.subgroups
    }
    assert "sensitivity" in figures["effusion"]
    assert "sensitivity" not in figures["hernia"]


def test_every_figure_has_its_place_and_its_label() -> None:
    found = of_labels()
    assert found.operating is None
    assert found.operating_point is None
    places = {(where, e.name, e.of) for where, e in found.every_estimate()}
    assert ("operating_per_label/effusion/estimates", "NPV", "effusion") in places
    assert len(places) == sum(1 for _ in found.every_estimate())
    assert found.estimate("MCC", of="effusion") == found.operating_per_label["effusion"].estimate("MCC")
    assert Evaluation.model_validate_json(found.model_dump_json()) == found


def test_labels_without_a_point_are_pointed_out() -> None:
    assert "No operating point came with 'hernia': no sensitivity, no specificity there" in of_labels().warnings
    whole = replace(several_labels(), operating_points=label_points(**dict.fromkeys(LABELS, 0.5)))
    assert not [one for one in evaluate(whole, config=QUICK).warnings if "operating point" in one]


def test_unknown_patients_are_said_of_every_figure() -> None:
    found = evaluate(replace(with_points(), patients_unknown=True), config=QUICK)
    assert all(PATIENTS_UNKNOWN in one.note for one in found.at_operating_point)


def test_the_decisions_are_those_of_the_thresholds() -> None:
    predictions = with_points()
    said = decisions_of(predictions.table, predictions)
    for row, cell in zip(predictions.table.to_dict("records"), said, strict=True):
        assert known_labels(cell) == {name: row[f"probability_{name}"] >= one.threshold for name, one in POINTS.items()}
    decided = replace(predictions, table=predictions.table.assign(decision=said))
    assert evaluate(decided, config=QUICK).operating_per_label == of_labels().operating_per_label
    moved = replace(decided, operating_points=label_points(pneumonia=0.45, effusion=0.2))
    with pytest.raises(PredictionsError) as caught:
        evaluate(moved, config=QUICK)
    assert caught.value.code == "OtherThreshold"
    assert "0.2 of 'effusion'" in str(caught.value.hint)


@pytest.mark.parametrize(
    "changed",
    [
        replace(several_labels(), operating_points=label_points(cough=0.5)),
        replace(several_labels(), operating_points={"effusion": POINTS["pneumonia"]}),
        replace(ordered_classes(), operating_points=label_points(**{GRADES[0]: 0.5})),
    ],
    ids=["no such label", "of another label", "of ordered classes"],
)
def test_points_of_anything_else_are_refused(changed: Predictions) -> None:
    with pytest.raises(PredictionsError) as caught:
        evaluate(changed, config=QUICK)
    assert caught.value.code == "OtherOperatingPoint"


def test_a_stated_prevalence_moves_probabilities_and_threshold_alike() -> None:
    predictions = replace(with_points(), priors=dict.fromkeys(LABELS, 0.3))
    shifted = predictions_at(predictions, {"effusion": 0.05})
    assert shifted.operating_points["pneumonia"].threshold == pytest.approx(0.45, rel=1e-12)
    assert shifted.operating_points["effusion"].threshold < POINTS["effusion"].threshold
    same = [decisions_of(one.table, one).tolist() for one in (predictions, shifted)]
    assert same[0] == same[1]
    found = evaluate(predictions, config=QUICK.model_copy(update={"prevalence": {"effusion": 0.05}}))
    effusion = found.operating_per_label["effusion"]
    assert effusion.stated_prevalence == 0.05
    assert effusion.shown_threshold == shifted.operating_points["effusion"].threshold
    assert {one.of for one in effusion.in_sample} == {"effusion"}


def test_patients_are_judged_at_the_same_thresholds() -> None:
    found = evaluate(with_points(), config=QUICK.model_copy(update={"level": "patient"}))
    assert list(found.operating_per_label) == list(POINTS)
    assert sum(found.operating_per_label["effusion"].confusion.model_dump().values()) <= found.n_patients
