"""Write the HTML page of an evaluation: one self-contained file.

Examples:
    medtransfer report runs/pneumonia/report/evaluation.json --out shared/
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from medtransfer.cli.common import Common, Outcome


@dataclass(frozen=True, kw_only=True)
class Arguments(Common):
    """What `report` takes."""

    evaluation: Positional[Path]
    """evaluation.json that `evaluate` wrote, or its folder."""
    bundle: Path | None = None
    """The bundle that predicted: fills more of the checklists, and writes a model card."""
    images: Path | None = None
    """The cohort's folder: the most confident errors then link to their images."""
    out: Path | None = None
    """Folder for the page, or the page itself if it ends in .html; default: beside the evaluation."""


def run(arguments: Arguments) -> Outcome:
    """Write the page, and say where it is."""
    from medtransfer.pipeline.evaluating import report
    from medtransfer.reporting.evaluation import read_evaluation

    evaluation = read_evaluation(arguments.evaluation)
    beside = arguments.evaluation if arguments.evaluation.is_dir() else arguments.evaluation.parent
    page = report(evaluation, out=arguments.out or beside, bundle=arguments.bundle, images=arguments.images)
    return Outcome(facts={"report": str(page)}, text=f"report: {page}")
