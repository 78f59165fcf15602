"""The observer finds what theory says it finds, and nothing where there is nothing."""

from __future__ import annotations

from statistics import NormalDist
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from two_hospitals import observer
from two_hospitals.exact import blur
from two_hospitals.observer import WIDTHS_MM, Looks, auroc, channels, template


def looks(values: np.ndarray, ill: np.ndarray) -> Looks:
    return Looks(values=values, ill=ill, studies=tuple(map(str, range(len(ill)))))


def drawn(distance: float, *, studies: int, seed: int) -> Looks:
    """Correlated channels whose means lie `distance` apart in units of their covariance."""
    rng = np.random.default_rng(seed)
    root = np.array([[2.0, 0.0, 0.0], [1.5, 0.5, 0.0], [-0.7, 0.3, 1.1]])
    ill = np.arange(studies) % 2 == 0
    along = np.array([0.6, 0.0, 0.8])
    return looks((rng.standard_normal((studies, 3)) + distance * ill[:, None] * along) @ root.T, ill)


@pytest.mark.parametrize("distance", [0.0, 1.0, 2.5])
def test_auroc_is_that_of_the_ideal_observer(distance: float) -> None:
    """For normal classes of one covariance AUROC = Φ(d'/√2). Reference: Barrett and Myers 2004, ch. 13."""
    found = auroc(drawn(distance, studies=8000, seed=2), template(drawn(distance, studies=8000, seed=1)))
    assert found == pytest.approx(NormalDist().cdf(distance / 2**0.5), abs=0.03)


def test_auroc_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    ill, values = rng.random(300) < 0.3, rng.integers(0, 20, (300, 1)).astype(float)
    assert auroc(looks(values, ill), np.ones(1)) == pytest.approx(roc_auc_score(ill, values[:, 0]))


def test_the_template_does_not_mind_how_channels_are_mixed() -> None:
    """t is invariant under any invertible map of the channels."""
    known, test = drawn(1.0, studies=400, seed=1), drawn(1.0, studies=400, seed=2)
    mix = np.array([[1.0, 2.0, 0.0], [0.0, -3.0, 0.5], [0.2, 0.0, 1.0]])
    direct = test.values @ template(known)
    mixed = (test.values @ mix) @ template(looks(known.values @ mix, known.ill))
    np.testing.assert_allclose(mixed, direct, rtol=1e-9)


def test_a_class_of_one_has_no_covariance() -> None:
    with pytest.raises(ValueError, match="1 ill and 3 well"):
        template(looks(np.zeros((4, 2)), np.array([True, False, False, False])))


def test_channels_ignore_a_constant_and_answer_to_size_and_place() -> None:
    assert np.abs(channels(np.full((128, 128), 3.0), 1.5, row=60, column=60)).max() < 1e-12
    point = np.zeros((128, 128))
    point[60, 70] = 1.0
    for width in (3.0, 12.0):
        spot = blur(point, width / 1.5)
        here, there = (channels(spot, 1.5, row=60, column=column) for column in (70, 110))
        assert np.abs(here).max() > 5 * np.abs(there).max()
        assert WIDTHS_MM[int(np.argmax(here))] == pytest.approx(width, rel=0.7)


def test_pictures_are_read_alike_whatever_their_polarity(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    stored = rng.integers(1, 1000, (40, 50)).astype(np.uint16)
    stored[:4] = 0

    def reader(inverted: bool) -> SimpleNamespace:
        return SimpleNamespace(
            pixel_array=np.where(stored == 0, 0, 1000 - stored) if inverted else stored,
            PhotometricInterpretation="MONOCHROME1" if inverted else "MONOCHROME2",
            ImagerPixelSpacing=[1.5, 1.5],
            get=lambda name, default: 0 if name == "PixelPaddingValue" else default,
        )

    seen = []
    for inverted in (False, True):
        monkeypatch.setattr(observer.pydicom, "dcmread", lambda _, inverted=inverted: reader(inverted))
        picture, spacing = observer._picture(None)  # type: ignore[arg-type]
        seen.append(picture)
        assert spacing == 1.5
        assert (picture[:4] == 0).all()
    np.testing.assert_allclose(seen[0], seen[1], atol=1e-12)
