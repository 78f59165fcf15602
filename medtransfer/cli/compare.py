"""Compare the predictions of several bundles on the studies that all of them answered; the first is the reference.

Paired DeLong test (Obuchowski's where patients repeat), paired patient bootstrap, McNemar's test of the decisions at
each model's own threshold, Holm's adjustment from three models on. "No evidence of a difference" is a valid answer.

Examples:
    medtransfer compare runs/pneumonia/test runs/second/test --out runs/comparison
    medtransfer compare runs/a/test runs/b/test runs/c/test --metric brier --margin 0.01 --json
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from medtransfer.cli.common import Common, Outcome


@dataclass(frozen=True, kw_only=True)
class Arguments(Common):
    """What `compare` takes."""

    predictions: Positional[tuple[Path, ...]]
    """Folders or CSVs that `predict` wrote, of two bundles or more; the first is the reference."""
    out: Path | None = None
    """Folder for comparison.html, comparison.json, comparison.csv and left_out.csv."""
    metric: str | None = None
    """What the verdict is about: auroc, average_precision, brier, log_loss, sensitivity, specificity, macro_auroc, …;
    default: AUROC, or its mean over classes or labels."""
    margin: float | None = None
    """So much worse in the metric would still do: asks for non-inferiority. State it before you look."""
    names: tuple[str, ...] = ()
    """What the models are called; default: what tells their folders apart."""
    title: str = ""
    """What the page is headed by."""
    seed: int = 0
    """Of the bootstrap."""


def run(arguments: Arguments) -> Outcome:
    """Compare, and write the page where asked for."""
    from medtransfer.pipeline.comparing import compare
    from medtransfer.reporting.comparison import HTML_NAME, summary

    comparison = compare(
        *arguments.predictions,
        names=arguments.names,
        metric=arguments.metric,
        margin=arguments.margin,
        out=arguments.out,
        title=arguments.title,
        seed=arguments.seed,
    )
    text = summary(comparison)
    if arguments.out is not None:
        text += f"\nreport: {arguments.out / HTML_NAME}"
    return Outcome(facts=comparison.as_json(), text=text)
