"""The peer: features of the frozen network, and a logistic regression on them.

Features are computed once for a cohort and kept, without augmentation, in evaluation mode. The ridge penalty is
chosen by log-loss in cross-validation within the labelled studies that the cell has, grouped by patient; features are
standardised inside the folds.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import medtransfer as mt
from benchmarks.transfer.cells import Cell
from benchmarks.transfer.cohorts import POSITIVE, Tables
from benchmarks.transfer.fitting import Said
from benchmarks.transfer.methods import BACKBONES
from benchmarks.transfer.results import log_odds_of
from medtransfer.core.config.data import PreprocessConfig
from medtransfer.core.config.models import ModelConfig
from medtransfer.core.files import written_whole
from medtransfer.data.cache import prepare_cohort
from medtransfer.data.cohort import patients
from medtransfer.data.dataset import StudySet
from medtransfer.models.assemble import new_classifier
from medtransfer.models.classifier import Question
from medtransfer.models.features import frozen_features

STRENGTHS = tuple(10.0 ** (k / 2) for k in range(-12, 5))
"""C, the inverse of the ridge penalty: 1e-6 to 1e2."""
FOLDS = 5


@dataclass(frozen=True, kw_only=True)
class Frozen:
    """Where features come from and are kept.

    Attributes:
        weights: Folder of the weight files.
        folder: Of the features.
        cache: Of prepared pictures.
    """

    weights: Path
    folder: Path
    cache: Path


class Features(NamedTuple):
    """Of every study of a cohort, in its order, and what one took."""

    rows: Float32[np.ndarray, "case feature"]
    seconds: float


def classify(tables: Tables, frozen: Frozen, cell: Cell, table: Path) -> tuple[Said, str]:
    """The cell's answers, and the C that was chosen; its seconds count the encoding of its training studies."""
    features = features_of(tables.locked(cell.cohort), cell.cohort, cell.backbone, frozen)
    started = time.monotonic()
    row_of = {study: row for row, study in enumerate(tables.locked(cell.cohort).studies()["study_id"])}
    cohort = mt.read_cohort(table, positive=POSITIVE[cell.cohort])
    train, test = cohort.split("train").studies(), cohort.split("test").studies()
    truth = {name: (part["label"] == cohort.positive).to_numpy() for name, part in (("train", train), ("test", test))}
    strength, log_odds = regress(
        features.rows[[row_of[study] for study in train["study_id"]]],
        truth["train"],
        patients(train).factorize(sort=True)[0],
        features.rows[[row_of[study] for study in test["study_id"]]],
        seed=cell.seed,
    )
    said = Said(
        studies=tuple(test["study_id"]),
        truth=truth["test"],
        log_odds=log_odds_of(expit(log_odds)),
        steps=0,
        train_studies=len(train),
        seconds=time.monotonic() - started + features.seconds * len(train),
    )
    return said, f"C={strength:.3g}"


def features_of(cohort: mt.Cohort, name: str, backbone: str, frozen: Frozen) -> Features:
    """Computed, or read where they were kept; of cohorts with one picture a study."""
    place = frozen.folder / f"{name}-{backbone}-{cohort.sha256[:8]}.npz"
    if not place.exists():
        started = time.monotonic()
        rows = _encoded(cohort, backbone, frozen)
        seconds = (time.monotonic() - started) / len(rows)
        with written_whole(place) as temporary, temporary.open("wb") as file:
            np.savez(file, rows=rows, seconds=seconds)
    with np.load(place) as kept:
        return Features(kept["rows"], float(kept["seconds"]))


def regress(
    train: np.ndarray, truth: np.ndarray, owners: np.ndarray, test: np.ndarray, *, seed: int
) -> tuple[float, np.ndarray]:
    """Choose C by patient-grouped cross-validation, fit on all training cases, and judge the test cases.

    Args:
        train: Features, `case feature`.
        truth: Of the training cases.
        owners: The patient of each training case.
        test: Features.
        seed: Of the folds.

    Returns:
        C, and the log-odds of the test cases.
    """
    train, test = (rows.astype(np.float64) for rows in (train, test))  # in 32 bits the solver's line search gives up
    rarest = min(len(np.unique(owners[truth == answer])) for answer in (False, True))
    search = GridSearchCV(
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=10_000)),
        {"logisticregression__C": list(STRENGTHS)},
        scoring="neg_log_loss",
        cv=StratifiedGroupKFold(min(FOLDS, rarest), shuffle=True, random_state=seed),
    )
    search.fit(train, truth, groups=owners)
    return float(search.best_params_["logisticregression__C"]), search.decision_function(test)


def _encoded(cohort: mt.Cohort, backbone: str, frozen: Frozen) -> np.ndarray:
    config = ModelConfig(backbone=backbone, weights=str(frozen.weights / f"{backbone}_imagenet.pth"))
    model = new_classifier(config, question=Question("multiclass", 2), seed=0)
    prepared = prepare_cohort(cohort, preprocess=PreprocessConfig(size=BACKBONES[backbone].size), folder=frozen.cache)
    table = prepared.table
    if not len(table) == len(cohort) == len(cohort.studies()):
        msg = f"{len(table)} of {len(cohort)} pictures of {len(cohort.studies())} studies could be read"
        raise ValueError(msg)
    studies = StudySet(
        arrays=prepared.arrays,
        rows=tuple((row,) for row in range(len(table))),
        labels=np.zeros(len(table), dtype=np.int64),
        patients=patients(table).factorize(sort=True)[0].astype(np.int64),
        names=tuple(table["path"]),
    )
    return frozen_features(model, studies)
