"""The page of a run, and the plots on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from medtransfer.models.bundle import read_bundle
from medtransfer.reporting.training_log import read_terms
from medtransfer.reporting.training_plots import term_plot, thinned, validation_plot


def test_the_courses_are_those_of_the_log(quick_run: Path) -> None:
    table = pd.read_csv(quick_run / "terms.csv")
    courses = read_terms(quick_run / "terms.csv")
    assert [course.name for course in courses] == list(dict.fromkeys(table["term"]))
    for course in courses:
        of_term = table[table["term"] == course.name]
        assert course.values.tolist() == of_term["value"].tolist()
        assert len(course.epochs) == of_term["gradient_norm"].notna().sum() == of_term["epoch"].nunique()


def test_the_page_shows_every_term_and_every_domain(quick_run: Path) -> None:
    page = (quick_run / "training.html").read_text(encoding="utf-8")
    for course in read_terms(quick_run / "terms.csv"):
        assert f"<h3>{course.name}</h3>" in page
    for domain in read_bundle(quick_run / "bundle").manifest.training.studies:
        assert f">{domain}</th>" in page
    assert "//" not in page.replace("http://www.w3.org/", ""), "nothing is asked for from anywhere"


@pytest.mark.parametrize("points", [1, 7, 400, 5003])
def test_thinning_keeps_the_mean_and_the_span(points: int) -> None:
    x, y = np.arange(points, dtype=np.float64), np.random.default_rng(0).normal(size=points)
    few_x, few_y = thinned(x, y)
    assert len(few_x) == min(points, 400)
    assert few_y.min() >= y.min()
    assert few_y.max() <= y.max()
    assert few_x[-1] >= x[-1] * 0.99
    assert few_y.mean() == pytest.approx(y.mean(), abs=0.02)


def test_equal_runs_give_equal_drawings(quick_run: Path) -> None:
    (course, *_) = read_terms(quick_run / "terms.csv")
    assert term_plot(course, name="a") == term_plot(course, name="a")
    assert validation_plot([4, 8], [0.6, 0.5], best=1).startswith("<svg")
