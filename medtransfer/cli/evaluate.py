"""Measure predictions against the truth they carry, at the bundle's own threshold; every figure with its interval.

Examples:
    medtransfer evaluate runs/pneumonia/test --out runs/pneumonia/report
    medtransfer evaluate predictions/predictions.csv --json
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from medtransfer.cli.common import Common, Outcome


@dataclass(frozen=True, kw_only=True)
class Arguments(Common):
    """What `evaluate` takes."""

    predictions: Positional[Path]
    """Folder or CSV that `predict` wrote."""
    out: Path | None = None
    """Folder for evaluation.json, estimates.csv and report.html; or the page alone if it ends in .html."""
    title: str = ""
    """What the report is headed by."""
    seed: int = 0
    """Of the bootstrap."""


def run(arguments: Arguments) -> Outcome:
    """Evaluate, and write the figures where asked for."""
    from medtransfer.pipeline.story import evaluate, report
    from medtransfer.reporting.text import summary

    evaluation = evaluate(arguments.predictions, title=arguments.title, seed=arguments.seed)
    text = summary(evaluation)
    if arguments.out is not None:
        text += f"\nreport: {report(evaluation, out=arguments.out)}"
    return Outcome(facts=evaluation.as_json(), text=text)
