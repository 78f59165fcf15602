from __future__ import annotations

import re

import numpy as np
import pytest

from medtransfer.core.evaluated.operating import OperatingFigures
from medtransfer.core.results import OperatingPoint
from medtransfer.decision.thresholds import choose
from medtransfer.evaluation.operating_figures import operating_figures, operating_statistic
from medtransfer.evaluation.positive import ascending
from medtransfer.evaluation.prevalence import ASSUMPTION
from medtransfer.evaluation.resampling import resampled
from medtransfer.reporting.sections.operating_point import crowd, operating_point_section
from medtransfer.reporting.words import number

CELLS = (45, 20, 5, 130)


def record(prevalence: float | None = None, *, cells: tuple[int, int, int, int] = CELLS) -> OperatingFigures:
    truth, p = np.repeat([True, False, True, False], cells), np.repeat([0.9, 0.9, 0.1, 0.1], cells)
    view = ascending(truth, p, np.arange(truth.size))
    drawn = resampled({"": operating_statistic(view, point())}, view.groups, seed=0, replicates=200)[""]
    return operating_figures(view, point(), drawn, prevalence=prevalence, shown_threshold=0.123)


def point(positive: str = "pneumonia") -> OperatingPoint:
    truth, p = np.arange(20) > 9, np.linspace(0, 1, 20)
    return choose(truth, p, rule="sensitivity", goal=0.9, positive=positive, chosen_on="validation")


def words(one: OperatingFigures | None) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", str(operating_point_section(one).body)).split())


def test_every_figure_and_count_is_said() -> None:
    one, said = record(), words(record())
    for estimate in one.estimates:
        assert number(estimate.value, {"LR+": 2, "number needed to evaluate": 1}.get(estimate.name, 3)) in said
        assert estimate.method in said
    for count, what in zip(CELLS, ("true positive", "false positive", "false negative", "true negative"), strict=True):
        assert f"{count} {what}" in said
    assert "sensitivity of at least 0.9" in said
    assert "0.250 of these studies" in said
    assert "95 % CI" in said
    assert ASSUMPTION not in said
    assert "scale of probabilities shifted" not in said


def test_a_stated_prevalence_comes_with_what_it_assumes() -> None:
    said = words(record(0.02))
    assert "0.250 of these studies; stated: 0.020" in said
    assert "0.123 on the scale of probabilities shifted to the stated prevalence; the same studies are called" in said
    assert ASSUMPTION in said
    assert (
        "Of 1,000 studies at the stated prevalence, 20 have pneumonia: 18 of them are called positive and 2 missed. "
        "131 without it are called positive too." in said
    )


@pytest.mark.parametrize(
    ("prevalence", "size", "with_finding"),
    [(None, 1_000, 250), (0.01, 1_000, 10), (0.0042, 10_000, 42), (1e-5, 10**6, 10)],
)
def test_a_crowd_holds_enough_findings_and_adds_up(prevalence: float | None, size: int, with_finding: int) -> None:
    many = crowd(record(prevalence))
    assert many is not None
    assert (many.size, many.with_finding) == (size, with_finding)
    assert many.found + many.missed == many.with_finding
    assert many.false_alarms == round((size - with_finding) * 20 / 150)


def test_without_an_operating_point_it_says_so() -> None:
    assert words(None).startswith("No operating point was chosen")


@pytest.mark.parametrize("cells", [(5, 0, 0, 0), (0, 0, 0, 9), (9, 0, 0, 9), (0, 0, 0, 0)])
def test_what_cannot_be_estimated_says_why(cells: tuple[int, int, int, int]) -> None:
    one, said = record(cells=cells), words(record(cells=cells))
    for estimate in one.estimates:
        assert estimate.note in said
    assert "nan" not in said.lower().replace("finance", "")
    assert "None" not in said
    if 0 in {cells[0] + cells[2], cells[1] + cells[3]}:
        assert crowd(one) is None


def test_a_hostile_name_is_text() -> None:
    hostile = record().model_copy(update={"point": point("<script>x</script>")})
    body = str(operating_point_section(hostile).body)
    assert "<script" not in body
    assert "&lt;script&gt;" in body
