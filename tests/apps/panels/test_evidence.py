"""The evidence panel: its numbers are the package's, they follow one prevalence, and what is missing is said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

import medtransfer as mt
from apps import words
from tests.apps.panels.conftest import operating_point, scored
from tests.apps.test_app import markup, texts

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

    from tests.apps.panels.conftest import Draw, MakeReading

SEEN = {"normal": 0.38, "pneumonia": 0.62}
HOSTILE = "<script>alert(1)</script>![x](http://127.0.0.1:9/b.png)"


def charts(app: AppTest) -> list[dict[str, Any]]:
    """What each chart is drawn from, whether it travels inside of the chart or beside it."""
    found = []
    for element in app.get("vega_lite_chart"):
        proto: Any = element.proto
        chart = json.loads(proto.spec)
        rows = [row for layer in chart.get("layer", []) for row in layer["data"]["values"]]
        beside = proto.data.data
        found.append(chart | {"rows": rows + (pa.ipc.open_stream(beside).read_all().to_pylist() if beside else [])})
    return found


def figures(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def explained(app: AppTest) -> list[list[str]]:
    """What stands behind each `Why this number?`."""
    return [[getattr(element, "value", "") for element in block.get("text")] for block in app.get("popover")]


def test_probability_decision_and_operating_point_with_intervals(make_reading: MakeReading, draw: Draw) -> None:
    app = draw("evidence", make_reading(SEEN))
    assert not app.exception
    said = texts(app)
    assert "Probability of pneumonia" in said
    assert "Called pneumonia: 0.62 is at or above the operating point 0.41." in said
    shown = figures(app)
    assert (shown["Probability"], shown["Sensitivity"], shown["Specificity"]) == ("0.62", "0.90", "0.70")
    for part in ("95 % interval 0.79–0.96", "95 % interval 0.57–0.81", "50 studies with pneumonia", "optimistic"):
        assert part in said
    assert "the 104 studies of the validation split, on which the operating point itself was chosen" in said


def test_every_block_of_numbers_says_where_it_comes_from(make_reading: MakeReading, draw: Draw) -> None:
    app = draw("evidence", make_reading(SEEN))
    behind = explained(app)
    assert len(behind) == len(app.latex) == 5
    for sentences, word in zip(
        behind, ("network's answer", "Scored like this are 48 studies", "n = 104", "n = 50", "n = 109"), strict=True
    ):
        assert word in " ".join(sentences)
    assert "prevalence differs" in " ".join(behind[2])  # the assumption of a stated prevalence


@pytest.mark.parametrize("prevalence", [None, 0.02, 0.3, 0.97])
def test_one_prevalence_moves_every_figure_and_each_is_the_packages(
    make_reading: MakeReading, draw: Draw, prevalence: float | None
) -> None:
    reading = make_reading(SEEN)
    app = draw("evidence", reading)
    if prevalence is not None:
        app.select_slider[0].set_value(prevalence).run()
    assert not app.exception
    at = prevalence or 0.4  # the prior of the bundle
    assert app.select_slider[0].value == at
    (studies,) = reading.bundle.manifest.scored
    values = mt.predictive_values_at(reading.bundle.manifest.operating_point, at)
    assert (figures(app)["If called: PPV"], figures(app)["If not called: NPV"]) == (
        words.value(values.ppv),
        words.value(values.npv),
    )
    said = texts(app)
    assert words.interval(values.ppv) in said
    assert words.interval(values.npv) in said
    found = mt.natural_frequency(studies, 0.62, prevalence=at)
    assert found.estimate.low is not None
    assert found.estimate.high is not None
    low, high = int(100 * found.estimate.low), -int(-100 * found.estimate.high // 1)
    assert f"Where {100 * at:.2g} % have pneumonia: of 100 patients scored like this, {low}–{high} have it." in said
    people = [person["who"] for person in charts(app)[0]["rows"]]
    assert (len(people), people.count("had it"), people.count("did not")) == (100, low, 100 - high)
    moved = f"the probability would be {mt.probability_at(0.62, prior=0.4, stated=at):.2f}." in said
    assert moved == (prevalence is not None)


def test_where_the_prevalence_is_that_of_the_scored_studies_nothing_is_shifted(
    make_reading: MakeReading, draw: Draw
) -> None:
    studies = scored()
    share = sum(studies.present) / len(studies.present)
    app = draw("evidence", make_reading(SEEN, priors={"pneumonia": share}))
    found = mt.natural_frequency(studies, 0.62).estimate
    assert found.low is not None
    assert found.high is not None
    low, high = int(100 * found.low), -int(-100 * found.high // 1)
    assert f"Of 100 calibration patients scored like this, {low}–{high} had pneumonia." in texts(app)


def test_the_clinics_own_prevalence_is_where_it_starts_and_is_said(make_reading: MakeReading, draw: Draw) -> None:
    app = draw("evidence", make_reading(SEEN, prevalence=0.073))
    assert app.select_slider[0].value == 0.073
    assert "the clinic states" in texts(app)
    assert "Where 7.3 % have pneumonia" in texts(app)
    assert "to which the probabilities are calibrated" in texts(draw("evidence", make_reading(SEEN)))


def test_the_probability_before_recalibration_is_shown_on_demand(make_reading: MakeReading, draw: Draw) -> None:
    app = draw("evidence", make_reading(SEEN, uncalibrated={"normal": 0.13, "pneumonia": 0.87}))
    assert "0.87" not in texts(app)
    app.toggle[0].set_value(True).run()
    assert "Before recalibration it was 0.87." in texts(app)
    assert not draw("evidence", make_reading(SEEN)).toggle


def test_the_strip_and_the_curve_hold_the_study_and_the_operating_point(make_reading: MakeReading, draw: Draw) -> None:
    reading = make_reading(SEEN)
    app = draw("evidence", reading)
    (studies,) = reading.bundle.manifest.scored
    _, strip, roc = charts(app)
    drawn = strip["rows"]
    assert {"p": 0.62, "row": "This study"} in drawn
    assert {"p": 0.41} in drawn
    assert sum(value.get("row") == "With it" for value in drawn) == sum(studies.present)
    assert sum(value.get("row") == "Without it" for value in drawn) == 240 - sum(studies.present)
    marks = {value["what"]: value for value in roc["rows"] if "what" in value}
    for name, probability in (("This study", 0.62), ("Operating point", 0.41)):
        place = mt.roc_place(studies, probability)
        assert place.specificity.value is not None
        assert marks[name]["x"] == pytest.approx(1 - place.specificity.value)
        assert marks[name]["y"] == pytest.approx(place.sensitivity.value)
    assert "http" not in json.dumps([strip["layer"], roc["layer"]])  # nothing is asked of anywhere


def test_a_bundle_without_operating_point_says_so(make_reading: MakeReading, draw: Draw) -> None:
    app = draw("evidence", make_reading(SEEN, operating_point=None))
    assert not app.exception
    assert "no operating point: a probability is given, and no decision" in texts(app)
    assert list(figures(app)) == ["Probability"]
    assert "scored like this" in texts(app)
    assert len(charts(app)) == 3


def test_a_bundle_without_scored_studies_says_so(make_reading: MakeReading, draw: Draw) -> None:
    app = draw("evidence", make_reading(SEEN, scored=()))
    assert not app.exception
    assert "does not carry the studies that it was calibrated on" in texts(app)
    assert figures(app)["If called: PPV"]
    assert len(charts(app)) == 1  # the strip, with the study and the operating point


def test_a_bundle_with_neither_gives_the_probability_alone(make_reading: MakeReading, draw: Draw) -> None:
    app = draw("evidence", make_reading(SEEN, scored=(), operating_point=None, priors={}))
    assert not app.exception
    assert list(figures(app)) == ["Probability"]
    assert (charts(app), len(app.select_slider)) == ([], 0)


def test_too_few_scored_studies_are_no_frequency_but_a_sentence(make_reading: MakeReading, draw: Draw) -> None:
    app = draw("evidence", make_reading(SEEN, scored=(scored(n=12),)))
    assert not app.exception
    assert "is not estimable: only 12 studies were scored, and 20 are needed." in texts(app)
    assert len(charts(app)) == 2


def test_a_score_that_nobody_had_is_said(make_reading: MakeReading, draw: Draw) -> None:
    app = draw("evidence", make_reading({"normal": 0.0001, "pneumonia": 0.9999}))
    assert "Take care: no scored study has so high a probability." in texts(app)


def test_several_labels_are_each_looked_at(make_reading: MakeReading, draw: Draw) -> None:
    names = ("effusion", "nodule", "rare")
    reading = make_reading(
        {"effusion": 0.2, "nodule": 0.7, "rare": 0.01},
        prevalence=0.01,
        task="multilabel",
        classes=names,
        positive=None,
        operating_point=None,
        operating_points={"nodule": operating_point("nodule")},
        scored=(scored("effusion"), scored("nodule", each=3)),
        priors={"effusion": 0.2, "nodule": 0.4},
    )
    app = draw("evidence", reading)
    assert not app.exception
    table = app.dataframe[0].value
    assert list(table["Finding"]) == list(names)
    assert list(table["Probability"]) == ["0.20", "0.70", "0.01"]
    assert list(table["Called"]) == ["", "nodule", ""]
    assert app.selectbox[0].value == 1  # the most probable first
    assert app.select_slider[0].value == 0.4  # the clinic's one prevalence would be nobody's
    assert "patients repeat" in texts(app)
    app.selectbox[0].set_value(0).run()
    assert "Probability of effusion" in texts(app)
    assert "no operating point" in texts(app)
    app.selectbox[0].set_value(2).run()
    assert not app.exception
    assert "Probability of rare" in texts(app)
    assert "does not carry the studies" in texts(app)


@pytest.mark.parametrize(("task", "sentence"), [("multiclass", "One of these classes"), ("ordinal", "in their order")])
def test_classes_without_a_positive_one(make_reading: MakeReading, draw: Draw, task: str, sentence: str) -> None:
    names = ("none", "mild", "severe")
    reading = make_reading(
        {"none": 0.2, "mild": 0.5, "severe": 0.3},
        task=task,
        classes=names,
        positive=None,
        operating_point=None,
        scored=tuple(scored(name) for name in names),
        priors={"none": 0.5, "mild": 0.3, "severe": 0.2},
    )
    app = draw("evidence", reading)
    assert not app.exception
    assert sentence in texts(app)
    assert "Called" not in app.dataframe[0].value
    assert "Probability of mild" in texts(app)
    assert len(charts(app)) == 3


def test_foreign_names_are_shown_and_never_rendered(make_reading: MakeReading, draw: Draw) -> None:
    reading = make_reading(
        {"normal": 0.4, HOSTILE: 0.6},
        classes=("normal", HOSTILE),
        positive=HOSTILE,
        operating_point=operating_point(HOSTILE),
        scored=(scored(HOSTILE),),
        priors={HOSTILE: 0.4},
    )
    app = draw("evidence", reading)
    assert not app.exception
    assert HOSTILE in texts(app)
    assert "<script" not in markup(app) + "".join(element.value for element in app.latex) + json.dumps(charts(app))


def test_nothing_is_drawn_of_a_study_without_an_answer(make_reading: MakeReading, draw: Draw) -> None:
    app = draw("evidence", make_reading({}))
    assert not app.exception
    assert (texts(app), len(app.metric)) == ("", 0)


def test_no_colour_says_good_or_bad(make_reading: MakeReading, draw: Draw) -> None:
    app = draw("evidence", make_reading(SEEN))
    drawn = json.dumps(charts(app)).lower()
    assert not any(colour in drawn for colour in ("red", "green", "#0f0", "#f00"))
    assert not [*app.success, *app.error, *app.warning]
    assert all(not metric.delta for metric in app.metric)
