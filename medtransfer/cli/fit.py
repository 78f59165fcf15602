"""Train what a plan says, choose the operating point on validation, write a bundle.

Examples:
    medtransfer fit plan.toml --out runs/pneumonia
    medtransfer fit plan.toml --out runs/pneumonia --resume
    medtransfer fit plan.toml --out runs/short --set training.epochs=3
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, UseAppendAction, arg

from medtransfer.cli.common import Common, Outcome


@dataclass(frozen=True, kw_only=True)
class Arguments(Common):
    """What `fit` takes."""

    plan: Positional[Path]
    """The plan's TOML file."""
    out: Path
    """The run's folder: the bundle, the cohort with its splits, ledger, logs and checkpoint go here."""
    resume: bool = False
    """Go on from the checkpoint in the run's folder."""
    cache: Path | None = None
    """Folder of prepared pictures, which runs may share; default: inside the run's folder."""
    allow_failures: int = 0
    """So many images may fail to be read."""
    set: UseAppendAction[Annotated[tuple[str, ...], arg(metavar="KEY=VALUE")]] = ()
    """Change any key of the plan; may be given several times."""


def run(arguments: Arguments) -> Outcome:
    """Fit, and say where the bundle is."""
    from medtransfer.core.config.plan import Plan
    from medtransfer.core.config.toml import read_toml
    from medtransfer.pipeline.story import fit
    from medtransfer.reporting.points_text import point_facts, point_lines

    bundle = fit(
        read_toml(Plan, arguments.plan, changes=arguments.set),
        out=arguments.out,
        resume=arguments.resume,
        cache=arguments.cache,
        allow_failures=arguments.allow_failures,
        quiet=arguments.quiet or arguments.json,
    )
    training = bundle.manifest.training
    lines = [
        f"bundle: {bundle.folder} (SHA-256 {bundle.sha256[:12]}…)",
        f"trained {training.steps} steps in {training.seconds:.0f} s",
    ]
    lines += point_lines(bundle.manifest)
    lines += [f"note: {note}" for note in training.notes]
    lines.append(f"next: medtransfer predict {bundle.folder} {arguments.out / 'cohort.csv'} --split test")
    facts = {
        "bundle": str(bundle.folder),
        "sha256": bundle.sha256,
        **point_facts(bundle.manifest),
        "training": training.as_json(exclude={"patients", "plan"}),
    }
    return Outcome(facts=facts, text="\n".join(lines))
