"""The scanner: noise as counting statistics say, correlated within a slice, larger where more is absorbed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from two_hospitals.ct import COARSE_PIXELS, COARSE_SHARE, NOISE_HU, Protocol, correlated_noise, noise_sd, scan
from two_hospitals.exact import Stream
from two_hospitals.head import draw_head, image_head

PROTOCOL = Protocol(slices=28, pixels=96, pixel_mm=2.4, thickness_mm=5.0)


def water_phantom(diameter_mm: float) -> np.ndarray:
    place = (np.arange(96) - 47.5) * 2.4
    inside = place[:, None] ** 2 + place[None, :] ** 2 < (diameter_mm / 2) ** 2
    return np.repeat(np.where(inside, 0.0, -1000.0)[None], 4, axis=0)


def test_the_water_phantom_has_the_noise_that_is_declared() -> None:
    assert noise_sd(water_phantom(160), PROTOCOL)[1, 48, 48] == pytest.approx(NOISE_HU, rel=0.04)


@pytest.mark.parametrize("thickness", [1.25, 2.5, 10.0])
def test_noise_goes_with_the_root_of_the_thickness(thickness: float) -> None:
    thick = noise_sd(water_phantom(160), PROTOCOL)
    other = Protocol(slices=28, pixels=96, pixel_mm=2.4, thickness_mm=thickness)
    np.testing.assert_allclose(noise_sd(water_phantom(160), other), thick * np.sqrt(5.0 / thickness), rtol=1e-12)


def test_noise_grows_with_what_the_rays_cross() -> None:
    """exp(μ Δd / 2) for a thicker phantom."""
    ratio = noise_sd(water_phantom(200), PROTOCOL)[1, 48, 48] / noise_sd(water_phantom(160), PROTOCOL)[1, 48, 48]
    assert ratio == pytest.approx(np.exp(0.0193 * 40 / 2), rel=0.05)


def test_noise_grows_in_the_posterior_fossa() -> None:
    image = image_head(draw_head(Stream("noisy head"), sex="M", age=60), PROTOCOL.grid())
    sd = noise_sd(image.hu, PROTOCOL)
    inside = image.cavity > 0.99
    fossa, vault = sd[1:4][inside[1:4]].mean(), sd[16:24][inside[16:24]].mean()
    assert fossa > 1.2 * vault
    assert 2 < vault < 6


def test_noise_has_variance_one_and_its_correlation() -> None:
    """Against the autocorrelation of the difference of Gaussians itself; slices are independent."""
    noise = correlated_noise(Stream("noise"), (30, 96, 96))
    inner = noise[:, 8:-8, 8:-8]
    assert inner.var() == pytest.approx(1, abs=0.01)
    assert abs(inner.mean()) < 0.01
    impulse = np.zeros((1, 61, 61))
    impulse[0, 30, 30] = 1
    kernel = _band_pass(impulse)[0]
    for shift in (1, 2, 3, 5):
        expected = (kernel[:, shift:] * kernel[:, :-shift]).sum() / (kernel * kernel).sum()
        found = (inner[:, :, shift:] * inner[:, :, :-shift]).mean()
        assert found == pytest.approx(expected, abs=0.015)
    assert (inner[:, :, 3:] * inner[:, :, :-3]).mean() < -0.01
    assert abs((inner[1:] * inner[:-1]).mean()) < 0.015


def _band_pass(image: np.ndarray) -> np.ndarray:
    fine = gaussian_filter(image, (0, 0.55, 0.55), truncate=5.5)
    return fine - COARSE_SHARE * gaussian_filter(image, (0, COARSE_PIXELS, COARSE_PIXELS), truncate=4.4)


def test_low_frequencies_are_suppressed() -> None:
    """As filtered backprojection does: means over large regions vary less than white noise's would."""
    noise = correlated_noise(Stream("low"), (40, 96, 96))
    blocks = noise.reshape(40, 6, 16, 6, 16).mean(axis=(2, 4))
    assert blocks.std() < 0.65 / 16


def test_a_scan_has_twelve_bits() -> None:
    hu = np.array([[[-1000.0, 0.4, 5000.0, 39.6]]])
    assert scan(hu, np.array([[[-80.0, 0.0, 0.0, 0.0]]])).tolist() == [[[-1024, 0, 3071, 40]]]
    assert scan(hu, np.zeros(hu.shape)).dtype == np.int16
