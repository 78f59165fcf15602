from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from questions import GRADES, LABELS, ordered_classes, several_labels

from medtransfer.core.evaluated.discrimination import Discrimination
from medtransfer.core.evaluated.operating import OperatingFigures
from medtransfer.core.results import Estimate, OperatingPoint
from medtransfer.evaluation.cases import measured_cases
from medtransfer.evaluation.discrimination import discrimination
from medtransfer.evaluation.many_classes import class_discriminations
from medtransfer.evaluation.many_labels import label_discriminations
from medtransfer.evaluation.operating_figures import operating_figures, operating_statistic
from medtransfer.evaluation.positive import Positive, ascending
from medtransfer.evaluation.resampling import resampled
from medtransfer.reporting.section import Section
from medtransfer.reporting.sections.discrimination import MOST_DRAWN, discrimination_section
from medtransfer.reporting.words import interval, number

DRAWS: dict[str, Any] = {"seed": 0, "replicates": 120}
HOSTILE = "<script>x</script> 肺炎"


def view(n: int = 150) -> Positive:
    generator = np.random.default_rng(2)
    truth = generator.random(n) < 0.3
    p = 1 / (1 + np.exp(1.2 - generator.normal(size=n) - 1.5 * truth))
    return ascending(truth, p, generator.integers(0, n, n))


def record(of: str = "pneumonia") -> Discrimination:
    return discrimination(view(), of=of, rest=f"not {of}", **DRAWS)


def operating(threshold: float = 0.4) -> OperatingFigures:
    rate = Estimate(name="sensitivity", value=0.9, method="Wilson", n=50)
    point = OperatingPoint(
        rule="youden",
        goal=None,
        threshold=threshold,
        positive="pneumonia",
        chosen_on="validation",
        sensitivity=rate,
        specificity=rate,
    )
    seen = view()
    drawn = resampled({"": operating_statistic(seen, point)}, seen.groups, **DRAWS)[""]
    return operating_figures(seen, point, drawn)


def words(one: Section) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", str(one.body)).split())


def test_curves_with_bands_and_the_figures_in_words() -> None:
    one, section = record(), discrimination_section(record(), operating={"pneumonia": operating()})
    assert [drawn.heading for drawn in section.figures] == [
        "ROC curve",
        "Precision and recall",
        "Spread of probabilities",
    ]
    for drawn in section.figures:
        root = ET.fromstring(str(drawn.svg))
        assert root.get("role") == "img"
        assert root.get("aria-label")
    assert all("FillBetween" in str(drawn.svg) for drawn in section.figures[:2])
    assert all(drawn.marked for drawn in section.figures[:2])
    assert "threshold 0.400" in str(section.figures[2].svg)
    said = words(section)
    for estimate in one.estimates:
        assert number(estimate.value) in said
        assert interval(estimate) in said
        assert estimate.method in said
    assert f"{one.patients.both} of both kinds" in said


def test_without_an_operating_point_nothing_is_marked() -> None:
    section = discrimination_section(record())
    assert not any(drawn.marked for drawn in section.figures)
    assert "threshold" not in str(section.figures[2].svg)
    other = discrimination_section(record("effusion"), operating={"pneumonia": operating()})
    assert not any(drawn.marked for drawn in other.figures)


def test_several_findings_have_averages_and_curves_of_their_own() -> None:
    for found, names in (
        (class_discriminations(measured_cases(ordered_classes(80)), GRADES, **DRAWS), GRADES),
        (label_discriminations(measured_cases(several_labels(80)), LABELS, **DRAWS), LABELS),
    ):
        section = discrimination_section(found)
        assert len(section.figures) == 3 * len(names)
        assert section.figures[3].heading == f"ROC curve, {names[1]}"
        ids = re.findall(r'\bid="([^"]+)"', "".join(str(drawn.svg) for drawn in section.figures))
        assert len(ids) == len(set(ids))
        said = words(section)
        assert "Macro AUROC" in said
        assert "Micro average precision" in said
        assert all(name in said for name in names)
        many = found.model_copy(update={"each": found.each * 4})
        assert len(discrimination_section(many).figures) == 3 * MOST_DRAWN
        assert f"{4 * len(names) - MOST_DRAWN} more without drawings" in words(discrimination_section(many))


@pytest.mark.parametrize("n", [0, 3])
def test_nothing_to_tell_apart(n: int) -> None:
    alone = discrimination(
        ascending(np.ones(n, dtype=bool), np.linspace(0, 1, n), np.arange(n)), of="a", rest="b", **DRAWS
    )
    section = discrimination_section(alone)
    assert [drawn.heading for drawn in section.figures] == (["Spread of probabilities"] if n else [])
    assert ("only one class among the studies" if n else "no study") in words(section)


def test_names_are_inert_and_pages_are_the_same_each_time() -> None:
    first, second = (discrimination_section(record(HOSTILE)) for _ in range(2))
    page = str(first.body) + "".join(str(drawn.svg) + drawn.heading for drawn in first.figures)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert [str(one.svg) for one in first.figures] == [str(one.svg) for one in second.figures]
    assert first.body == second.body


def test_a_large_cohort_makes_no_large_page() -> None:
    generator = np.random.default_rng(0)
    truth = generator.random(40_000) < 0.2
    seen = ascending(truth, generator.random(40_000) ** (2 - truth), np.arange(40_000))
    section = discrimination_section(discrimination(seen, of="a", rest="b", seed=0, replicates=100))
    assert sum(len(str(drawn.svg)) for drawn in section.figures) < 150_000
