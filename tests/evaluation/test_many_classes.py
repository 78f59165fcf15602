"""Several classes and labels: scikit-learn's averages, every finding with its curves, and what is missing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from questions import GRADES, LABELS, ends, label_truths, ordered_classes, several_labels
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.preprocessing import label_binarize

from medtransfer.evaluation.averages import AVERAGES, Answers, averages
from medtransfer.evaluation.cases import Cases, measured_cases
from medtransfer.evaluation.intervals import class_strata
from medtransfer.evaluation.many_classes import class_discriminations, many_class_estimates
from medtransfer.evaluation.many_labels import label_discriminations, many_label_estimates
from medtransfer.evaluation.resampling import resampled

DRAWS: dict[str, Any] = {"seed": 3, "replicates": 150}


@pytest.fixture(scope="module")
def grades() -> Cases:
    return measured_cases(ordered_classes(120, seed=0))


@pytest.fixture(scope="module")
def labels() -> Cases:
    return measured_cases(several_labels(160, seed=0))


def test_averages_are_those_of_scikit_learn(grades: Cases) -> None:
    found = class_discriminations(grades, GRADES, **DRAWS)
    truth = np.asarray(label_binarize(grades.truth, classes=range(len(GRADES))))
    expected = [
        figure(truth, grades.probability, average=average)
        for figure in (roc_auc_score, average_precision_score)
        for average in ("macro", "micro")
    ]
    assert tuple(one.name for one in found.estimates) == AVERAGES
    for name, value in zip(AVERAGES, expected, strict=True):
        low, own, high = ends(found.estimate(name))
        assert own == pytest.approx(value, abs=1e-12)
        assert low < own < high


def test_averages_of_labels_look_where_they_are_known() -> None:
    truth, probability = label_truths(160, seed=0)
    found = label_discriminations(measured_cases(several_labels(160, seed=0)), LABELS, **DRAWS)
    known = ~np.isnan(truth)
    each = [(truth[known[:, k], k], probability[known[:, k], k]) for k in range(len(LABELS))]
    for figure, name in ((roc_auc_score, "AUROC"), (average_precision_score, "average precision")):
        macro, micro = found.estimate(f"macro {name}"), found.estimate(f"micro {name}")
        assert macro.value == pytest.approx(np.mean([figure(y, p) for y, p in each]), abs=1e-12)
        assert micro.value == pytest.approx(figure(truth[known], probability[known]), abs=1e-12)
    assert [(one.of, one.rest, one.n) for one in found.each] == [
        (name, f"no {name}", int(known[:, k].sum())) for k, name in enumerate(LABELS)
    ]


def test_every_class_has_its_curves(grades: Cases) -> None:
    found = class_discriminations(grades, GRADES, **DRAWS)
    for k, one in enumerate(found.each):
        truth, p = grades.truth == k, grades.probability[:, k]
        assert (one.of, one.rest, one.events) == (GRADES[k], f"not {GRADES[k]}", truth.sum())
        assert one.roc is not None
        assert one.precision_recall is not None
        assert np.trapezoid(one.roc.y, one.roc.x) == pytest.approx(roc_auc_score(truth, p), abs=1e-12)
        area = np.sum(np.diff(one.precision_recall.x, prepend=0) * np.array(one.precision_recall.y))
        assert area == pytest.approx(average_precision_score(truth, p), abs=1e-12)
        assert one.roc.low != ()
        assert one.precision_recall.low != ()


def test_what_was_found_need_not_be_found_again(grades: Cases, labels: Cases, monkeypatch: pytest.MonkeyPatch) -> None:
    of_classes, of_labels = (
        class_discriminations(grades, GRADES, **DRAWS),
        label_discriminations(labels, LABELS, **DRAWS),
    )
    alone = many_class_estimates(grades, GRADES, **DRAWS), many_label_estimates(labels, LABELS, **DRAWS)
    for room in ("averages", "discrimination"):
        monkeypatch.setattr(f"medtransfer.evaluation.{room}.resampled", lambda *_, **__: pytest.fail("drawn again"))
    assert many_class_estimates(grades, GRADES, found=of_classes, **DRAWS) == alone[0]
    assert many_label_estimates(labels, LABELS, found=of_labels, **DRAWS) == alone[1]


def test_weights_count_as_repeated_studies() -> None:
    """A replicate's averages are those of a table in which each study stands as often as it weighs."""
    generator = np.random.default_rng(1)
    truth, p = generator.random((60, 3)) < (0.5, 0.3, 0.4), generator.integers(0, 15, (60, 3)) / 15
    findings = [Answers(truth=truth[:, k], probability=p[:, k], rows=np.arange(60)) for k in range(3)]
    groups = np.arange(60) // 2
    weights = resampled({"": lambda w: w.copy()}, groups, seed=5, replicates=100)[""]
    drawn = averages(findings, groups, strata=np.zeros(60, dtype=np.int64), seed=5, replicates=100)
    repeated = [np.repeat(np.arange(60), row.astype(int)) for row in weights]
    for name, average in (("macro average precision", "macro"), ("micro average precision", "micro")):
        values = [average_precision_score(truth[rows], p[rows], average=average) for rows in repeated]
        found = next(one for one in drawn if one.name == name)
        assert (found.low, found.high) == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])), abs=1e-12)


def test_an_absent_class_leaves_the_others(grades: Cases) -> None:
    kept = grades.truth != 2
    some = Cases(
        truth=grades.truth[kept],
        probability=grades.probability[kept],
        groups=grades.groups[kept],
        table=grades.table[kept],
    )
    found = class_discriminations(some, GRADES, **DRAWS)
    assert {one.note for one in found.estimates} == {f"no study of class {GRADES[2]}"}
    assert {one.value for one in found.estimates} == {None}
    assert found.each[2].estimate("AUROC").value is None
    assert found.each[1].estimate("AUROC").low is not None


def test_a_label_known_of_nobody(labels: Cases) -> None:
    forgotten = replace(labels, truth=labels.truth.copy())
    forgotten.truth[:, 1] = np.nan
    found = label_discriminations(forgotten, LABELS, **DRAWS)
    assert (found.each[1].n, found.each[1].roc) == (0, None)
    assert {one.note for one in found.each[1].estimates} == {"no study"}
    assert found.estimates[0].note == f"mean over 2 of 3 labels: fewer than 2 patients with or without {LABELS[1]}"


def test_strata_say_which_classes_a_patient_has() -> None:
    generator = np.random.default_rng(0)
    groups, truth = generator.integers(0, 25, 80), generator.integers(0, 5, 80)
    strata = class_strata(truth, groups)
    table = pd.DataFrame({"groups": groups, "truth": truth, "strata": strata})
    sets = table.groupby("groups").agg(truth=("truth", frozenset), strata=("strata", set))
    assert (sets["strata"].map(len) == 1).all()
    pairs = {(have, *code) for have, code in zip(sets["truth"], sets["strata"], strict=True)}
    assert len(pairs) == sets["truth"].nunique() == len(set(strata))
