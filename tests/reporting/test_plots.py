from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest

from medtransfer.core.results import Curve, Evaluation
from medtransfer.reporting.figures import evaluation_figures
from medtransfer.reporting.plots import (
    calibration_plot,
    precision_recall_plot,
    roc_plot,
    score_plot,
)

HOSTILE = "<script>x</script> $\\frac 肺炎"


def drawn(evaluation: Evaluation) -> dict[str, str]:
    return {figure.heading: str(figure.svg) for figure in evaluation_figures(evaluation)}


def test_four_plots_of_well_formed_svg_with_a_description(evaluation: Evaluation) -> None:
    plots = drawn(evaluation)
    assert list(plots) == ["ROC curve", "Precision and recall", "Calibration", "Scores by class"]
    for svg in plots.values():
        root = ET.fromstring(svg)
        assert root.get("role") == "img"
        assert root.get("aria-label")
        assert root.get("viewBox")
        assert root.get("width") is None


def test_ids_are_unique_over_all_plots_and_references_resolve(evaluation: Evaluation) -> None:
    page = "".join(drawn(evaluation).values())
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', page)) <= set(ids)


def test_the_same_bytes_whatever_the_user_set(evaluation: Evaluation) -> None:
    first = drawn(evaluation)
    with mpl.rc_context({"axes.facecolor": "red", "font.size": 30, "svg.fonttype": "path", "svg.hashsalt": "x"}):
        assert drawn(evaluation) == first
    assert mpl.rcParams["svg.fonttype"] == mpl.rcParamsDefault["svg.fonttype"]


def test_text_is_text_and_every_colour_follows_the_page(evaluation: Evaluation) -> None:
    for svg in drawn(evaluation).values():
        assert "<text" in svg
        assert "<style" not in svg
        assert "<metadata" not in svg
        colours = re.sub(r"var\(--plot-\w+, #\w+\)", "", svg)
        assert not re.findall(r"#[0-9a-f]{6}\b", colours)


def test_class_names_reach_neither_markup_nor_mathematics() -> None:
    svg = score_plot({HOSTILE: (0.1, 0.2), "b": (0.9,)}, positive="b", threshold=0.5)
    assert "<script" not in svg
    assert "&lt;script&gt;" in svg
    assert "$\\frac 肺炎 (n = 2)<" in svg
    assert "W… (n = 1)<" in score_plot({"W" * 99: (0.5,)}, positive=None, threshold=None)
    ET.fromstring(svg)


@pytest.mark.parametrize("threshold", [None, 0.0, 0.03, 0.5, 0.97, 1.0, np.nextafter(1.0, 2.0)])
def test_any_threshold_draws(threshold: float | None) -> None:
    svg = score_plot(
        {"a": (0.0, 1.0), "b": ()}, positive="b", threshold=None if threshold is None else float(threshold)
    )
    assert (threshold is not None and threshold <= 1) == (">threshold " in svg)


def test_the_positive_class_stands_first() -> None:
    svg = score_plot({"a": (0.2,), "b": (0.7,), "c": (0.4,)}, positive="c", threshold=None)
    assert re.findall(r">([abc]) \(n = 1\)<", svg) == ["c", "a", "b"]


def test_many_points_stay_small() -> None:
    x = np.linspace(0, 1, 60_000)
    curve = Curve(x=tuple(x.tolist()), y=tuple(np.sqrt(x).tolist()))
    svg = roc_plot(curve, auroc=None, point=None)
    assert len(svg) < 200_000
    assert len(precision_recall_plot(curve, average_precision=None, prevalence=0.97, point=None)) < 200_000


def test_calibration_without_scores_shows_the_sizes_of_the_groups(evaluation: Evaluation) -> None:
    lost = evaluation.calibration[0]
    unknown = lost.model_copy(update={"observed": lost.observed.model_copy(update={"value": None})})
    svg = calibration_plot((unknown, *evaluation.calibration[1:]), scores={})
    assert f"Calibration of {evaluation.n_studies} studies in 8 groups" in svg
    assert "nan" not in svg.lower()


def test_captions_carry_figures_and_intervals(evaluation: Evaluation) -> None:
    captions = {f.heading: f for f in evaluation_figures(evaluation)}
    assert "AUROC 0.912, 95 % CI 0.852–0.951" in captions["ROC curve"].caption
    assert captions["ROC curve"].marked
    assert "prevalence, 0.400" in captions["Precision and recall"].caption
    without = evaluation.model_copy(update={"operating_point": None, "confusion": None, "at_operating_point": ()})
    assert not any(f.marked for f in evaluation_figures(without))
