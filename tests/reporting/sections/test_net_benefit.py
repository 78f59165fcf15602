from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from medtransfer.core.evaluated.curves import BandedCurve
from medtransfer.core.evaluated.usefulness import Usefulness
from medtransfer.evaluation.positive import ascending
from medtransfer.evaluation.prevalence import ASSUMPTION
from medtransfer.evaluation.resampling import resampled
from medtransfer.evaluation.usefulness import usefulness, usefulness_statistic
from medtransfer.reporting.section import Section
from medtransfer.reporting.sections.net_benefit import better_than_both, net_benefit_section
from medtransfer.reporting.words import number


def record(
    threshold: float | None = 0.3, *, n: int = 200, prevalence: float | None = None, knows: float = 2.0
) -> Usefulness:
    generator = np.random.default_rng(1)
    truth = generator.random(n) < 0.3
    p = 1 / (1 + np.exp(-(generator.normal(size=n) + knows * truth - 1.5)))
    view = ascending(truth, p, np.arange(n))
    statistics = {"": usefulness_statistic(view, threshold)}
    drawn = resampled(statistics, view.groups, seed=0, replicates=200)[""]
    return usefulness(view, threshold, drawn, prevalence=prevalence)


def words(one: Section) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", str(one.body)).split())


def test_two_well_formed_drawings_and_the_figures() -> None:
    one = record()
    section = net_benefit_section(one)
    assert [drawn.heading for drawn in section.figures] == ["Decision curve", "Interventions avoided"]
    for drawn in section.figures:
        root = ET.fromstring(str(drawn.svg))
        assert "threshold 0.300" in "".join(root.itertext())
        assert "dashed line: threshold 0.300" in (root.get("aria-label") or "")
    said = words(section)
    for estimate in one.estimates:
        assert number(estimate.value, 1 if "per 100" in estimate.name else 3) in said
    assert "a false positive weighs as much as 0.429 true positives" in said
    assert ASSUMPTION not in said
    ids = re.findall(r'\bid="([^"]+)"', "".join(str(drawn.svg) for drawn in section.figures))
    assert len(ids) == len(set(ids))


def test_the_runs_of_thresholds_where_it_helps() -> None:
    curve = BandedCurve(x=(0.1, 0.2, 0.3, 0.4, 0.5), y=(0.2, 0.1, 0.05, -0.1, 0.01))
    everyone = BandedCurve(x=curve.x, y=(0.2, 0.05, -0.1, -0.2, -0.3))
    one = record().model_copy(update={"net_benefit": curve, "treat_all": everyone})
    assert better_than_both(one) == ((0.2, 0.3), (0.5, 0.5))
    assert "at thresholds of 20 to 30 % or 50 %; the band" in words(net_benefit_section(one))
    never = one.model_copy(update={"net_benefit": everyone})
    assert words(net_benefit_section(never)).startswith("At no threshold does acting by these probabilities")


def test_a_stated_prevalence_is_said() -> None:
    said = words(net_benefit_section(record(prevalence=0.05)))
    assert "It is counted at a prevalence of 0.050, as stated, and the probabilities are shifted to it." in said
    assert ASSUMPTION in said
    assert "it follows from the stated prevalence alone" in said


@pytest.mark.parametrize("threshold", [None, 0.0, 1.0, 1.0000000000000002])
def test_thresholds_that_are_none_or_at_the_ends(threshold: float | None) -> None:
    section = net_benefit_section(record(threshold))
    assert len(section.figures) == 2
    assert ("At the operating threshold" in words(section)) == (threshold is not None)
    assert "None" not in words(section)


def test_nothing_to_draw() -> None:
    section = net_benefit_section(record(n=0))
    assert section.figures == ()
    assert words(section) == "Net benefit cannot be estimated: no study."


def test_equal_records_give_equal_bytes() -> None:
    one, other = (net_benefit_section(record()) for _ in range(2))
    assert [str(drawn.svg) for drawn in one.figures] == [str(drawn.svg) for drawn in other.figures]
    assert one.body == other.body
