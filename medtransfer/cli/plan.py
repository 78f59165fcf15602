"""Make a plan: one readable TOML file with a reason for every choice.

The header of every image is looked at first; a plan is refused while some fail, unless so many are allowed.

Examples:
    medtransfer plan hillcrest/ --source riverside/ --out plan.toml
    medtransfer plan cohort.csv --backbone resnet50 --weights imagenet --labels-per-class 50
    medtransfer plan cohort.csv --labels pneumonia,effusion
    medtransfer plan cohort.csv --label severity --ordinal none,mild,severe
    medtransfer plan cohort.csv --set objective.parameters.l2_sp.strength=0.1 --set training.epochs=20
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, UseAppendAction, arg

from medtransfer.cli.common import Common, Outcome
from medtransfer.core.errors import ConfigError, OutputError

if TYPE_CHECKING:
    from medtransfer.data.cohort import Cohort


@dataclass(frozen=True, kw_only=True)
class Arguments(Common):
    """What `plan` takes."""

    target: Positional[Path]
    """Cohort of the hospital the question is asked for: table, folder with one, or class folders."""
    source: UseAppendAction[Annotated[tuple[str, ...], arg(metavar="[NAME=]PATH")]] = ()
    """Cohort of a hospital to transfer from; may be given several times; then each is called NAME, or as
    its folder."""
    out: Path = Path("plan.toml")
    """Where the plan goes: a TOML file, or a folder for plan.toml."""
    backbone: str = "resnet18"
    """Network: see `medtransfer doctor`."""
    weights: str = "none"
    """`none`, `imagenet`, the name of imported weights, or a local weight file with its sidecar."""
    labels_per_class: int | None = None
    """Use only so many labelled studies of each class."""
    label: str = "label"
    """Column of the label."""
    labels: str | None = None
    """Several labels at once: their columns, with commas between; cells say 1, 0, or nothing where it is not known."""
    ordinal: str | None = None
    """Classes that have an order, from the lowest to the highest, with commas between."""
    source_label: str | None = None
    """Column of the label in the source's table, which then asks for one of several classes; default: asks the same."""
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
    from medtransfer.pipeline.story import plan, read_cohort

    def cohort(path: Path, *, label: str, own_question: bool = False, positive: str | None = None) -> Cohort:
        ordered = None if own_question else _words(arguments.ordinal)
        return read_cohort(
            path,
            label=label,
            labels=None if own_question else _words(arguments.labels),
            task=None if ordered is None else "ordinal",
            classes=ordered,
            positive=positive,
            patients_unknown=arguments.patients_unknown,
            allow_missing=arguments.allow_failures > 0,
        )

    theirs = arguments.source_label
    sources = {
        name: cohort(path, label=theirs or arguments.label, own_question=theirs is not None)
        for name, path in _named(arguments.source).items()
    }
    made = plan(
        cohort(arguments.target, label=arguments.label, positive=arguments.positive),
        source=sources,
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


def _named(places: tuple[str, ...]) -> dict[str, Path]:
    """Source cohorts by name: a single one is called `source` where nobody names it."""
    found: dict[str, Path] = {}
    for place in places:
        name, equals, path = place.partition("=")
        if not equals or Path(place).exists():
            folder = Path(place).resolve()
            own = folder.parent.name if folder.stem == "cohort" else folder.stem
            name, path = "source" if len(places) == 1 else re.sub(r"\W+", "_", own.lower()).strip("_"), place
        if name in found:
            raise ConfigError(
                f"two sources are called '{name}'",
                code="NameTaken",
                path="--source",
                hint=f"Name them: --source {name}_a={found[name]} --source {name}_b={path}.",
            )
        found[name] = Path(path)
    return found


def _words(text: str | None) -> tuple[str, ...] | None:
    """`none,mild,severe` → three names."""
    return None if text is None else tuple(word.strip() for word in text.split(","))
