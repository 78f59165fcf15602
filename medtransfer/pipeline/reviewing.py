"""The reviews of an app as files: all entries without loss, tables for people, and a reader study where truth is known.

reviews.jsonl    the whole chain, an entry a line; `medtransfer reviews verify` reads it too
reviews.csv      the same for a spreadsheet
pairs.csv        before and after, a row a reader and study
reviews.json     counts, the chain's head and state, what is left out of the reader study
readers.imrmc, readers.csv, readers_key.csv    with predictions that know the truth
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from medtransfer import __version__
from medtransfer.core.errors import UnusableInputError
from medtransfer.core.files import write_text
from medtransfer.core.reviews.chain import rows_of_lines, what_is_wrong
from medtransfer.core.reviews.entry import KINDS, line_of
from medtransfer.core.reviews.head import Head, as_head
from medtransfer.core.reviews.pairs import pairs
from medtransfer.core.reviews.store import Reviews
from medtransfer.reporting.reviews_csv import entries_csv, pairs_csv

if TYPE_CHECKING:
    from collections.abc import Sequence

    from medtransfer.core.results import Predictions
    from medtransfer.core.reviews.entry import ReviewEntry

NOTICE: Final = "Research use only. Not a medical device."
CHAIN: Final = "reviews.jsonl"


def verify_reviews(path: str | Path, *, expected: Sequence[str] = ()) -> tuple[str, Head]:
    """What is wrong with a file of reviews, or with its JSONL export; empty where nothing is.

    Args:
        path: The file.
        expected: Heads that were noted earlier (`NUMBER:DIGEST`).

    Returns:
        The sentence, and the last entry that is right.

    Raises:
        UnusableInputError: `NoReviews`: it is neither.
        ConfigError: `BadHead`.
    """
    place, heads = Path(path), [as_head(one) for one in expected]
    if place.suffix == ".jsonl":
        try:
            with place.open(encoding="ascii", errors="replace", newline="\n") as lines:
                return what_is_wrong(rows_of_lines(lines), heads)
        except OSError as error:
            raise UnusableInputError(
                f"cannot be read: {error.strerror}",
                code="NoReviews",
                path=place,
                hint="Give an export's reviews.jsonl.",
            ) from error
    with Reviews.existing(place) as reviews:
        wrong = reviews.verify(*heads)
        return wrong, Head() if wrong else reviews.head()


def exported_reviews(
    reviews: Reviews, *, predictions: Predictions | None = None, of: str | None = None
) -> dict[str, str]:
    """File name → content.

    A chain with something wrong in it is exported too, and says so in `reviews.json`.

    Args:
        reviews: The file.
        predictions: Of the bundle that was reviewed; with the truth of its studies there is a reader study.
        of: The finding of the reader study; default: the positive class.

    Raises:
        UnusableInputError: The file cannot be read (`Damaged`), or there is no reader study in it (`NoReadings`).
        ConfigError: `NoPositive` or `UnknownLabel`.
    """
    wrong = reviews.verify()
    entries = reviews.entries()
    files = {
        CHAIN: "".join(f"{line_of(entry)}\n" for entry in entries),
        "reviews.csv": entries_csv(entries),
        "pairs.csv": pairs_csv(pairs(entries)),
    }
    facts = _facts(entries, wrong)
    if predictions is not None:
        study, left_out = _reader_study(entries, predictions, of)
        files |= study
        facts["left_out_of_reader_study"] = left_out
    return files | {"reviews.json": json.dumps(facts, indent=2) + "\n"}


def export_reviews(
    reviews: Reviews, *, out: str | Path, predictions: Predictions | None = None, of: str | None = None
) -> tuple[Path, ...]:
    """Write `exported_reviews` into a folder, for its owner's eyes only.

    Raises:
        OutputError: It cannot be written.
        UnusableInputError: As `exported_reviews`.
    """
    files = exported_reviews(reviews, predictions=predictions, of=of)
    for name, content in files.items():
        write_text(Path(out) / name, content, private=True)
    return tuple(Path(out) / name for name in files)


def _facts(entries: Sequence[ReviewEntry], wrong: str) -> dict[str, Any]:
    head = Head(entries[-1].number, entries[-1].digest) if entries else Head()
    return {
        "notice": NOTICE,
        "medtransfer_version": __version__,
        "entries": {kind: sum(entry.kind == kind for entry in entries) for kind in KINDS},
        "readers": len({entry.who for entry in entries if entry.kind in {"impression", "feedback"}}),
        "studies": len({entry.study_sha256 for entry in entries}),
        "chain": wrong or "whole",
        "head": str(head),
    }


def _reader_study(
    entries: Sequence[ReviewEntry], predictions: Predictions, of: str | None
) -> tuple[dict[str, str], dict[str, int]]:
    from medtransfer.evaluation.readers.before_after import AFTER, BEFORE, before_after
    from medtransfer.evaluation.readers.imrmc import export

    study = before_after(pairs(entries), predictions, of=of)
    written = export(study.ratings, title=f"Modality 1: {BEFORE[2:]}, modality 2: {AFTER[2:]}. {NOTICE}")
    files = {"readers.imrmc": written.text, "readers.csv": written.table, "readers_key.csv": written.key}
    return files, {
        "without_truth": study.without_truth,
        "not_unaided": study.not_unaided,
        "other_bundle": study.other_bundle,
        "read_again": study.read_again,
    }
