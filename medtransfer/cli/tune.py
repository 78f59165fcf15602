"""Choose λ and the strengths of a plan on patients held out in turn, and write the plan that is chosen.

Examples:
    medtransfer tune plan.toml --out runs/tuning
    medtransfer tune plan.toml --out runs/tuning --trials 40 --folds 5
    medtransfer tune plan.toml --out runs/rates --only --search training.learning_rate=1e-4:1e-2:log
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, UseAppendAction, arg

from medtransfer.cli.common import Common, Outcome


@dataclass(frozen=True, kw_only=True)
class Arguments(Common):
    """What `tune` takes."""

    plan: Positional[Path]
    """The plan's TOML file."""
    out: Path
    """The search's folder; with the same plan and options it goes on where it stopped."""
    trials: int | None = None
    """So many settings are tried; default: all where they are few, otherwise 32."""
    folds: int = 4
    """Parts that the patients of train and validation are dealt into; each is held out once."""
    repeats: int = 1
    """Seeds that each part is trained with."""
    search: UseAppendAction[Annotated[tuple[str, ...], arg(metavar="KEY=VALUES")]] = ()
    """Search a key: KEY=low:high, KEY=low:high:log or KEY=a,b,c; may be given several times."""
    only: bool = False
    """Search nothing but what --search names."""
    to_the_end: bool = False
    """Try every setting on every part, also those that do worse than half of the others."""
    cache: Path | None = None
    """Folder of prepared pictures, which runs may share; default: inside the search's folder."""
    allow_failures: int = 0
    """So many images may fail to be read."""
    set: UseAppendAction[Annotated[tuple[str, ...], arg(metavar="KEY=VALUE")]] = ()
    """Change any key of the plan before it is tuned; may be given several times."""


def run(arguments: Arguments) -> Outcome:
    """Search, and say what is chosen."""
    import textwrap

    from medtransfer.core.config.plan import Plan
    from medtransfer.core.config.toml import read_toml, validated
    from medtransfer.core.config.tuning import TuneConfig
    from medtransfer.core.inert import visible
    from medtransfer.pipeline.tuning import tune
    from medtransfer.reporting.text import WIDTH
    from medtransfer.reporting.tuning import HTML_NAME
    from medtransfer.reporting.tuning_words import verdict

    asked = {name: getattr(arguments, name) for name in ("trials", "folds", "repeats", "search", "only")}
    config = validated(TuneConfig, {**asked, "prune": not arguments.to_the_end}, path="tune")
    tuning = tune(
        read_toml(Plan, arguments.plan, changes=arguments.set),
        out=arguments.out,
        config=config,
        cache=arguments.cache,
        allow_failures=arguments.allow_failures,
        quiet=arguments.quiet or arguments.json,
    )
    said = (verdict(tuning), *tuning.notes)
    lines = [textwrap.fill(visible(line), WIDTH, subsequent_indent="  ", break_on_hyphens=False) for line in said]
    lines += [
        f"report: {arguments.out / HTML_NAME}",
        f"next: medtransfer fit {arguments.out / 'plan.toml'} --out RUN",
    ]
    return Outcome(facts=tuning.as_json(), text="\n".join(lines))
