"""Measure predictions against the truth they carry, at the bundle's own threshold; every figure with its interval.

Examples:
    medtransfer evaluate runs/pneumonia/test --out runs/pneumonia/report
    medtransfer evaluate runs/pneumonia/test --by sex,age,site --prespecified sex --prevalence 0.08
    medtransfer evaluate runs/pneumonia/test --truth readers.csv --consensus majority
    medtransfer evaluate predictions/predictions.csv --level patient --json
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from medtransfer.cli.common import Common, Outcome


@dataclass(frozen=True, kw_only=True)
class Arguments(Common):
    """What `evaluate` takes."""

    predictions: Positional[Path]
    """Folder or CSV that `predict` wrote."""
    truth: Path | None = None
    """CSV with `study_id` and `truth`, and with `reader` where several have read: takes the place of their labels."""
    consensus: str = "majority"
    """How several readers become one truth: majority, majority:NAME (who settles ties), unanimous, any_positive,
    reader:NAME."""
    by: str = ""
    """Attributes whose subgroups are looked at, such as sex,age,site,manufacturer."""
    prespecified: str = ""
    """Those of them that were named before the data were seen; the others are called exploratory."""
    prevalence: str = ""
    """Where the model is to be used: of the positive class, such as 0.08; or by class, such as mild=0.2,severe=0.05."""
    level: Literal["study", "patient"] = "study"
    """Judge each study, or the studies of a patient together."""
    pooling: Literal["mean", "max"] = "mean"
    """How the probabilities of a patient's studies become one."""
    reference: Path | None = None
    """Predictions of the same bundle to measure drift against, such as those of its validation split."""
    gallery: bool = False
    """Name the most confident errors by study id, and by path where the ledger lies beside the predictions."""
    images: Path | None = None
    """The cohort's folder: the most confident errors (--gallery) then link to their images."""
    bundle: Path | None = None
    """The bundle that predicted: fills more of the checklists, and writes a model card."""
    out: Path | None = None
    """Folder for evaluation.json, estimates.csv, report.html, figures and checklists; or the page alone if it ends in
    .html."""
    title: str = ""
    """What the report is headed by."""
    seed: int = 0
    """Of every random draw."""
    replicates: int = 2000
    """Of the bootstrap."""


def run(arguments: Arguments) -> Outcome:
    """Evaluate, and write the figures where asked for."""
    from medtransfer.pipeline.evaluating import evaluate, report, stated_prevalence, words_of
    from medtransfer.reporting.text import summary

    evaluation = evaluate(
        arguments.predictions,
        truth=arguments.truth,
        consensus=arguments.consensus,
        by=words_of(arguments.by),
        prespecified=words_of(arguments.prespecified),
        prevalence=stated_prevalence(arguments.prevalence),
        level=arguments.level,
        pooling=arguments.pooling,
        reference=arguments.reference,
        gallery=arguments.gallery,
        title=arguments.title,
        seed=arguments.seed,
        replicates=arguments.replicates,
    )
    text = summary(evaluation)
    if arguments.out is not None:
        text += f"\nreport: {report(evaluation, out=arguments.out, bundle=arguments.bundle, images=arguments.images)}"
    return Outcome(facts=evaluation.as_json(), text=text)
