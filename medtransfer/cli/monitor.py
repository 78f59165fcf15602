"""Watch a model in use: inputs, who the studies are of, and what has moved. No study needs a truth.

Examples:
    medtransfer monitor runs/pneumonia/november --reference runs/pneumonia/validation --out runs/monitoring
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from medtransfer.cli.common import Common, Outcome


@dataclass(frozen=True, kw_only=True)
class Arguments(Common):
    """What `monitor` takes."""

    predictions: Positional[Path]
    """Folder or CSV that `predict` wrote."""
    reference: Path | None = None
    """Earlier predictions of the same bundle; default: attributes are held against the training cohort."""
    out: Path | None = None
    """Folder for monitoring.html, monitoring.json and figures."""
    title: str = ""
    """What the page is headed by."""
    seed: int = 0
    """Of permutations."""


def run(arguments: Arguments) -> Outcome:
    """Look, and write the page where asked for."""
    from medtransfer.pipeline.monitoring import monitor
    from medtransfer.reporting.monitoring import HTML_NAME, summary

    found = monitor(
        arguments.predictions,
        reference=arguments.reference,
        out=arguments.out,
        title=arguments.title,
        seed=arguments.seed,
    )
    text = summary(found)
    if arguments.out is not None:
        text += f"\nreport: {arguments.out / HTML_NAME}"
    return Outcome(facts=found.as_json(), text=text)
