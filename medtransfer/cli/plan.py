"""Make a plan: one readable TOML file with a reason for every choice.

The header of every image is looked at first; a plan is refused while some fail, unless so many are allowed.

Examples:
    medtransfer plan hillcrest/ --source riverside/ --out plan.toml
    medtransfer plan cohort.csv --backbone resnet50 --weights imagenet --labels-per-class 50
    medtransfer plan cohort.csv --set objective.parameters.l2_sp.strength=0.1 --set training.epochs=20
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, UseAppendAction, arg

from medtransfer.cli.common import Common, Outcome
from medtransfer.core.errors import OutputError

if TYPE_CHECKING:
    from medtransfer.data.cohort import Cohort


@dataclass(frozen=True, kw_only=True)
class Arguments(Common):
    """What `plan` takes."""

    target: Positional[Path]
    """Cohort of the hospital the question is asked for: table, folder with one, or class folders."""
    source: Path | None = None
    """Cohort of a hospital to transfer from."""
    out: Path = Path("plan.toml")
    """Where the plan goes: a TOML file, or a folder for plan.toml."""
    backbone: str = "resnet18"
    """Network: see `medtransfer doctor`."""
    weights: str = "none"
    """`none`, `imagenet`, or a local weight file with its sidecar."""
    labels_per_class: int | None = None
    """Use only so many labelled studies of each class."""
    label: str = "label"
    """Column of the label."""
    source_label: str | None = None
    """Column of the label in the source's table; default: the same."""
    positive: str | None = None
    """The target's class whose probability is reported and thresholded."""
    patients_unknown: bool = False
    """Allow rows without a patient id; every interval is then marked as too narrow."""
    seed: int = 0
    """Of splits, order, augmentation and initial weights."""
    allow_failures: int = 0
    """So many images may be absent or fail by their headers."""
    set: UseAppendAction[Annotated[tuple[str, ...], arg(metavar="KEY=VALUE")]] = ()
    """Change any key of the plan; may be given several times."""


def run(arguments: Arguments) -> Outcome:
    """Plan, and write the file."""
    from medtransfer.core.config.toml import to_toml
    from medtransfer.core.files import write_text
    from medtransfer.pipeline import plan, read_cohort

    def cohort(path: Path, label: str, positive: str | None) -> Cohort:
        return read_cohort(
            path,
            label=label,
            positive=positive,
            patients_unknown=arguments.patients_unknown,
            allow_missing=arguments.allow_failures > 0,
        )

    source_label = arguments.source_label or arguments.label
    made = plan(
        cohort(arguments.target, arguments.label, arguments.positive),
        source=None if arguments.source is None else cohort(arguments.source, source_label, None),
        backbone=arguments.backbone,
        weights=arguments.weights,
        labels_per_class=arguments.labels_per_class,
        seed=arguments.seed,
        changes=arguments.set,
        allow_failures=arguments.allow_failures,
    )
    path = arguments.out if arguments.out.suffix == ".toml" else arguments.out / "plan.toml"
    text = to_toml(made, comments=made.reasons)
    if path.exists() and path.read_bytes() != text.encode():
        raise OutputError(
            "there is another plan in its place, perhaps one that was edited",
            code="PlanExists",
            path=path,
            hint="Choose another file with --out, or remove this one.",
        )
    write_text(path, text)
    return Outcome(
        facts={
            "plan": str(path),
            "reasons": made.reasons,
            "values": made.as_json(exclude={"reasons"}),
        },
        text=f"{text}\nwritten to {path}",
    )
