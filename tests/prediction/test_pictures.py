from __future__ import annotations

import numpy as np
import pytest

from medtransfer.data.places import View
from medtransfer.data.preprocess import Prepared
from medtransfer.prediction.pictures import border, thumbnail, tiles


def scan(planes: np.ndarray) -> Prepared:
    return Prepared(planes=planes.astype(np.uint16), views=(View("", len(planes)),))


def test_a_picture_of_whole_tiles_is_their_means() -> None:
    grey = np.random.default_rng(0).integers(0, 65_536, (1, 1, 32, 32))
    found = tiles([scan(grey)])
    by_hand = grey[0, 0].reshape(8, 4, 8, 4).mean(axis=(1, 3)) / 65_535 * 255
    assert found == pytest.approx(by_hand, rel=1e-12)
    assert thumbnail([scan(grey)])[8:16] == np.rint(by_hand[1]).tolist()


@pytest.mark.parametrize("side", [3, 8, 12, 225])
def test_any_size_keeps_the_mean_and_the_range(side: int) -> None:
    grey = np.random.default_rng(1).integers(0, 65_536, (1, 1, side, side))
    found = tiles([scan(grey)])
    assert found.mean() == pytest.approx(grey.mean() / 65_535 * 255, rel=1e-12)
    assert found.min() >= 0
    assert found.max() <= 255
    assert tiles([scan(np.full((1, 1, side, side), 65_535))]) == pytest.approx(np.full((8, 8), 255.0))


def test_planes_and_rows_of_a_study_are_averaged_and_colour_becomes_grey() -> None:
    black, white = np.zeros((1, 1, 16, 16)), np.full((3, 1, 16, 16), 65_535)
    assert tiles([scan(black), scan(white)]) == pytest.approx(np.full((8, 8), 255 * 0.75))
    green = np.zeros((1, 3, 16, 16))
    green[:, 1] = 65_535
    assert tiles([scan(green)]) == pytest.approx(np.full((8, 8), 255 * 0.587), abs=0.01)


def test_the_border_runs_clockwise_from_the_top_left_corner() -> None:
    clockwise = [*range(8), *range(15, 64, 8), *range(62, 55, -1), *range(48, 0, -8)]
    assert border(range(64)) == clockwise
    assert len(clockwise) == len(set(clockwise)) == 28
