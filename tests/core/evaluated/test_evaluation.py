"""Laws of the document: it is the same after JSON, and every figure in it can be found again by its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from evaluations import QUICK, infections, of_grades, of_infections, of_labels, of_pneumonia, of_readers
from pydantic import ValidationError

from medtransfer.core.evaluated.evaluation import Evaluation
from medtransfer.core.results import Estimate
from medtransfer.evaluation.evaluate import evaluate


@cache
def of_infections_by_sex() -> Evaluation:
    """Several findings, each by sex, by three scanners, and at enough sites to be pooled."""
    predictions = infections(600)
    patient = np.arange(len(predictions.table)) // 2
    table = predictions.table.assign(
        site=[f"site {one % 6}" for one in patient],
        attribute_sex=np.where(patient % 3 == 0, "F", "M"),
        attribute_scanner=[f"scanner {one % 3}" for one in patient],
    )
    return evaluate(replace(predictions, table=table), config=QUICK.model_copy(update={"by": ("sex",)}))


ALL = (of_pneumonia, of_infections, of_infections_by_sex, of_labels, of_grades, of_readers)
every_kind = pytest.mark.parametrize("made", ALL, ids=lambda made: made.__name__)


@every_kind
def test_it_is_the_same_after_json(made: Callable[[], Evaluation]) -> None:
    found = made()
    again = Evaluation.model_validate_json(found.model_dump_json())
    assert again == found
    assert again.model_dump_json() == found.model_dump_json()


@every_kind
def test_every_estimate_is_met_once_and_the_headline_first(made: Callable[[], Evaluation]) -> None:
    found = list(made().every_estimate())
    assert [one for place, one in found if place == "estimates"] == list(made().estimates)
    assert found[0][1] == made().estimates[0]
    assert len(found) == estimates_in(made().as_json())


def estimates_in(found: object) -> int:
    """How many objects of the JSON are estimates."""
    if isinstance(found, dict):
        return int(found.keys() == Estimate.model_fields.keys()) + sum(map(estimates_in, found.values()))
    return sum(map(estimates_in, found)) if isinstance(found, list) else 0


@every_kind
def test_place_name_and_class_tell_every_figure_from_all_others(made: Callable[[], Evaluation]) -> None:
    """A row of `estimates.csv` says which figure it is."""
    places = Counter((place, one.name, one.of) for place, one in made().every_estimate())
    assert [one for one, times in places.items() if times > 1] == []


def test_figures_are_found_by_name_and_class() -> None:
    found = of_infections()
    assert found.estimate("AUROC").of == "normal"
    assert found.estimate("AUROC", of="viral").of == "viral"
    assert of_pneumonia().estimate("AUROC") == of_pneumonia().estimates[0]
    assert of_pneumonia().estimate("calibration slope") == of_pneumonia().estimates[-1]
    for name, of in (("brier", None), ("AUROC", "mumps")):
        with pytest.raises(KeyError, match=name):
            found.estimate(name, of=of)


def test_what_is_compared_here_is_there() -> None:
    """The law above would be easy for an evaluation without such parts."""
    found = of_infections_by_sex()
    assert all(len(one.pooled) == 1 for one in found.sites)
    assert all(len(one.given_label) > 2 for one in found.shortcuts)
    assert of_readers().readers is not None
    assert len(of_pneumonia().drift.over_time[0].periods) > 1


def test_findings_and_the_operating_point() -> None:
    binary, several = of_pneumonia(), of_labels()
    assert [one.of for one in binary.findings] == ["pneumonia"]
    assert [one.of for one in several.findings] == list(several.classes)
    assert binary.operating is not None
    assert binary.operating_point == binary.operating.point
    assert binary.at_operating_point == binary.operating.estimates
    assert several.operating_point is None
    assert {one.of for one in several.at_operating_point} == set(several.operating_per_label) <= set(several.classes)


@pytest.mark.parametrize("change", [{"schema_version": 1}, {"unheard_of": 1}, {"level": "image"}])
def test_another_schema_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Evaluation.model_validate(of_grades().as_json() | change)


def test_infinity_and_nothing_are_different_things() -> None:
    first, *others = of_pneumonia().estimates
    endless = first.model_copy(update={"high": float("inf"), "low": None})
    changed = of_pneumonia().model_copy(update={"estimates": (endless, *others)})
    assert changed.as_json()["estimates"][0]["high"] == "Infinity"
    assert changed.as_json()["estimates"][0]["low"] is None
    assert Evaluation.model_validate_json(changed.model_dump_json()) == changed
