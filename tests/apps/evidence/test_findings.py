"""Findings of a bundle, where their prevalence starts, and how often, in words."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import medtransfer as mt
from apps import words
from apps.evidence import charts, frequencies
from apps.evidence.findings import Finding, findings, first, shares, start
from apps.evidence.trained_on import outside, silent, spread
from medtransfer.core.evaluated.spectrum import Distribution, Spectrum
from medtransfer.models.bundle import Calibrator
from tests.apps.panels.conftest import operating_point, scored, spectrum
from tests.manifests import make_manifest


def told(**probabilities: float) -> mt.StudyResult:
    return mt.StudyResult(probabilities=probabilities, decision="", flags=(), images=())


def finding(**changes: Any) -> Finding:
    fields: dict[str, Any] = {
        "name": "pneumonia",
        "probability": 0.6,
        "uncalibrated": None,
        "point": operating_point(),
        "scored": scored(),
        "prior": 0.4,
    }
    return Finding(**(fields | changes))


def estimate(low: float, value: float, high: float) -> mt.Estimate:
    return mt.Estimate(name="x", value=value, low=low, high=high, method="Wilson", n=50)


def test_the_positive_class_is_the_one_finding() -> None:
    manifest = make_manifest().model_copy(
        update={"operating_point": operating_point(), "scored": (scored(),), "priors": {"pneumonia": 0.4}}
    )
    (found,) = findings(manifest, told(normal=0.3, pneumonia=0.7))
    assert found == finding(probability=0.7)
    assert findings(manifest, told()) == ()


def test_without_one_every_class_is_and_each_has_its_own() -> None:
    manifest = make_manifest().model_copy(
        update={
            "positive": None,
            "operating_point": None,
            "operating_points": {"pneumonia": operating_point()},
            "scored": (scored(),),
        }
    )
    found = findings(manifest, told(normal=0.3, pneumonia=0.7))
    assert [one.name for one in found] == ["normal", "pneumonia"]
    assert (found[0].point, found[0].scored, found[0].prior) == (None, None, None)
    assert found[1].point == operating_point()
    assert first(found) == 1


@pytest.mark.parametrize(
    ("changes", "clinic", "share", "word"),
    [
        ({}, 0.01, 0.01, "clinic"),
        ({}, None, 0.4, "to which the probabilities are calibrated"),
        ({"prior": None}, None, sum(scored().present) / 240, "among the calibration studies"),
        ({"prior": 1.0, "scored": None}, None, 50 / 104, "on which the operating point was chosen"),
    ],
)
def test_the_prevalence_starts_from_the_best_that_is_known(
    changes: dict[str, Any], clinic: float | None, share: float, word: str
) -> None:
    found = start(finding(**changes), clinic)
    assert found is not None
    assert found.share == share
    assert word in found.said


def test_where_nothing_is_known_there_is_none() -> None:
    ill = scored().model_copy(update={"present": (True,) * 240})
    assert start(finding(prior=None, scored=ill, point=None), None) is None


@given(st.floats(1e-6, 1 - 1e-6))
@settings(deadline=None, max_examples=200)
def test_the_slider_offers_the_start_and_no_two_that_read_the_same(begin: float) -> None:
    offered = shares(begin)
    assert list(offered) == sorted(set(offered))
    assert all(0 < share < 1 for share in offered)
    assert len({words.percent(share) for share in offered}) == len(offered)
    nearest = min(offered, key=lambda share: abs(share - begin))
    assert abs(nearest - begin) <= 0.001


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
@settings(deadline=None, max_examples=200)
def test_people_of_a_hundred_are_never_fewer_than_the_interval_holds(a: float, b: float, c: float) -> None:
    low, value, high = sorted((a, b, c))
    few, many = frequencies.hundred(estimate(low, value, high))
    assert few <= 100 * low + 1e-6
    assert many >= 100 * high - 1e-6
    assert 0 <= few <= many <= 100
    people = [one["who"] for one in charts.dots(few, many).to_dict()["data"]["values"]]
    assert (people.count(charts.HAD), people.count(charts.MAY), len(people)) == (few, many - few, 100)


def test_it_is_said_what_else_the_scored_studies_were_used_for() -> None:
    manifest = make_manifest()
    on_calibration = mt.natural_frequency(scored(), 0.5)
    assert frequencies.seen(manifest, on_calibration) == ""
    fitted = Calibrator(name="platt", parameters={}, fitted_on="calibration", studies=240)
    recalibrated = manifest.model_copy(update={"calibrator": fitted})
    assert "recalibration was fitted" in frequencies.seen(recalibrated, on_calibration)
    assert "were chosen" in frequencies.seen(manifest, mt.natural_frequency(scored(split="validation"), 0.5))


def test_whole_hundredths_stay_whole() -> None:
    assert frequencies.hundred(estimate(0.29, 0.4, 0.57)) == (29, 57)


@pytest.mark.parametrize(
    ("share", "said"), [(0.08, "8 %"), (0.4167, "42 %"), (0.0015, "0.15 %"), (0.995, "99.5 %"), (0.99, "99 %")]
)
def test_shares_in_words(share: float, said: str) -> None:
    assert words.percent(share) == said


def test_small_figures_are_told_from_nothing() -> None:
    small = estimate(0.0021, 0.0043, 0.0089)
    assert (words.value(small), words.interval(small)) == ("0.004", "95 % interval 0.002–0.009")
    assert words.value(estimate(0.9, 0.997, 1.0)) == "0.997"


def test_what_a_call_is_worth_follows_the_call() -> None:
    values = mt.predictive_values_at(operating_point(), 0.1)
    assert "of 100 patients who are called pneumonia have it, " in frequencies.worth(operating_point(), values, 0.41)
    negative = frequencies.worth(operating_point(), values, 0.4)
    assert "of 100 patients who are called not pneumonia do not have it, " in negative
    nothing = operating_point(sensitivity=mt.Estimate(name="sensitivity", value=None, method="Wilson", n=0))
    assert "not estimable" in frequencies.worth(nothing, mt.predictive_values_at(nothing, 0.1), 0.9)


def test_many_scored_studies_are_drawn_as_a_few_from_end_to_end() -> None:
    many = scored(n=3000)
    ticks = charts.strip(many, 0.5, None).to_dict()["layer"][0]["data"]["values"]
    rows = {row: [one["p"] for one in ticks if one["row"] == row] for row in ("With it", "Without it")}
    for row, present in (("With it", True), ("Without it", False)):
        all_of_them = [p for p, y in zip(many.probabilities, many.present, strict=True) if y is present]
        assert len(rows[row]) == charts.MOST_TICKS
        assert (rows[row][0], rows[row][-1]) == (all_of_them[0], all_of_them[-1])


def trained(found: Spectrum | None) -> mt.Manifest:
    manifest = make_manifest()
    return manifest.model_copy(update={"training": manifest.training.model_copy(update={"spectrum": found})})


def view(modality: str = "DX", **attributes: str) -> Any:
    return SimpleNamespace(modality=modality, attributes=attributes)


@pytest.mark.parametrize(
    ("age", "side"), [("22", "younger"), ("23", ""), ("88", ""), ("89", "older"), ("", ""), ("x", "")]
)
def test_an_age_lies_outside_where_few_of_training_were(age: str, side: str) -> None:
    found = outside(trained(spectrum()), [view(age=age)])
    assert bool(found) == bool(side)
    assert not side or side in found[0]


def test_what_is_not_known_of_either_is_not_compared() -> None:
    assert outside(trained(None), [view(sex="F", age="1", manufacturer="X")]) == ()
    assert outside(trained(spectrum()), [view(body_part="FOOT")]) == ()
    assert silent(trained(spectrum()), [view(sex="F"), view(age="3")]) == ("manufacturer",)
    assert silent(trained(spectrum()), []) == ()


def test_a_sentence_is_said_once_however_many_images_there_are() -> None:
    assert len(outside(trained(spectrum()), [view(sex="O"), view(sex="O")])) == 1


def test_spreads_in_words() -> None:
    assert spread(trained(spectrum()), "body_part") == ""
    rare = Spectrum(n_studies=9, n_patients=9, attributes={"view": Distribution(missing=0, others=9)})
    assert spread(trained(rare), "view") == "too few patients share a value for it to be named"
