"""Every plane of a study stands in its layout once, in order, whatever studies are picked."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from medtransfer.data.bags import HeldPlanes, Layout
from medtransfer.data.places import AXES, View, axes, positions

ROWS = st.lists(
    st.lists(st.builds(View, st.sampled_from(AXES), st.integers(1, 5)), min_size=1, max_size=3), min_size=1, max_size=6
)


def held(rows: list[list[View]]) -> HeldPlanes:
    """Planes whose only pixel says which row and plane they are."""
    scans = []
    for row, views in enumerate(rows):
        count = sum(view.planes for view in views)
        scans.append((1000 * row + np.arange(count, dtype=np.uint16)).reshape(count, 1, 1, 1))
    return HeldPlanes(scans, [tuple(views) for views in rows])


def test_positions_run_from_the_first_plane_of_a_view_to_its_last() -> None:
    views = (View("axial", 3), View("coronal", 1), View("", 2))
    assert positions(views).tolist() == [0, 0.5, 1, 0.5, 0, 1]
    assert [AXES[axis] for axis in axes(views)] == ["axial", "axial", "axial", "coronal", "", ""]


@settings(deadline=None, max_examples=100)
@given(ROWS, st.data())
def test_every_plane_of_the_picked_studies_is_there_once_and_in_order(
    rows: list[list[View]], data: st.DataObject
) -> None:
    arrays = held(rows)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(rows)), max_size=len(rows))) | {len(rows)})
    studies = [list(range(start, end)) for start, end in zip([0, *cuts[:-1]], cuts, strict=True)]
    whole = Layout.of(arrays, studies)
    picked = np.array(data.draw(st.lists(st.integers(0, len(studies) - 1), min_size=1, max_size=5)))
    part, index = whole.of_studies(picked)
    expected = [
        (row, plane, number)
        for number, study in enumerate(picked)
        for row in studies[study]
        for plane in range(sum(view.planes for view in rows[row]))
    ]
    assert list(zip(part.row, part.plane, part.study, strict=True)) == expected
    assert np.array_equal(np.diff(part.starts), np.bincount([n for _, _, n in expected], minlength=len(picked)))
    assert np.array_equal(part.position, whole.position[index])
    assert np.array_equal(part.axis, whole.axis[index])
    loaded = arrays.load(part.row, part.plane).ravel() * 65_535
    assert np.allclose(loaded, [1000 * row + plane for row, plane, _ in expected], atol=1e-2)


@settings(deadline=None, max_examples=60)
@given(ROWS)
def test_views_are_counted_through_and_never_joined(rows: list[list[View]]) -> None:
    """Two views after one another are two, even of one axis; so are those of a study that is picked twice."""
    arrays = held(rows)
    layout, _ = Layout.of(arrays, [[row] for row in range(len(rows))]).of_studies(np.repeat(np.arange(len(rows)), 2))
    lengths = [view.planes for views in rows for _ in range(2) for view in views]
    assert np.bincount(layout.view).tolist() == lengths
    assert (np.diff(layout.view) >= 0).all()


def test_the_first_planes_may_cut_a_study() -> None:
    arrays = held([[View("axial", 4)], [View("axial", 4)]])
    layout = Layout.of(arrays, [[0], [1]]).first(6)
    assert layout.study.tolist() == [0, 0, 0, 0, 1, 1]
    assert layout.starts.tolist() == [0, 4, 6]
