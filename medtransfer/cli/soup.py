"""Average the weights of several bundles that were fitted from the same start: a model soup, as quick as one of them.

With a validation cohort (the table that the bundles were fitted on, or patients whom none of them has seen) the
operating point is chosen anew. A greedy soup needs one: it keeps only bundles that do not make it worse there.

Examples:
    medtransfer soup runs/a/bundle runs/b/bundle --validation cohort.csv --out runs/soup
    medtransfer soup runs/a/bundle runs/b/bundle runs/c/bundle --how greedy --validation cohort.csv --out runs/soup
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tyro.conf import Positional

from medtransfer.cli.common import Common, Outcome


@dataclass(frozen=True, kw_only=True)
class Arguments(Common):
    """What `soup` takes."""

    bundles: Positional[tuple[Path, ...]]
    """Folders of two or more bundles."""
    out: Path
    """A new folder; the soup is its `bundle`."""
    how: Literal["uniform", "greedy"] = "uniform"
    """All of them, or those that do not make it worse on validation, the best first."""
    validation: Path | None = None
    """Table of the validation studies; without one there is no operating point."""
    cache: Path | None = None
    """Folder of prepared pictures to read from and add to, such as `fit`'s; default: nothing is kept."""
    allow_failures: int = 0
    """So many images may fail to be read."""


def run(arguments: Arguments) -> Outcome:
    """Average, and say what became of every bundle."""
    from medtransfer.pipeline.soups import soup
    from medtransfer.reporting.points_text import point_facts, point_lines

    bundle = soup(
        arguments.bundles,
        out=arguments.out,
        how=arguments.how,
        validation=arguments.validation,
        cache=arguments.cache,
        allow_failures=arguments.allow_failures,
        quiet=arguments.quiet or arguments.json,
    )
    story = bundle.manifest.training.plan["soup"]
    members = [
        {"bundle": str(folder), "sha256": member["sha256"], "kept": member["kept"], "log_loss": member.get("log_loss")}
        for folder, member in zip(arguments.bundles, story["members"], strict=True)
    ]
    lines = [f"bundle: {bundle.folder} (SHA-256 {bundle.sha256[:12]}…)", *map(_line, members)]
    if "log_loss" in story:
        lines.append(f"validation log-loss of the soup: {story['log_loss']:.4f}")
        if story["log_loss"] > min(member["log_loss"] for member in members):
            lines.append(
                "  worse there than its best member alone: --how greedy keeps only what does not make it worse"
            )
    lines += point_lines(bundle.manifest)
    lines.append(f"next: medtransfer predict {bundle.folder} COHORT --split test")
    return Outcome(
        facts={
            "bundle": str(bundle.folder),
            "sha256": bundle.sha256,
            "how": story["how"],
            "members": members,
            "log_loss": story.get("log_loss"),
            **point_facts(bundle.manifest),
        },
        text="\n".join(lines),
    )


def _line(member: dict[str, Any]) -> str:
    loss = "" if member["log_loss"] is None else f", validation log-loss {member['log_loss']:.4f}"
    return f"  {'kept' if member['kept'] else 'left out'}: {member['bundle']}{loss}"
