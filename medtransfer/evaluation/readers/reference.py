"""Predictions judged by a truth table: its consensus takes the place of the cohort's own labels, and all is counted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from medtransfer.core.errors import PredictionsError
from medtransfer.core.evaluated.readers import ConsensusRule, ReaderCounts, TruthAccount
from medtransfer.core.results import Predictions
from medtransfer.core.types import ClassIndices
from medtransfer.data.targets import label_text
from medtransfer.evaluation.cases import as_text
from medtransfer.evaluation.readers.consensus import TIED, consensus
from medtransfer.evaluation.readers.truth import EMPTY, UNCERTAIN, Names, TruthTable

_SHOWN = 5


def with_truth(
    predictions: Predictions, truth: TruthTable, rule: ConsensusRule | None = None
) -> tuple[Predictions, TruthAccount]:
    """The predictions with the consensus as their truth, and what became of every study.

    Studies that the truth table lacks, or of which it knows nothing definite, have no truth afterwards, whatever the
    cohort said: two reference standards are never mixed.

    Raises:
        PredictionsError: `OtherQuestion` or `OtherPatient`.
        ConfigError: The rule names nobody who read, or needs a positive class.
    """
    rule = rule or ConsensusRule()
    if (truth.classes, truth.task) != (predictions.classes, predictions.task):
        raise PredictionsError(
            f"the truth answers {truth.task} {', '.join(truth.classes)}, "
            f"the predictions {predictions.task} {', '.join(predictions.classes)}",
            code="OtherQuestion",
            hint="Read the truth table with the classes of the predictions.",
        )
    table = predictions.table
    studies = as_text(table["study_id"])
    _refuse_other_patients(table.assign(study_id=studies), truth)
    settled = {of: settled_answers(truth, studies, rule, of, positive_of(predictions)) for of in truth.questions()}
    said = _cells(settled, truth)
    before = as_text(table["truth"]) if "truth" in table else pd.Series("", index=table.index)
    listed = studies.isin(truth.studies).to_numpy()
    ends = _ends(np.column_stack(list(settled.values())), listed)
    account = TruthAccount(
        rule=rule,
        sha256=truth.sha256,
        uncertain_words=truth.uncertain_words,
        readers=_reader_counts(truth),
        truths=len(truth.studies),
        not_predicted=len(set(truth.studies) - set(studies)),
        predictions=len(table),
        changed=int(((said != "") & (before != "") & (said != before)).sum()),
        **{name: int((ends == name).sum()) for name in ("settled", "uncertain", "tied", "unread", "without_truth")},
    )
    return replace(predictions, table=table.assign(truth=said)), account


def settled_answers(
    truth: TruthTable, studies: Names, rule: ConsensusRule, of: str | None, positive: int | None
) -> ClassIndices:
    """The consensus on each study, as a code."""
    return consensus(
        truth.answers(studies, of),
        rule,
        readers=truth.readers,
        classes=len(truth.classes) if of is None else 2,
        positive=positive if of is None else 1,
    )


def positive_of(predictions: Predictions) -> int | None:
    """Index of the positive class."""
    return None if predictions.positive is None else predictions.classes.index(predictions.positive)


def _cells(settled: dict[str | None, ClassIndices], truth: TruthTable) -> np.ndarray:
    """The consensus as the truth column of predictions holds it."""
    if None in settled:
        return np.array([truth.classes[code] if code >= 0 else "" for code in settled[None]], dtype=object)
    rows = zip(*settled.values(), strict=True)
    known = ({of: bool(c) for of, c in zip(settled, row, strict=True) if of is not None and c >= 0} for row in rows)
    return np.array([label_text(one) for one in known], dtype=object)


def _ends(codes: np.ndarray, listed: np.ndarray) -> np.ndarray:
    """Where each study ends; of several labels the best that is known of any of them."""
    ends = np.full(len(codes), "unread", dtype=object)
    for code, name in ((UNCERTAIN, "uncertain"), (TIED, "tied")):
        ends[(codes == code).any(axis=1)] = name
    ends[(codes >= 0).any(axis=1)] = "settled"
    ends[~listed] = "without_truth"
    return ends


def _reader_counts(truth: TruthTable) -> tuple[ReaderCounts, ...]:
    codes = np.concatenate([truth.answers(truth.studies, of) for of in truth.questions()])
    return tuple(
        ReaderCounts(
            reader=name,
            definite=int((column >= 0).sum()),
            uncertain=int((column == UNCERTAIN).sum()),
            empty=int((column == EMPTY).sum()),
        )
        for name, column in zip(truth.readers, codes.T, strict=True)
    )


def _refuse_other_patients(table: pd.DataFrame, truth: TruthTable) -> None:
    """Equal study ids of different patients are different studies."""
    if "patient_id" not in table:
        return
    theirs = truth.table[truth.table["patient_id"] != ""].drop_duplicates("study_id")
    both = table[["study_id"]].assign(ours=as_text(table["patient_id"])).merge(theirs, on="study_id")
    other = both[(both["ours"] != "") & (both["ours"] != both["patient_id"])]
    if not other.empty:
        some = ", ".join(map(repr, other["study_id"][:_SHOWN]))
        raise PredictionsError(
            f"{len(other)} studies have another patient in the truth table: {some}",
            code="OtherPatient",
            hint="Make sure that study ids mean the same in both, and are not numbered anew at each site.",
        )
