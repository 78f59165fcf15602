"""A comparison as files: JSON for programs, CSV for tables, one self-contained HTML page for readers."""

from __future__ import annotations

import csv
import io
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from medtransfer.core.files import write_text
from medtransfer.core.inert import csv_cell, visible
from medtransfer.reporting.comparison_plots import difference_figures
from medtransfer.reporting.comparison_words import (
    estimate_of,
    lead,
    margin_words,
    obstacle_words,
    p_words,
    sentences,
    verdict,
)
from medtransfer.reporting.page import render
from medtransfer.reporting.text import WIDTH
from medtransfer.reporting.words import RESEARCH_USE, count, figure, level, rule

if TYPE_CHECKING:
    import pandas as pd

    from medtransfer.core.evaluated.comparison import Comparison

JSON_NAME: Final = "comparison.json"
CSV_NAME: Final = "comparison.csv"
HTML_NAME: Final = "comparison.html"
LEFT_OUT_NAME: Final = "left_out.csv"

CSV_COLUMNS: Final = (
    "what",
    "metric",
    "model",
    "reference",
    "value",
    "low",
    "high",
    "level",
    "p",
    "p_adjusted",
    "finding",
    "margin",
    "margin_p",
    "margin_p_adjusted",
    "margin_finding",
    "method",
    "n",
    "note",
)
"""`what` is `figure` (of one model) or `difference` (from the reference)."""


def write_comparison(comparison: Comparison, left_out: pd.DataFrame, folder: Path) -> Path:
    """Write `comparison.json`, `comparison.csv`, `left_out.csv` and `comparison.html`; the page comes last.

    The table of studies that are left out names them, so it is for its owner alone.

    Returns:
        The path of the page.

    Raises:
        OutputError: The folder cannot be written to.
    """
    page = render_comparison(comparison)
    write_text(folder / JSON_NAME, comparison.model_dump_json(indent=2) + "\n")
    write_text(folder / CSV_NAME, comparison_csv(comparison))
    rows = (tuple(row) for row in left_out.itertuples(index=False))
    write_text(folder / LEFT_OUT_NAME, _csv(tuple(left_out.columns), rows), private=True)
    write_text(folder / HTML_NAME, page)
    return folder / HTML_NAME


def comparison_csv(comparison: Comparison) -> str:
    """Every figure and every difference, one a row (`CSV_COLUMNS`)."""
    return _csv(CSV_COLUMNS, _rows(comparison))


def render_comparison(comparison: Comparison) -> str:
    """The page: one HTML document that asks for nothing from anywhere. Equal comparisons give equal bytes."""
    sentence, _, rest = RESEARCH_USE.partition(". ")
    return render(
        "comparison.html.j2",
        title=comparison.title or "Comparison",
        comparison=comparison,
        lead=lead(comparison),
        sentences=sentences(comparison),
        research_use=(sentence, rest),
        common_level=level(estimate_of(comparison.differences[0])),
        plots=tuple(difference_figures(comparison)),
        differences=[(one, estimate_of(one)) for one in comparison.differences],
        left_out=[(one.n, obstacle_words(one, len(comparison.models))) for one in comparison.flow.left_out],
        margins=[
            (one, one.non_inferiority, margin_words(one.non_inferiority))
            for one in comparison.differences
            if one.non_inferiority is not None
        ],
        metrics=list(comparison.reference.figures),
        p_words=lambda p: p_words(p).removeprefix("p = ").removeprefix("p ") or "–",
        rule=rule,
    )


def summary(comparison: Comparison) -> str:
    """A few lines for terminals and logs, wrapped; nothing in it moves the cursor."""
    return "\n".join(
        textwrap.fill(visible(line), WIDTH, subsequent_indent="  ", break_on_hyphens=False)
        for line in _lines(comparison)
    )


def _lines(comparison: Comparison) -> Iterator[str]:
    yield verdict(comparison)
    for model in comparison.models:
        yield f"{model.name}: {'; '.join(figure(one) for one in model.figures.values())}."
    flow = comparison.flow
    models = len(comparison.models)
    left_out = "".join(f" − {one.n:,} ({obstacle_words(one, models)})" for one in flow.left_out)
    yield f"Flow: {count(flow.studies, 'study', 'studies')}{left_out} = {flow.compared:,} compared."
    yield from (f"Warning: {warning}" for warning in comparison.warnings)


def _rows(comparison: Comparison) -> Iterator[tuple[object, ...]]:
    for model in comparison.models:
        for metric, e in model.figures.items():
            empty = ("",) * 7
            yield ("figure", metric, model.name, "", e.value, e.low, e.high, e.level, *empty, e.method, e.n, e.note)
    for one in comparison.differences:
        asked = one.non_inferiority
        margin = (asked.margin, asked.p, asked.p_adjusted, asked.finding) if asked else ("",) * 4
        ends = (one.value, one.low, one.high, one.level, one.p, one.p_adjusted, one.finding)
        yield ("difference", one.metric, one.model, one.reference, *ends, *margin, one.method, one.n, one.note)


def _csv(columns: tuple[str, ...], rows: Iterator[tuple[object, ...]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([csv_cell(cell) for cell in row] for row in rows)
    return buffer.getvalue()
