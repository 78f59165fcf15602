from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest

from medtransfer.core.evaluated.curves import BandedCurve, Histogram
from medtransfer.core.evaluated.evaluation import Evaluation
from medtransfer.reporting.evaluation_parts import parts
from medtransfer.reporting.figures import PlotFigure
from medtransfer.reporting.plots import histogram_plot, precision_recall_plot, roc_plot

HOSTILE = "<script>x</script> $\\frac 肺炎"
EDGES = tuple(np.linspace(0, 1, 6).tolist())


@pytest.fixture(scope="module")
def drawn(evaluation: Evaluation) -> list[PlotFigure]:
    """Every drawing of a report."""
    return [figure for part in parts(evaluation) for figure in part.figures]


def histogram(**counts: tuple[int, ...]) -> Histogram:
    return Histogram(edges=EDGES, counts=counts)


def test_every_drawing_is_well_formed_with_a_description(drawn: list[PlotFigure]) -> None:
    assert {"ROC curve", "Precision and recall", "Spread of probabilities"} <= {figure.heading for figure in drawn}
    assert len(drawn) > 10
    for figure in drawn:
        root = ET.fromstring(str(figure.svg))
        assert root.get("role") == "img"
        assert root.get("aria-label")
        assert root.get("viewBox")
        assert root.get("width") is None
        assert figure.caption


def test_ids_are_unique_over_all_plots_and_references_resolve(drawn: list[PlotFigure]) -> None:
    page = "".join(str(figure.svg) for figure in drawn)
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', page)) <= set(ids)


def test_the_same_bytes_whatever_the_user_set(evaluation: Evaluation, drawn: list[PlotFigure]) -> None:
    with mpl.rc_context({"axes.facecolor": "red", "font.size": 30, "svg.fonttype": "path", "svg.hashsalt": "x"}):
        again = [str(figure.svg) for part in parts(evaluation) for figure in part.figures]
    assert again == [str(figure.svg) for figure in drawn]
    assert mpl.rcParams["svg.fonttype"] == mpl.rcParamsDefault["svg.fonttype"]


def test_text_is_text_and_every_colour_follows_the_page(drawn: list[PlotFigure]) -> None:
    for figure in drawn:
        svg = str(figure.svg)
        assert "<text" in svg
        assert "<style" not in svg
        assert "<metadata" not in svg
        colours = re.sub(r"var\(--plot-\w+, #\w+\)", "", svg)
        assert not re.findall(r"#[0-9a-f]{6}\b", colours)


def test_class_names_reach_neither_markup_nor_mathematics() -> None:
    svg = histogram_plot(histogram(**{HOSTILE: (1, 1, 0, 0, 0), "b": (0, 0, 0, 0, 1)}), positive="b", threshold=0.5)
    assert "<script" not in svg
    assert "&lt;script&gt;" in svg
    assert "$\\frac 肺炎 (n = 2)<" in svg
    long = histogram(**{"W" * 99: (0, 0, 1, 0, 0)})
    assert "W… (n = 1)<" in histogram_plot(long, positive=None, threshold=None)
    ET.fromstring(svg)


@pytest.mark.parametrize("threshold", [None, 0.0, 0.03, 0.5, 0.97, 1.0, np.nextafter(1.0, 2.0)])
def test_any_threshold_draws(threshold: float | None) -> None:
    counts = histogram(a=(1, 0, 0, 0, 1), b=(0, 0, 0, 0, 0))
    svg = histogram_plot(counts, positive="b", threshold=None if threshold is None else float(threshold))
    assert (threshold is not None and threshold <= 1) == (">threshold " in svg)


def test_the_positive_class_stands_first() -> None:
    counts = histogram(a=(0, 1, 0, 0, 0), b=(0, 0, 0, 1, 0), c=(0, 0, 1, 0, 0))
    svg = histogram_plot(counts, positive="c", threshold=None)
    assert re.findall(r">([abc]) \(n = 1\)<", svg) == ["c", "a", "b"]


def test_many_points_stay_small() -> None:
    x = np.linspace(0, 1, 60_000)
    curve = BandedCurve(x=tuple(x.tolist()), y=tuple(np.sqrt(x).tolist()))
    svg = roc_plot(curve, auroc=None, point=None)
    assert len(svg) < 200_000
    assert len(precision_recall_plot(curve, average_precision=None, prevalence=0.97, point=None)) < 200_000
