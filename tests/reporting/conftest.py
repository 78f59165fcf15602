from __future__ import annotations

import numpy as np
import pytest
from questions import ordered_classes, several_labels

from medtransfer.core.results import (
    CalibrationBin,
    Confusion,
    Curve,
    Estimate,
    Evaluation,
    Flow,
    OperatingPoint,
    Provenance,
)
from medtransfer.evaluation.evaluate import evaluate

POSITIVE, NEGATIVE = 32, 48
THRESHOLD = 0.42


def wilson(successes: int, n: int, name: str) -> Estimate:
    """The score interval, from its formula (Wilson 1927)."""
    z, p = 1.959963984540054, successes / n
    centre, spread = p + z * z / (2 * n), z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    low, high = (centre - spread) / scale, (centre + spread) / scale
    return Estimate(name=name, value=p, low=low, high=high, method="Wilson score interval", n=n)


def curves(truth: np.ndarray, score: np.ndarray) -> tuple[Curve, Curve]:
    """ROC and precision–recall points, from counts above each threshold."""
    order = np.argsort(-score, kind="stable")
    tp = np.concatenate([[0], np.cumsum(truth[order])])
    fp = np.concatenate([[0], np.cumsum(~truth[order])])
    roc = Curve(x=tuple((fp / fp[-1]).tolist()), y=tuple((tp / tp[-1]).tolist()))
    recall, precision = tp[1:] / tp[-1], tp[1:] / (tp[1:] + fp[1:])
    return roc, Curve(x=(0.0, *recall.tolist()), y=(1.0, *precision.tolist()))


def make_evaluation() -> Evaluation:
    """80 studies of 70 patients, scores from two beta distributions, counts that reconcile."""
    generator = np.random.default_rng(7)
    positive = generator.beta(4, 2, POSITIVE)
    negative = generator.beta(2, 5, NEGATIVE)
    score = np.concatenate([positive, negative])
    truth = np.arange(POSITIVE + NEGATIVE) < POSITIVE
    roc, precision_recall = curves(truth, score)
    tp, fp = int((positive >= THRESHOLD).sum()), int((negative >= THRESHOLD).sum())
    tn, fn = NEGATIVE - fp, POSITIVE - tp
    order = np.array_split(np.argsort(score), 8)
    bins = tuple(
        CalibrationBin(
            n=len(i),
            mean_probability=float(score[i].mean()),
            observed=wilson(int(truth[i].sum()), len(i), "observed fraction"),
        )
        for i in order
    )
    return Evaluation(
        title="Pneumonia on chest radiographs, hospital B",
        classes=("normal", "pneumonia"),
        positive="pneumonia",
        n_studies=80,
        n_patients=70,
        flow=Flow(
            inputs=97,
            excluded={"lateral view": 6, "not an image": 3},
            failed={"Truncated": 2, "UnknownCodec": 1},
            unlabelled=5,
            evaluated=80,
            per_class={"normal": NEGATIVE, "pneumonia": POSITIVE},
        ),
        estimates=(
            Estimate(
                name="auroc",
                value=0.912,
                low=0.8524,
                high=0.9507,
                method="DeLong, logit scale, clustered by patient (Obuchowski 1997)",
                n=80,
                of="pneumonia",
            ),
            Estimate(
                name="average_precision",
                value=0.881,
                low=0.802,
                high=0.936,
                method="bootstrap by patient, 2,000 resamples",
                n=80,
                of="pneumonia",
                note="prevalence 0.400",
            ),
            Estimate(name="brier", value=0.1234, low=0.098, high=0.151, method="bootstrap by patient", n=80),
            Estimate(name="log_loss", value=0.3937, low=0.322, high=0.4738, method="bootstrap by patient", n=80),
            Estimate(name="calibration_intercept", value=-0.2137, low=-0.613, high=0.186, method="logistic", n=80),
            Estimate(
                name="calibration_slope",
                value=None,
                method="logistic recalibration",
                n=80,
                note="the classes are separated perfectly",
            ),
        ),
        operating_point=OperatingPoint(
            rule="sensitivity",
            goal=0.9,
            threshold=THRESHOLD,
            positive="pneumonia",
            chosen_on="validation",
            sensitivity=wilson(28, 31, "sensitivity"),
            specificity=wilson(38, 44, "specificity"),
        ),
        confusion=Confusion(true_positive=tp, false_positive=fp, false_negative=fn, true_negative=tn),
        at_operating_point=(
            wilson(tp, POSITIVE, "sensitivity"),
            wilson(tn, NEGATIVE, "specificity"),
            wilson(tp, tp + fp, "ppv"),
            wilson(tn, tn + fn, "npv"),
        ),
        roc=roc,
        precision_recall=precision_recall,
        calibration=bins,
        scores={"normal": tuple(negative.tolist()), "pneumonia": tuple(positive.tolist())},
        warnings=("Only 32 studies are positive: intervals are wide.",),
        provenance=Provenance(
            bundle_sha256="3f" * 32,
            predictions_sha256="a7" * 32,
            medtransfer_version="0.1.0",
            packages={"numpy": "2.4.6", "torch": "2.13.0", "scikit-learn": "1.9.1"},
            seed=17,
        ),
    )


@pytest.fixture
def evaluation() -> Evaluation:
    return make_evaluation()


@pytest.fixture
def multi_class() -> Evaluation:
    """Three classes, none of them positive: no curves, no operating point."""
    binary = make_evaluation()
    classes = ("normal", "bacterial", "viral")
    macro = Estimate(name="macro AUROC", value=0.8312, low=0.771, high=0.883, method="bootstrap by patient", n=80)
    per_class = tuple(
        Estimate(name="auroc", value=0.80 + i / 50, low=0.7, high=0.9, method="DeLong", n=80, of=c)
        for i, c in enumerate(classes)
    )
    return binary.model_copy(
        update={
            "classes": classes,
            "positive": None,
            "flow": binary.flow.model_copy(update={"per_class": {"normal": 48, "bacterial": 20, "viral": 12}}),
            "estimates": (macro, *per_class),
            "operating_point": None,
            "confusion": None,
            "at_operating_point": (),
            "roc": None,
            "precision_recall": None,
            "calibration": (),
            "scores": {},
            "warnings": (),
        }
    )


@pytest.fixture(scope="module")
def multi_label() -> Evaluation:
    """Three labels at once, some of them unknown."""
    return evaluate(several_labels(), title="Three findings", replicates=100)


@pytest.fixture(scope="module")
def ordinal() -> Evaluation:
    """Four grades."""
    return evaluate(ordered_classes(), title="Severity", replicates=100)
