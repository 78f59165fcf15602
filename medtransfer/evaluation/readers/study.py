"""The reference standard as a part of an evaluation: what became of the truth, and the readers beside the model."""

from __future__ import annotations

import numpy as np
import pandas as pd

from medtransfer.core.evaluated.readers import ConsensusRule, Readers
from medtransfer.core.results import PROBABILITY, Predictions
from medtransfer.core.types import Groups
from medtransfer.data.cohort import patients
from medtransfer.evaluation.cases import as_text
from medtransfer.evaluation.readers.against_others import against_others
from medtransfer.evaluation.readers.agreement import agreement
from medtransfer.evaluation.readers.question import Question
from medtransfer.evaluation.readers.reference import positive_of, with_truth
from medtransfer.evaluation.readers.truth import TruthTable


def readers_part(
    predictions: Predictions,
    truth: TruthTable,
    rule: ConsensusRule | None = None,
    *,
    seed: int = 0,
    replicates: int = 2000,
) -> Readers:
    """Agreement and comparison on the studies that were read, whether their consensus is definite or not.

    Were uncertain studies left out of the agreement, it would look better than it is.

    Raises:
        PredictionsError: The truth table is of another question, or of other patients (`reference.with_truth`).
        ConfigError: The rule cannot be applied, or there are too few replicates.
    """
    rule = rule or ConsensusRule()
    _, account = with_truth(predictions, truth, rule)
    table = predictions.table.assign(study_id=as_text(predictions.table["study_id"])).sort_values("study_id")
    table = table[(as_text(table["status"]) == "read") & table["study_id"].isin(truth.studies)]
    groups = _patients(table)
    several = predictions.task == "multilabel"
    called = _called(predictions, table)
    agreements, comparisons = [], []
    for of in truth.questions() if len(truth.readers) > 1 and len(table) else ():
        asked = Question(
            answers=truth.answers(table["study_id"], of),
            readers=truth.readers,
            groups=groups,
            classes=2 if several else len(truth.classes),
            positive=1 if several else positive_of(predictions),
            ordered=truth.task == "ordinal",
            of=of,
        )
        agreements.append(agreement(asked, seed=seed, replicates=replicates))
        comparisons += against_others(asked, rule, called=called, seed=seed, replicates=replicates)
    return Readers(
        account=account,
        positive=predictions.positive,
        agreement=tuple(agreements),
        against_others=tuple(comparisons),
    )


def _called(predictions: Predictions, table: pd.DataFrame) -> np.ndarray | None:
    """Which studies are positive at the stored threshold."""
    point = predictions.operating_point
    return None if point is None else table[PROBABILITY + point.positive].to_numpy(dtype=float) >= point.threshold


def _patients(table: pd.DataFrame) -> Groups:
    """The patient of each study."""
    named = table.assign(patient_id=as_text(table["patient_id"]))
    return pd.factorize(patients(named), sort=True)[0].astype(np.int64)
