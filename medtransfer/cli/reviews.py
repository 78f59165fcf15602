"""What readers said in the app: check that nothing was changed or removed, and write it as files.

The chain of entries gives away every change to one of them. Entries cut off at the end, or a chain written anew as a
whole, are given away by an earlier head: note elsewhere what `verify` prints, and give it with --expect.

Examples:
    medtransfer reviews verify ~/.local/share/medtransfer/reviews.sqlite
    medtransfer reviews export ~/.local/share/medtransfer/reviews.sqlite --out runs/reviews
    medtransfer reviews export reviews.sqlite --out runs/reviews --predictions runs/pneumonia/test
    medtransfer reviews verify runs/reviews/reviews.jsonl
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import (
    CascadeSubcommandArgs,
    OmitSubcommandPrefixes,
    Positional,
    UseAppendAction,
    arg,
    configure,
    subcommand,
)

from medtransfer.cli.common import Common, Outcome
from medtransfer.core.errors import ConfigError, UnusableInputError
from medtransfer.core.inert import visible


@dataclass(frozen=True, kw_only=True)
class Verify:
    """Is every entry there, as it was written, in its place?"""

    file: Positional[Path]
    """The app's file of reviews, or the reviews.jsonl of an export."""
    expect: UseAppendAction[Annotated[tuple[str, ...], arg(metavar="NUMBER:DIGEST")]] = ()
    """A head that was noted earlier; may be given several times."""


@dataclass(frozen=True, kw_only=True)
class Export:
    """Write all entries as JSONL and CSV, pairs of before and after, and a reader study for iMRMC."""

    file: Positional[Path]
    """The app's file of reviews."""
    predictions: Path | None = None
    """Folder or CSV that `predict` wrote, with the truth: with it there is a reader study."""
    of: str | None = None
    """Finding of the reader study; default: the positive class."""


@configure(OmitSubcommandPrefixes, CascadeSubcommandArgs)
@dataclass(frozen=True, kw_only=True)
class Arguments(Common):
    """What `reviews` takes."""

    action: Annotated[Verify, subcommand("verify")] | Annotated[Export, subcommand("export")]
    """What to do."""
    out: Path | None = None
    """Folder for the files of an export, which name readers and are for your eyes only; for a verification.json."""


def run(arguments: Arguments) -> Outcome:
    """Do it."""
    match arguments.action:
        case Verify() as action:
            return _verify(action, arguments.out)
        case Export() as action:
            return _export(action, arguments.out)


def _verify(action: Verify, out: Path | None) -> Outcome:
    from medtransfer.core.files import write_text
    from medtransfer.pipeline.reviewing import verify_reviews

    wrong, head = verify_reviews(action.file, expected=action.expect)
    facts = {"whole": not wrong, "wrong": wrong, "entries": head.number, "head": str(head)}
    if out is not None:
        write_text(out / "verification.json", json.dumps(facts, indent=2) + "\n")
    if wrong:
        return Outcome(facts=facts, text="", failure=_tampered(action.file, wrong))
    lines = [f"{head.number} entries, none changed, removed or moved", f"head: {head}"]
    if not action.expect:
        lines.append("note the head elsewhere: with --expect it shows later whether entries were cut off at the end")
    return Outcome(facts=facts, text="\n".join(lines))


def _export(action: Export, out: Path | None) -> Outcome:
    if out is None:
        raise ConfigError(
            "an export needs a folder", code="NoFolder", path="--out", hint="Name one with --out: it is made."
        )
    from medtransfer.core.reviews.store import Reviews
    from medtransfer.pipeline.reviewing import export_reviews

    predictions = None
    if action.predictions is not None:
        from medtransfer.evaluation.predictions_io import read_predictions

        predictions = read_predictions(action.predictions)
    with Reviews.existing(action.file) as reviews:
        written = export_reviews(reviews, out=out, predictions=predictions, of=action.of)
        wrong, head = reviews.verify(), reviews.head()
    text = f"{head.number} entries written to {visible(str(out))}: {', '.join(path.name for path in written)}"
    facts = {"folder": str(out), "files": [path.name for path in written], "head": str(head), "wrong": wrong}
    return Outcome(facts=facts, text=f"{text}\nhead: {head}", failure=_tampered(action.file, wrong) if wrong else None)


def _tampered(file: Path, wrong: str) -> UnusableInputError:
    return UnusableInputError(
        wrong.rstrip("."),
        code="Tampered",
        path=file,
        hint="Keep this file as it is, and compare it with a copy or an earlier export.",
    )
