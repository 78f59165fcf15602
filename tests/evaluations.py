"""Predictions that say everything a cohort can say, and evaluations of them that several rooms look at.

Every evaluation is computed once a process: they are frozen, and looked at only.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from manifests import BUNDLE, CLASSES
from questions import ordered_classes, predictions_of, several_labels

from medtransfer.core.config.evaluation import EvaluationConfig
from medtransfer.core.evaluated.evaluation import Evaluation
from medtransfer.core.evaluated.spectrum import Distribution, Spectrum
from medtransfer.core.results import Estimate, OperatingPoint, Predictions
from medtransfer.evaluation.evaluate import Beside, evaluate
from medtransfer.evaluation.readers.truth import TruthTable, read_truth

EVALUATED, UNLABELLED = 160, 5
PATIENTS = 120
THRESHOLD = 0.42
INFECTIONS = ("normal", "bacterial", "viral")
QUICK = EvaluationConfig(replicates=100, seed=17)


def point() -> OperatingPoint:
    """As a bundle keeps it."""
    chosen = Estimate(name="sensitivity", value=0.903, low=0.751, high=0.967, method="Wilson", n=31)
    return OperatingPoint(
        rule="sensitivity",
        goal=0.9,
        threshold=THRESHOLD,
        positive="pneumonia",
        chosen_on="validation",
        sensitivity=chosen,
        specificity=chosen.model_copy(update={"name": "specificity", "value": 0.864, "n": 44}),
    )


def label_points(**thresholds: float) -> dict[str, OperatingPoint]:
    """As a bundle keeps them: label → its own."""
    return {
        name: point().model_copy(update={"positive": name, "threshold": threshold})
        for name, threshold in thresholds.items()
    }


def pneumonia() -> Predictions:
    """177 studies: 9 excluded, 3 failed, 5 without a truth, and 160 of 120 patients at two hospitals.

    The finding is rarer at the south, and of some patients both kinds of studies are there; a few ages are unknown.
    Study and patient ids begin with words that occur nowhere else.
    """
    generator = np.random.default_rng(7)
    n = EVALUATED + UNLABELLED
    patient = np.concatenate([np.arange(PATIENTS), generator.integers(0, PATIENTS, n - PATIENTS)])
    south = patient % 2 == 1
    ill = generator.random(PATIENTS)[patient] < np.where(south, 0.3, 0.5)
    ill ^= generator.random(n) < 0.05
    raw = 1 / (1 + np.exp(-(1.6 * ill - 0.9 + generator.normal(size=n))))
    calibrated = 1 / (1 + np.exp(-(1.1 * np.log(raw / (1 - raw)) - 0.2)))
    table = pd.DataFrame(
        {
            "patient_id": [f"PATIENT-{i:04}" for i in patient],
            "site": np.where(south, "south", "north"),
            "date": [f"2024-{1 + month:02}-15" for month in generator.integers(0, 6, n)],
            "split": "test",
            "truth": np.where(ill, "pneumonia", "normal"),
            "probability_normal": 1 - calibrated,
            "probability_pneumonia": calibrated,
            "uncalibrated_normal": 1 - raw,
            "uncalibrated_pneumonia": raw,
            "decision": np.where(calibrated >= THRESHOLD, "pneumonia", "not pneumonia"),
            "flags": "",
            "status": "read",
            "error": "",
            "attribute_sex": np.where(np.sin(7.0 * patient) > 0, "F", "M"),
            "attribute_age": [str(20 + (13 * i) % 70) if i % 17 else "" for i in patient],
            "attribute_manufacturer": np.array(["Acme", "Bolt", "Coil"])[patient % 3],
        }
    )
    table.loc[EVALUATED:, "truth"] = ""
    reasons = [("excluded", "LateralView: of two views")] * 6 + [("excluded", "NotAnImage: structured report")] * 3
    reasons += [("failed", "Truncated: 512 bytes are missing")] * 2 + [("failed", "UnknownCodec: 1.2.840")]
    unread = table.iloc[: len(reasons)].assign(
        patient_id=[f"PATIENT-9{i:03}" for i in range(len(reasons))],
        decision="",
        status=[status for status, _ in reasons],
        error=[error for _, error in reasons],
        **dict.fromkeys([f"{kind}_{name}" for kind in ("probability", "uncalibrated") for name in CLASSES], np.nan),
    )
    table = pd.concat([table, unread], ignore_index=True)
    table = table.assign(study_id=[f"STUDY-{i:04}" for i in generator.permutation(len(table))], bundle_sha256=BUNDLE)
    ages = Distribution(missing=2, quantiles=(22.0, 35.0, 50.0, 66.0, 84.0), mean=51.0, standard_deviation=18.0)
    return Predictions(
        table=table,
        classes=CLASSES,
        positive="pneumonia",
        operating_point=point(),
        bundle_sha256=BUNDLE,
        priors={"normal": 0.6, "pneumonia": 0.4},
        spectrum=Spectrum(
            n_studies=70,
            n_patients=61,
            attributes={"sex": Distribution(missing=0, counts={"F": 40, "M": 30}), "age": ages},
        ),
    )


def infections(cases: int = 150) -> Predictions:
    """Three classes, none of them positive; two studies a patient."""
    generator = np.random.default_rng(5)
    truth = generator.integers(0, 3, size=cases)
    logits = generator.normal(size=(cases, 3)) + 1.5 * np.eye(3)[truth]
    probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    cells = [INFECTIONS[k] for k in truth]
    found = predictions_of(cells, probability, INFECTIONS, "multiclass", patients=np.arange(cases) // 2)
    return replace(found, priors=dict(zip(INFECTIONS, (0.4, 0.35, 0.25), strict=True)))


def readings() -> pd.DataFrame:
    """What three readers said of `pneumonia()`: the third errs more often, each leaves some out, some cannot say."""
    generator = np.random.default_rng(3)
    table = pneumonia().table
    rows = []
    for study, truth in zip(table["study_id"], table["truth"], strict=True):
        other = "normal" if truth == "pneumonia" else "pneumonia"
        for reader, error in (("anna", 0.05), ("bo", 0.05), ("cy", 0.3)):
            said = other if generator.random() < error else truth or "normal"
            said = "uncertain" if generator.random() < 0.05 else said
            rows.append((study, reader, "" if generator.random() < 0.05 else said))
    return pd.DataFrame(rows, columns=["study_id", "reader", "truth"])


def by_three() -> TruthTable:
    """`readings()` as a truth table."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "truth.csv"
        readings().to_csv(path, index=False)
        return read_truth(path, CLASSES, "multiclass")


