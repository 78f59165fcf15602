"""Places become numbers that tell them apart, each axis for itself."""

from __future__ import annotations

import numpy as np
import torch

from medtransfer.data.places import AXES
from medtransfer.models.pooling._contract import Place
from medtransfer.models.pooling._place import OCTAVES, PLACE_DIM, encoded


def _along(axis: int, count: int = 1000) -> torch.Tensor:
    position = torch.linspace(0, 1, count)[None]
    return encoded(Place(position, torch.full((1, count), axis)))[0]


def test_a_value_by_hand() -> None:
    found = encoded(Place(torch.tensor([[0.25]]), torch.tensor([[2]])))[0, 0].numpy()
    phase = np.pi * 0.25 * 2.0 ** np.arange(OCTAVES)
    waves = np.concatenate([[1], np.sin(phase), np.cos(phase)])
    expected = np.zeros((len(AXES), len(waves)))
    expected[2] = waves
    np.testing.assert_allclose(found, expected.ravel(), atol=1e-6)
    assert found.shape == (PLACE_DIM,)


def test_no_two_places_are_the_same() -> None:
    for axis in range(len(AXES)):
        places = _along(axis)
        distances = torch.cdist(places, places) + 10 * torch.eye(len(places))
        assert distances.min() > 1e-3
        for other in range(axis):
            assert torch.cdist(places, _along(other)).min() > 1


def test_neighbouring_slices_are_alike() -> None:
    places = _along(1, 100)
    assert (places[1:] - places[:-1]).norm(dim=1).max() < 0.15 * torch.cdist(places, places).median()
