"""What the part says, and that it says it from the record alone."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from calibrated import simulated
from scipy.special import expit, logit

from medtransfer.core.evaluated.calibration import Calibration, Calibrations
from medtransfer.evaluation.calibration.one_finding import calibration
from medtransfer.evaluation.calibration.several_findings import calibrations
from medtransfer.evaluation.positive import Positive, ascending
from medtransfer.reporting.sections.calibration import calibration_section, verdict


def measured(view: Positive, of: str = "pneumonia") -> Calibration:
    return calibration(view, of=of, seed=0, replicates=200)


@pytest.fixture(scope="module")
def extreme() -> Positive:
    return simulated(900, seed=1, slope=1.8)


def several(n: int = 300) -> Calibrations:
    generator = np.random.default_rng(0)
    p = generator.dirichlet([1, 1, 1], size=n)
    truth = (generator.random((n, 1)) > np.cumsum(p, axis=1)).sum(axis=1).clip(max=2)
    return calibrations(truth, p, np.arange(n), classes=("none", "<b>mild", "severe"), seed=0, replicates=200)


def test_it_says_which_way_the_probabilities_are_wrong(extreme: Positive) -> None:
    assert "too extreme" in verdict(measured(extreme))
    timid = ascending(extreme.truth, expit(0.3 * logit(extreme.probability)), extreme.groups)
    assert "not extreme enough" in verdict(measured(timid))
    high = ascending(extreme.truth, expit(0.55 * logit(extreme.probability) + 1), extreme.groups)
    assert "too high on the whole" in verdict(measured(high))
    low = ascending(extreme.truth, expit(0.55 * logit(extreme.probability) - 1), extreme.groups)
    assert "too low on the whole" in verdict(measured(low))
    right = ascending(extreme.truth, expit(logit(extreme.probability) / 1.8), extreme.groups)
    assert "no proof" in verdict(measured(right))


def test_before_and_after_stand_side_by_side(extreme: Positive) -> None:
    after = ascending(extreme.truth, expit(logit(extreme.probability) / 1.8), extreme.groups)
    made = calibration_section(measured(after), before=measured(extreme))
    assert [figure.heading for figure in made.figures] == [
        "Reliability, before recalibration",
        "Reliability, after recalibration",
    ]
    row = next(line for line in str(made.body).splitlines() if ">Calibration slope<" in line)
    values = [float(cell) for cell in re.findall(r'class="num">(\d\.\d{3})<', row)]
    assert values == pytest.approx([measured(extreme).slope.value, measured(after).slope.value], abs=5e-4)
    alone = str(calibration_section(measured(extreme)).body)
    assert "Before" not in alone


def test_drawings_are_svg_with_unique_ids_and_the_same_bytes_each_time(extreme: Positive) -> None:
    record = measured(extreme)
    made = calibration_section(record, before=record)
    page = "".join(str(figure.svg) for figure in made.figures)
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert all(ET.fromstring(str(figure.svg)).get("aria-label") for figure in made.figures)
    again = calibration_section(Calibration.model_validate_json(record.model_dump_json()), before=record)
    assert [str(one.svg) for one in again.figures] == [str(one.svg) for one in made.figures]
    assert again.body == made.body
    assert len(page) < 200_000


def test_several_findings() -> None:
    record = several()
    made = calibration_section(record)
    body = str(made.body)
    assert "Classwise ECE" in body
    assert "<b>mild" not in body
    assert "&lt;b&gt;mild" in body
    assert len(made.figures) == 3
    both = calibration_section(record, before=record)
    assert "before: " in str(both.body)
    assert len(both.figures) == 6


@pytest.mark.parametrize("n", [0, 1, 5])
def test_what_cannot_be_estimated_is_said_in_words(n: int) -> None:
    view = ascending(np.zeros(n, dtype=bool), np.linspace(0, 1, n), np.arange(n))
    made = calibration_section(measured(view))
    body = str(made.body)
    assert "not estimable" in body
    assert "nan" not in body.lower().replace("finan", "")
    assert ("no study" if n == 0 else "only one class") in body
    assert len(made.figures) == min(n, 1)


def test_a_label_of_which_nothing_is_known() -> None:
    truth = np.full((30, 2), np.nan, dtype=np.float32)
    truth[:, 0] = np.arange(30) % 2
    p = np.random.default_rng(0).random((30, 2))
    record = calibrations(truth, p, np.arange(30), classes=("a", "b"), seed=0, replicates=200)
    made = calibration_section(record)
    assert "no study" in str(made.body)
    assert len(made.figures) == 1