@cache
def of_pneumonia() -> Evaluation:
    """By sex, as planned, and by age and site."""
    asked = QUICK.model_copy(update={"by": ("age", "site"), "prespecified": ("sex",)})
    return evaluate(pneumonia(), title="Pneumonia on chest radiographs, hospital B", config=asked)


@cache
def of_infections() -> Evaluation:
    """No curves of a positive class, no operating point."""
    return evaluate(infections(), title="Infections", config=QUICK)


@cache
def of_labels() -> Evaluation:
    """Three labels at once, some of them unknown; the last has no operating point."""
    predictions = replace(several_labels(), operating_points=label_points(pneumonia=0.45, effusion=0.4))
    return evaluate(predictions, title="Three findings", config=QUICK)


@cache
def of_grades() -> Evaluation:
    """Four grades."""
    return evaluate(ordered_classes(), title="Severity", config=QUICK)


@cache
def of_readers() -> Evaluation:
    """The truth is what most of three readers say."""
    return evaluate(pneumonia(), title="Read by three", config=QUICK, beside=Beside(truth=by_three()))


@cache
def of_one() -> Evaluation:
    """A single study: nothing about it can be estimated but itself."""
    predictions = pneumonia()
    return evaluate(replace(predictions, table=predictions.table.head(1)), title="One study", config=QUICK)


@cache
def of_patients() -> Evaluation:
    """The studies of `of_pneumonia`, patient by patient."""
    return evaluate(pneumonia(), title="Patients", config=QUICK.model_copy(update={"level": "patient"}))


quickly = partial(evaluate, config=QUICK)


def asked(predictions: Predictions, **settings: object) -> Evaluation:
    """Evaluated with few replicates and such settings."""
    return evaluate(predictions, config=EvaluationConfig.model_validate(QUICK.model_dump() | settings))


def at_point(evaluation: Evaluation, name: str) -> Estimate:
    """A figure at the operating point, on the studies that were evaluated."""
    assert evaluation.operating is not None
    return evaluation.operating.estimate(name)
