"""Probabilities sum to one, decisions follow the threshold, images are pooled by their logits."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from evaluations import label_points
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from medtransfer.core.errors import PredictionsError
from medtransfer.data.places import View
from medtransfer.data.preprocess import Prepared
from medtransfer.models.bundle import Calibrator
from medtransfer.prediction.predict import SEVERAL_IMAGES, predict_studies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from medtransfer.core.results import OperatingPoint
    from medtransfer.models.bundle import Bundle
    from medtransfer.prediction.types import Runtime, StudyScans

PICTURE = Prepared(planes=np.zeros((1, 1, 4, 4), dtype=np.uint16), views=(View("", 1),))


def _saying(logits: np.ndarray) -> Runtime:
    """A network that answers with these logits, whatever it sees."""

    def run(studies: Sequence[StudyScans]) -> np.ndarray:
        assert len(studies) == len(logits)
        return logits.astype(np.float32)

    return run


def _probabilities(row: dict[str, object]) -> np.ndarray:
    return np.array([row["probability_normal"], row["probability_pneumonia"]], dtype=np.float64)


def _with_threshold(bundle: Bundle, threshold: float | None) -> Bundle:
    point = bundle.manifest.operating_point
    assert point is not None
    changed = None if threshold is None else point.model_copy(update={"threshold": threshold})
    manifest = bundle.manifest.model_copy(update={"operating_point": changed})
    return type(bundle)(folder=bundle.folder, manifest=manifest, sha256=bundle.sha256)


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    logits=arrays(
        np.float32, st.tuples(st.integers(1, 6), st.just(2)), elements=st.floats(-(2.0**66), 2.0**66, width=32)
    )
)
def test_rows_sum_to_one(bundle: Bundle, logits: np.ndarray) -> None:
    for row in predict_studies(_saying(logits), bundle, [[PICTURE]] * len(logits)):
        p = _probabilities(row)
        assert abs(p.sum() - 1) <= 1e-12
        assert (p >= 0).all()


def test_a_study_of_several_images_says_so(bundle: Bundle) -> None:
    logits = np.array([[0.0, 2.0], [1.0, -1.0]])
    one, three = predict_studies(_saying(logits), bundle, [[PICTURE], [PICTURE] * 3])
    np.testing.assert_allclose(_probabilities(one), np.exp(logits[0]) / np.exp(logits[0]).sum(), rtol=1e-7)
    np.testing.assert_allclose(_probabilities(three), np.exp(logits[1]) / np.exp(logits[1]).sum(), rtol=1e-7)
    assert (one["flags"], three["flags"]) == ("", SEVERAL_IMAGES)


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 1.0])
def test_a_study_at_or_above_the_threshold_is_positive(bundle: Bundle, threshold: float) -> None:
    logits = np.array([[0.0, x] for x in np.linspace(-5, 5, 21)])
    rows = predict_studies(_saying(logits), _with_threshold(bundle, threshold), [[PICTURE]] * 21)
    for row in rows:
        expected = "pneumonia" if row["probability_pneumonia"] >= threshold else "not pneumonia"
        assert row["decision"] == expected


def test_exactly_at_the_threshold_is_positive(bundle: Bundle) -> None:
    run = _saying(np.array([[0.3, 0.7]]))
    (row,) = predict_studies(run, bundle, [[PICTURE]])
    p = row["probability_pneumonia"]
    (at,) = predict_studies(run, _with_threshold(bundle, p), [[PICTURE]])
    (above,) = predict_studies(run, _with_threshold(bundle, float(np.nextafter(p, 1))), [[PICTURE]])
    assert (at["decision"], above["decision"]) == ("pneumonia", "not pneumonia")


def test_without_an_operating_point_nothing_is_decided(bundle: Bundle) -> None:
    (row,) = predict_studies(_saying(np.array([[0.0, 9.0]])), _with_threshold(bundle, None), [[PICTURE]])
    assert row["decision"] == ""


def test_of_several_labels_each_is_decided_at_its_own_threshold(bundle: Bundle) -> None:
    logits = np.array([[x, y] for x in (-2.0, 0.0, 2.0) for y in (-2.0, 0.0, 2.0)])
    points = label_points(pneumonia=0.5, effusion=0.8)
    asked = {"task": "multilabel", "classes": ("effusion", "pneumonia"), "positive": None, "operating_point": None}

    def decisions(points: dict[str, OperatingPoint]) -> list[str]:
        manifest = bundle.manifest.model_copy(update=asked | {"operating_points": points})
        rows = predict_studies(_saying(logits), replace(bundle, manifest=manifest), [[PICTURE]] * 9)
        return [row["decision"] for row in rows]

    expected = [f"pneumonia={int(y >= 0)};effusion={int(x > 1)}" for x, y in logits]
    assert decisions(points) == expected
    assert decisions({"effusion": points["effusion"]}) == [cell.partition(";")[2] for cell in expected]
    assert decisions({}) == [""] * 9


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_answer_that_is_no_number_is_never_taken_for_negative(bundle: Bundle, value: float) -> None:
    with pytest.raises(PredictionsError) as caught:
        predict_studies(_saying(np.array([[0.0, 1.0], [0.0, value]])), bundle, [[PICTURE], [PICTURE]])
    assert caught.value.code == "NotFinite"


@pytest.mark.parametrize("threshold", [0.4, 0.8])
def test_a_bundle_that_recalibrates_decides_by_recalibrated_probabilities(bundle: Bundle, threshold: float) -> None:
    logits = np.array([[0.0, x] for x in np.linspace(-5, 5, 11)])
    calibrator = Calibrator(name="temperature", parameters={"temperature": (4.0,)}, fitted_on="calibration", studies=40)
    decided = _with_threshold(bundle, threshold)
    locked = replace(decided, manifest=decided.manifest.model_copy(update={"calibrator": calibrator}))
    plain = predict_studies(_saying(logits), bundle, [[PICTURE]] * 11)
    rows = predict_studies(_saying(logits), locked, [[PICTURE]] * 11)
    for row, before, logit in zip(rows, plain, logits[:, 1], strict=True):
        for name in ("normal", "pneumonia"):
            assert row[f"uncalibrated_{name}"] == before[f"probability_{name}"]
        assert row["probability_pneumonia"] == pytest.approx(1 / (1 + np.exp(-logit / 4)), rel=1e-12)
        assert (row["decision"] == "pneumonia") == (row["probability_pneumonia"] >= threshold)
    assert not any(key.startswith("uncalibrated_") for key in plain[0])


def test_no_study_needs_no_network(bundle: Bundle) -> None:
    def run(studies: Sequence[StudyScans]) -> np.ndarray:
        pytest.fail(f"asked about {len(studies)} studies")

    assert predict_studies(run, bundle, []) == []


def test_no_torch_is_needed() -> None:
    program = "import sys, medtransfer.prediction.predict; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
