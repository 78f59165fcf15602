"""The triangle filter is Pillow's, for lengths and places that Pillow does not know."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from medtransfer.data.triangle import filtered, triangle_weights, weights_by_place

COUNTS = st.integers(1, 40)


@given(count=COUNTS, into=COUNTS, around=st.integers(0, 9))
@settings(deadline=None, max_examples=80)
def test_weights_are_pillows(count: int, into: int, around: int) -> None:
    """Black of whole samples on both sides is what Pillow sees as part of the picture."""
    values = np.random.default_rng(count * 41 + into).random((1, count), dtype=np.float32)
    padded = np.pad(values, ((0, 0), (around, around)))
    expected = np.asarray(Image.fromarray(padded).resize((into, 1), Image.Resampling.BILINEAR))[0]
    found = triangle_weights(count, into, length=float(count + 2 * around)) @ values[0]
    np.testing.assert_allclose(found, expected, atol=2e-6)


@given(count=COUNTS, into=COUNTS, more=st.floats(1, 50))
@settings(deadline=None, max_examples=80)
def test_weights_are_shares_and_the_picture_lies_in_the_middle(count: int, into: int, more: float) -> None:
    weights = triangle_weights(count, into, length=count * more)
    assert weights.min() >= 0
    assert weights.sum(axis=1).max() <= 1 + 1e-9
    np.testing.assert_allclose(weights, weights[::-1, ::-1], atol=1e-9)


@given(count=COUNTS, into=COUNTS)
@settings(deadline=None, max_examples=50)
def test_what_is_even_stays_even_and_as_many_are_the_same(count: int, into: int) -> None:
    np.testing.assert_allclose(triangle_weights(count, into).sum(axis=1), 1)
    np.testing.assert_array_equal(triangle_weights(count, count), np.eye(count))


@given(count=st.integers(2, 30), into=COUNTS, step=st.floats(0.01, 100), start=st.floats(-1e3, 1e3))
@settings(deadline=None, max_examples=80)
def test_even_places_are_numbers(count: int, into: int, step: float, start: float) -> None:
    found = weights_by_place(start + step * np.arange(count), into)
    np.testing.assert_allclose(found, triangle_weights(count, into), atol=1e-6)


@given(gaps=st.lists(st.sampled_from([1.0, 2.0, 2.5, 5.0]), min_size=2, max_size=12), into=st.integers(2, 30))
@settings(deadline=None, max_examples=80)
def test_a_ramp_stays_a_ramp_wherever_its_planes_lie(gaps: list[float], into: int) -> None:
    """Away from the ends, where the filter sees one side only."""
    places = np.concatenate([[0.0], np.cumsum(gaps)])
    weights = weights_by_place(places, into)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    fine = np.diff(places).min()
    length = places[-1] + fine
    centres = (np.arange(into) + 0.5) * length / into - fine / 2
    reach = max(length / into, fine)
    inner = (centres > reach) & (centres < places[-1] - reach)
    np.testing.assert_allclose((weights @ places)[inner], centres[inner], atol=reach * 0.15)


@pytest.mark.parametrize("places", [[0.0], [3.0, 3.0], [0.0, 0.0, 4.0], [4.0, 0.0, 2.0]])
def test_odd_places_are_no_obstacle(places: list[float]) -> None:
    weights = weights_by_place(np.array(places), 3)
    np.testing.assert_allclose(weights.sum(axis=1), 1)


def test_order_does_not_matter() -> None:
    places = np.array([4.0, 0.0, 2.5, 9.0])
    order = np.argsort(places)
    np.testing.assert_allclose(weights_by_place(places, 5)[:, order], weights_by_place(places[order], 5))


@given(count=COUNTS, into=COUNTS)
@settings(deadline=None, max_examples=50)
def test_planes_one_after_the_other_are_the_product(count: int, into: int) -> None:
    planes = np.random.default_rng(count).random((count, 2, 3))
    weights = triangle_weights(count, into)
    found = np.stack(list(filtered(iter(planes), weights)))
    np.testing.assert_allclose(found, np.tensordot(weights, planes, axes=1), atol=1e-12)


def test_a_plane_is_handed_over_as_soon_as_it_is_whole() -> None:
    """Shrinking holds two sums at a time, so that a long volume needs no more memory than a short one."""
    taken = []

    def planes() -> object:
        for index in range(100):
            taken.append(index)
            yield np.full((1,), float(index))

    handed = [len(taken) for _ in filtered(planes(), triangle_weights(100, 10))]  # type: ignore[arg-type]
    assert handed == [15, 25, 35, 45, 55, 65, 75, 85, 95, 100]
