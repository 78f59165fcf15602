"""Detectors: Beer–Lambert, exposure control, scatter that grows with the patient, and noise as Poisson says."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from bodies import BEDSIDE, IDEAL, STILL, person, slab, wedge
from two_hospitals.detector import GRID, PHOTONS, broad_blur, expose, scatter, scatter_to_primary
from two_hospitals.exact import Stream
from two_hospitals.projection import MU_SOFT, line_integrals

SHAPE = {"shape": (100, 100), "spacing_mm": 4.0}


def test_primary_radiation_follows_beer_and_lambert() -> None:
    signal = expose(IDEAL, slab(wedge()), STILL, Stream("noise"))
    np.testing.assert_allclose(signal.expected, signal.open_beam * np.exp(-MU_SOFT * wedge()), rtol=1e-12)


def test_the_exposure_control_gets_the_kerma_that_it_aims_at() -> None:
    """Photons of RQA5 on a pixel of 4 mm², of which 65 % count."""
    expected = PHOTONS * 2.5 * 4.0 * 0.65
    thick, thin = (expose(IDEAL, slab(mm), STILL, Stream("noise")) for mm in (150.0, 50.0))
    assert thick.expected[100, 60] == pytest.approx(expected)
    assert thin.expected[100, 60] == pytest.approx(expected)
    assert thick.open_beam / thin.open_beam == pytest.approx(math.exp(MU_SOFT * 100.0))
    double = expose(IDEAL, slab(150.0), replace(STILL, dose=2.0), Stream("noise"))
    np.testing.assert_allclose(double.expected, 2 * thick.expected)


@pytest.mark.parametrize("kerma", [0.0001, 0.01, 2.5])
def test_before_blur_the_variance_is_that_of_poisson_counts(kerma: float) -> None:
    signal = expose(replace(IDEAL, kerma_uGy=kerma), slab(100.0), STILL, Stream("noise", str(kerma)))
    mean = signal.expected[0, 0]
    assert signal.counts.mean() == pytest.approx(mean, abs=5 * math.sqrt(mean / 40_000))
    # The variance of 40,000 counts has a relative standard error of √(2/40,000), and somewhat more if they are few.
    assert signal.counts.var() / mean == pytest.approx(1.0, abs=5 * math.sqrt(2 / 40_000 + 1 / mean / 40_000))
    rows = signal.counts - mean
    assert abs((rows[:, 1:] * rows[:, :-1]).mean() / mean) < 5 / 200


@pytest.mark.parametrize("blur_mm", [1.6, 3.0])
def test_blur_correlates_the_noise_as_a_gaussian_does(blur_mm: float) -> None:
    """White noise behind a Gaussian of σ pixels: variance 1/(4πσ²), correlation exp(−d²/4σ²)."""
    sigma = blur_mm / 2.0
    made = [expose(replace(IDEAL, blur_mm=blur_mm), slab(100.0), STILL, Stream("noise", key)) for key in range(6)]
    noise = np.stack([(signal.counts - signal.expected)[8:-8, 8:-8] for signal in made])
    assert noise.var() / made[0].expected[0, 0] == pytest.approx(1 / (4 * math.pi * sigma**2), rel=0.06)
    for distance in (1, 2):
        along = (noise[:, :, distance:] * noise[:, :, :-distance]).mean() / noise.var()
        assert along == pytest.approx(math.exp(-(distance**2) / (4 * sigma**2)), abs=0.03)


def test_electronic_noise_is_added_after_the_blur() -> None:
    quiet, loud = (
        expose(replace(IDEAL, blur_mm=3.0, electronic_noise=sd), slab(100.0), STILL, Stream("noise"))
        for sd in (0.0, 500.0)
    )
    added = loud.counts - quiet.counts
    assert added.std() == pytest.approx(500.0, rel=0.02)
    assert abs((added[:, 1:] * added[:, :-1]).mean()) < 0.03 * 500.0**2


def test_scatter_grows_with_the_patient_and_a_grid_removes_most_of_it() -> None:
    detector = replace(IDEAL, scatter=0.09)
    one = person()
    ratios = []
    for fat in (0.0, 15.0, 30.0):
        broader = replace(one, fat=one.fat + fat)
        ratios.append(scatter_to_primary(detector, line_integrals(broader, BEDSIDE, (), **SHAPE), BEDSIDE))
    assert 0.8 < ratios[0] < ratios[1] < ratios[2] < 3.0
    standing = replace(BEDSIDE, portable=False)
    integrals = line_integrals(one, BEDSIDE, (), **SHAPE)
    assert scatter_to_primary(detector, integrals, standing) == pytest.approx(GRID * ratios[0])


def test_scatter_has_the_share_that_is_asked_for_and_lifts_what_is_dense() -> None:
    made = line_integrals(person(), BEDSIDE, (), **SHAPE)
    primary = np.exp(-made.attenuation())
    scattered = scatter(primary, ratio=1.4, spacing_mm=4.0)
    inside = primary < 0.999
    assert scattered[inside].sum() / primary[inside].sum() == pytest.approx(1.4)
    fraction = scattered / (scattered + primary)
    lung, mediastinum = fraction[40:50, 26:32].mean(), fraction[40:50, 49:51].mean()
    assert 0.4 < lung < 0.7
    assert 0.8 < mediastinum < 0.95


def test_the_open_beam_scatters_nothing() -> None:
    assert not scatter(np.ones((40, 40)), ratio=1.0, spacing_mm=4.0).any()


def test_a_broad_blur_keeps_what_is_even() -> None:
    np.testing.assert_allclose(broad_blur(np.full((80, 60), 3.0), 40.0, spacing_mm=1.4), 3.0)
    spot = np.zeros((200, 200))
    spot[100, 100] = 1.0
    assert broad_blur(spot, 20.0, spacing_mm=2.0).sum() == pytest.approx(1.0, rel=1e-3)


def test_noise_follows_the_stream_and_nothing_else() -> None:
    first, again, other = (expose(IDEAL, slab(100.0), STILL, Stream("noise", key)).counts for key in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).mean() > 10


def test_pixels_that_form_no_blocks_are_refused() -> None:
    with pytest.raises(ValueError, match="multiples of 4"):
        replace(IDEAL, border=(1, 0))
