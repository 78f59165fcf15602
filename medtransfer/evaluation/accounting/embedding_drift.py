"""How far the embeddings of a cohort are from those of a reference: pictures can move where tables do not."""

from __future__ import annotations

from typing import Final

import numpy as np

from medtransfer.core.evaluated.drift import EmbeddingDrift
from medtransfer.core.results import Predictions
from medtransfer.core.types import Groups
from medtransfer.evaluation.accounting.energy import energy
from medtransfer.evaluation.accounting.permutation import PERMUTATIONS, Pooled
from medtransfer.evaluation.accounting.rows import groups_of, of_some_patients, read_rows
from medtransfer.evaluation.accounting.stored import Stored, stored

MOST_PATIENTS: Final = 2000
"""Patients compared at most, half of each cohort where both have so many."""

FEWEST_PATIENTS: Final = 10
"""Of either cohort; with fewer there is no band worth the name."""

_EMBEDDING: Final = "embedding"


def embedding_drift(
    predictions: Predictions, reference: Predictions | None, *, seed: int = 0, permutations: int = PERMUTATIONS
) -> EmbeddingDrift:
    """The energy coefficient between the embeddings of both, with the band that chance gives.

    Args:
        predictions: With stored embeddings.
        reference: By the same bundle, with stored embeddings: of the validation split, or of an earlier month.
        seed: Of what is drawn where there are many patients, and of the permutations.
        permutations: How many.

    Raises:
        PredictionsError: The tables or features cannot be used (`cases.checked_table`, `stored`).
    """
    if reference is None:
        return EmbeddingDrift(value=None, note="there are no reference predictions to compare with")
    if reference.bundle_sha256 != predictions.bundle_sha256:
        return EmbeddingDrift(value=None, note="the reference was predicted by another bundle")
    generator = np.random.default_rng(seed)
    here, there = _embeddings(predictions), _embeddings(reference)
    without = here[2], there[2]
    if not (len(here[0]) and len(there[0])):
        return EmbeddingDrift(value=None, without=without, note="no embeddings were stored: predict with --store")
    patients = np.unique(here[1]).size, np.unique(there[1]).size
    room = _room(*patients)
    kept = [of_some_patients(part[1], n, generator) for part, n in zip((here, there), room, strict=True)]
    (x, of_x), (y, of_y) = ((part[0][some], part[1][some]) for part, some in zip((here, there), kept, strict=True))
    compared = np.unique(of_x).size, np.unique(of_y).size
    if min(compared) < FEWEST_PATIENTS:
        note = f"fewer than {FEWEST_PATIENTS} patients in one of the two"
        return EmbeddingDrift(value=None, studies=(len(x), len(y)), patients=compared, without=without, note=note)
    if x.shape[1] != y.shape[1]:
        return EmbeddingDrift(value=None, without=without, note=f"{x.shape[1]} features here, {y.shape[1]} there")
    found = energy(np.concatenate([x, y]), Pooled.of(of_x, of_y), seed=seed, permutations=permutations)
    note = f"drawn from {patients[0]:,} and {patients[1]:,} patients" if compared != patients else ""
    return EmbeddingDrift(
        value=found.value,
        null_median=found.null_median,
        null_high=found.null_high,
        permutations=permutations,
        studies=(len(x), len(y)),
        patients=compared,
        without=without,
        note=note,
    )


def _embeddings(predictions: Predictions) -> tuple[Stored, Groups, int]:
    """Embeddings, whose they are, and how many studies have none."""
    rows = read_rows(predictions)
    found, has = stored(predictions, _EMBEDDING, rows)
    return found, groups_of(rows)[has], int(np.sum(~has))


def _room(first: int, second: int) -> tuple[int, int]:
    """How many patients of each are compared: what the smaller leaves free, the larger may take."""
    half = MOST_PATIENTS // 2
    return min(first, max(half, MOST_PATIENTS - second)), min(second, max(half, MOST_PATIENTS - first))
