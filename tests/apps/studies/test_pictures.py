"""Plain pictures."""

from __future__ import annotations

import numpy as np

from apps.studies.pictures import windowed


def test_a_window_is_linear_between_its_ends() -> None:
    picture = np.linspace(0, 1, 11, dtype=np.float32)[np.newaxis]
    assert windowed(picture, 0, 1).tolist() == [[round(255 * i / 10) for i in range(11)]]
    assert windowed(picture, 0.2, 0.4)[0, [0, 2, 3, 4, 10]].tolist() == [0, 0, 128, 255, 255]
    assert set(windowed(picture, 0.5, 0.5).ravel().tolist()) == {0, 255}
