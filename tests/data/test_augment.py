"""Laws of augmentation: a function of (seed, epoch, case) alone, that keeps a radiograph a radiograph."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import TypeCheckError
from scipy import ndimage

from medtransfer.core.config.data import AugmentConfig
from medtransfer.data.augment import augment

STRONG = AugmentConfig(rotation=45, scale=0.4, shift=0.4, brightness=0.9, contrast=0.9, flip=True)


def only(**settings: float) -> AugmentConfig:
    """Every magnitude 0, save those given."""
    nothing = {"rotation": 0, "scale": 0, "shift": 0, "brightness": 0, "contrast": 0}
    return AugmentConfig.model_validate(nothing | settings)


def pictures(n: int, *, channels: int = 1, rows: int = 24, columns: int = 24) -> torch.Tensor:
    return torch.rand((n, channels, rows, columns), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("shape", [(24, 24), (17, 30)])
def test_magnitudes_of_zero_change_nothing(channels: int, shape: tuple[int, int]) -> None:
    batch = pictures(3, channels=channels, rows=shape[0], columns=shape[1])
    again = augment(batch, only(), seed=1, epoch=2, cases=np.arange(3))
    assert again.shape == batch.shape
    assert again.dtype == batch.dtype
    assert torch.equal(again, batch)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(0, 10**4), st.lists(st.integers(0, 10**6), min_size=1, max_size=6))
def test_a_case_does_not_depend_on_its_batch(seed: int, epoch: int, cases: list[int]) -> None:
    batch = pictures(len(cases))
    together = augment(batch, STRONG, seed=seed, epoch=epoch, cases=np.array(cases))
    for i, case in enumerate(cases):
        alone = augment(batch[i : i + 1], STRONG, seed=seed, epoch=epoch, cases=np.array([case]))
        assert torch.allclose(alone[0], together[i], atol=1e-6, rtol=0)
    assert together.min() >= 0
    assert together.max() <= 1


def test_seed_epoch_and_case_each_matter_and_repeat() -> None:
    picture = pictures(1)

    def once(seed: int, epoch: int, case: int) -> torch.Tensor:
        return augment(picture, AugmentConfig(), seed=seed, epoch=epoch, cases=np.array([case]))

    start = once(5, 6, 7)
    assert torch.equal(once(5, 6, 7), start)
    for other in (once(4, 6, 7), once(5, 5, 7), once(5, 6, 6), once(6, 5, 7), once(5, 7, 6)):
        assert not torch.allclose(other, start, atol=1e-3)


def test_the_global_generator_is_left_alone() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    augment(pictures(2), STRONG, seed=0, epoch=0, cases=np.arange(2))
    assert torch.equal(torch.get_rng_state(), before)


def test_the_heart_stays_on_its_side_unless_flips_are_asked_for() -> None:
    left_bright = torch.zeros(64, 1, 32, 32)
    left_bright[..., :16] = 1
    kept = augment(left_bright, AugmentConfig(), seed=0, epoch=0, cases=np.arange(64))
    halves = kept.mean(dim=(1, 2))
    assert (halves[:, :16].mean(dim=1) > 0.5 + halves[:, 16:].mean(dim=1)).all()
    flipped = augment(left_bright, AugmentConfig(flip=True), seed=0, epoch=0, cases=np.arange(64))
    halves = flipped.mean(dim=(1, 2))
    mirrored = int((halves[:, :16].mean(dim=1) < halves[:, 16:].mean(dim=1)).sum())
    assert 16 <= mirrored <= 48  # binomial(64, 1/2) leaves this range with probability 3e-5


def test_a_flip_alone_is_the_mirror_image() -> None:
    batch = pictures(16)
    out = augment(batch, only(flip=True), seed=0, epoch=0, cases=np.arange(16))
    kept = [torch.allclose(out[i], batch[i], atol=1e-5) for i in range(16)]
    turned = [torch.allclose(out[i], batch[i].flip(-1), atol=1e-5) for i in range(16)]
    assert all(a != b for a, b in zip(kept, turned, strict=True))
    assert any(kept)
    assert any(turned)


def test_grey_values_follow_the_formula() -> None:
    levels = torch.full((200, 1, 8, 8), 0.25)
    brightness = augment(levels, only(brightness=0.2), seed=0, epoch=0, cases=np.arange(200))
    means = brightness.mean(dim=(1, 2, 3))
    assert torch.allclose(brightness.amax(dim=(1, 2, 3)), brightness.amin(dim=(1, 2, 3)))
    assert 0.05 <= means.min() < 0.08
    assert 0.42 < means.max() <= 0.45
    contrast = augment(levels, only(contrast=0.2), seed=0, epoch=0, cases=np.arange(200))
    means = contrast.mean(dim=(1, 2, 3))
    assert 0.2 - 1e-6 <= means.min() < 0.21  # (0.25 − ½)·1.2 + ½
    assert 0.29 < means.max() <= 0.3 + 1e-6


def test_shifts_stay_within_their_share_of_the_side_and_uncover_black() -> None:
    dot = torch.zeros(100, 1, 41, 41)
    dot[:, :, 20, 20] = 1
    moved = augment(dot, only(shift=0.1), seed=0, epoch=0, cases=np.arange(100))
    centres = np.array([ndimage.center_of_mass(picture[0].numpy()) for picture in moved]) - 20
    assert np.abs(centres).max() <= 4.1 + 1e-3
    assert np.abs(centres).max() > 3.5
    far = only(shift=0.4)
    full = augment(torch.ones(20, 1, 8, 8), far, seed=0, epoch=0, cases=np.arange(20))
    assert full.min() == 0


def test_rotations_and_zooms_stay_within_their_bounds() -> None:
    side = 65
    y, x = np.mgrid[:side, :side] - side // 2
    bar = torch.from_numpy(((np.abs(y) <= 2) & (np.abs(x) <= 24)).astype(np.float32))[None, None].repeat(80, 1, 1, 1)
    turned = augment(bar, only(rotation=20), seed=0, epoch=0, cases=np.arange(80))
    angles = []
    for picture in turned[:, 0].numpy():
        xx, yy, xy = (picture * x * x).sum(), (picture * y * y).sum(), (picture * x * y).sum()
        angles.append(math.degrees(0.5 * math.atan2(2 * xy, xx - yy)))
    assert max(map(abs, angles)) <= 20.5
    assert min(angles) < -15
    assert max(angles) > 15
    zoomed = augment(bar, only(scale=0.2), seed=0, epoch=0, cases=np.arange(80))
    lengths = zoomed[:, 0, side // 2].sum(dim=1) / bar[0, 0, side // 2].sum()
    assert 0.78 <= lengths.min() < 0.85
    assert 1.15 < lengths.max() <= 1.22


def test_shapes_are_checked() -> None:
    for batch, cases in ((pictures(2), np.arange(3)), (pictures(2), np.zeros(2)), (pictures(2)[0], np.arange(1))):
        with pytest.raises(TypeCheckError):
            augment(batch, AugmentConfig(), seed=0, epoch=0, cases=cases)
