"""What readers said before and after the model's answer, as a reader study of two modalities.

Confidence c in an answer, 0 to 100, becomes a score that is higher the more the reader believes in the finding:

    score = 50 + c/2   it is there        score = 50 − c/2   it is not        50   cannot say

A case is in the study where its truth is known, and a reading where the impression was formed unaided, so that "before"
means before; feedback without one is left out, since the reader may have been led.

Reference: Gallas et al. 2012, Evaluating imaging and computer-aided detection and diagnosis devices at the FDA
(sequential reading). `imrmc.export` writes such a study.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd

from medtransfer.core.errors import ConfigError, PredictionsError
from medtransfer.core.results import Predictions
from medtransfer.core.reviews.opinion import Opinion, opinion_of
from medtransfer.core.reviews.pairs import ReviewPair
from medtransfer.data.targets import known_labels
from medtransfer.evaluation.cases import as_text
from medtransfer.evaluation.readers.ratings import Ratings

BEFORE: Final = "1 reader alone"
AFTER: Final = "2 reader with model"
"""Modalities; they are numbered in this order."""

_SUFFIXES: Final = (".dcm", ".dicom", ".nii.gz", ".nii", ".png", ".jpg", ".jpeg", ".tif", ".tiff")


@dataclass(frozen=True, kw_only=True)
class BeforeAfter:
    """A study, and what is not in it.

    Attributes:
        ratings: One row a reading.
        without_truth: Pairs whose study has no truth in the predictions, or is not among them.
        not_unaided: Pairs without an impression formed unaided.
        other_bundle: Pairs with another bundle than the predictions'.
        read_again: Pairs whose reader has read the study again since, its files having changed.
    """

    ratings: Ratings
    without_truth: int
    not_unaided: int
    other_bundle: int
    read_again: int


def before_after(pairs: Sequence[ReviewPair], predictions: Predictions, *, of: str | None = None) -> BeforeAfter:
    """Readings with and without the model.

    Args:
        pairs: Of the reviews.
        predictions: Whose truth it is. Studies are matched by name, or by the last part of a path without its suffix.
        of: The finding; default: the positive class. Must be given where there are several labels.

    Raises:
        ConfigError: `NoPositive` or `UnknownLabel`.
        PredictionsError: `NoReadings`: there is no pair with a truth.
    """
    finding = _finding(predictions, of)
    truth = _truths(predictions, finding)
    cases = _cases((pair.study for pair in pairs), truth)
    rows, ended = [], Counter()
    last = {(pair.who, cases.get(pair.study)): pair for pair in pairs if _is_of(pair, predictions)}
    for pair in pairs:
        case = cases.get(pair.study)
        if not _is_of(pair, predictions):
            ended["other_bundle"] += 1
        elif case is None:
            ended["without_truth"] += 1
        elif last[pair.who, case] is not pair:
            ended["read_again"] += 1
        elif pair.before is None or not pair.unaided:
            ended["not_unaided"] += 1
        else:
            for modality, entry in ((BEFORE, pair.before), (AFTER, pair.after)):
                if entry is not None:
                    rows.append((pair.who, case, modality, score(opinion_of(entry.content), finding)))
    table = pd.DataFrame(rows, columns=pd.Index(["reader", "case", "modality", "score"]))
    if table.empty:
        raise PredictionsError(
            f"no reading has a truth: {dict(ended) or 'nobody has read anything'}",
            code="NoReadings",
            hint="Give predictions of the same bundle, with the truth of the studies that were read.",
        )
    return BeforeAfter(
        ratings=Ratings(table=table, truth={case: truth[case] for case in dict.fromkeys(table["case"])}),
        without_truth=ended["without_truth"],
        not_unaided=ended["not_unaided"],
        other_bundle=ended["other_bundle"],
        read_again=ended["read_again"],
    )


def score(opinion: Opinion, finding: str) -> float:
    """How much a reader believes in the finding, 0 to 100; the formula stands above."""
    said = opinion.answers.get(finding, "cannot say") if opinion.answers else _said(opinion.answer, finding)
    if said == "cannot say":
        return 50.0
    half = (opinion.confidence or 0) / 2
    return 50.0 + half if said == "present" else 50.0 - half


def _is_of(pair: ReviewPair, predictions: Predictions) -> bool:
    return pair.bundle_sha256 == predictions.bundle_sha256


def _said(answer: str, finding: str) -> str:
    if not answer:
        return "cannot say"
    return "present" if answer == finding else "absent"


def _finding(predictions: Predictions, of: str | None) -> str:
    finding = of or predictions.positive
    if finding is None:
        hint = f"Name one with --of: {', '.join(predictions.classes)}."
        raise ConfigError("no positive class is declared", code="NoPositive", path="imrmc", hint=hint)
    if finding not in predictions.classes:
        hint = f"One of: {', '.join(predictions.classes)}."
        raise ConfigError(f"there is no finding {finding!r}", code="UnknownLabel", path="imrmc", hint=hint)
    return finding


def _truths(predictions: Predictions, finding: str) -> dict[str, bool]:
    """By study, where it is known."""
    studies, cells = as_text(predictions.table["study_id"]), as_text(predictions.table["truth"])
    if predictions.task == "multilabel":
        known = {study: known_labels(cell) for study, cell in zip(studies, cells, strict=True)}
        return {study: labels[finding] for study, labels in known.items() if finding in labels}
    return {study: cell == finding for study, cell in zip(studies, cells, strict=True) if cell}


def _cases(names: Iterable[str], truth: Mapping[str, bool]) -> dict[str, str]:
    """Name in the reviews → study of the predictions; a short name that several bear is nobody's."""
    names = set(names)
    ours, theirs = Counter(map(_short, names)), Counter(map(_short, truth))
    by_short = {_short(study): study for study in truth if theirs[_short(study)] == 1}
    return {
        name: name if name in truth else by_short[_short(name)]
        for name in names
        if name in truth or (ours[_short(name)] == 1 and _short(name) in by_short)
    }


def _short(name: str) -> str:
    """`images/HC0001-1.dcm` → `HC0001-1`."""
    last = name.rsplit("/", 1)[-1]
    return next((last[: -len(suffix)] for suffix in _SUFFIXES if last.lower().endswith(suffix)), last)
