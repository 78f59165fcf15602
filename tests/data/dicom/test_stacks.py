"""Laws of stacks: every plane ends once, file order says nothing, positions are kept, what is wrong is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from medtransfer.data.dicom.planes import Plane
from medtransfer.data.dicom.stacks import Refusal, Stack, stacks_of

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
LPS = np.array([-1.0, -1.0, 1.0])


def plane(index: int, z: float, *, keys: dict[str, str] | None = None, **changes: Any) -> Plane:
    """An axial CT slice at a height."""
    values: dict[str, Any] = {
        "path": Path(f"s/{index:03}.dcm"),
        "shape": (4, 6),
        "samples": 1,
        "position": (-10.0, -20.0, float(z)),
        "orientation": AXIAL,
        "spacing": (0.5, 0.7),
        "thickness": 5.0,
        "order": index,
        "keys": keys or {},
        "series_uid": "1.2.3",
        "study_uid": "1.2",
        "patient_id": "P",
        "modality": "CT",
        "encoding": (16, 12, 0, "MONOCHROME2"),
        **changes,
    }
    return Plane(**values)


def at(*heights: float, **changes: Any) -> list[Plane]:
    return [plane(index, height, **changes) for index, height in enumerate(heights)]


def one(planes: list[Plane], **settings: Any) -> Stack:
    (answer,) = stacks_of(planes, **settings)
    assert isinstance(answer, Stack), answer
    return answer


def refused(planes: list[Plane], **settings: Any) -> Refusal:
    (answer,) = stacks_of(planes, **settings)
    assert isinstance(answer, Refusal), answer
    assert len(answer.planes) == len(planes)
    assert answer.error.path in {str(plane.path) for plane in planes}
    assert answer.error.hint
    assert "1.2.3" in answer.error.message
    return answer


def heights(stack: Stack) -> list[float]:
    return [plane.position[2] for plane in stack.planes if plane.position]


@given(st.permutations(range(7)), st.booleans(), st.booleans(), st.tuples(*[st.floats(-3, 3)] * 3), st.floats(0.3, 9))
@settings(max_examples=80, deadline=None)
def test_a_voxel_is_found_at_the_same_millimetre_whatever_the_order_flips_and_obliquity(
    order: list[int], flip_row: bool, flip_column: bool, turn: tuple[float, float, float], step: float
) -> None:
    """The affine agrees with PS3.3 C.7.6.2.1.1 at every corner of every slice; slices run one way, flipped or not."""
    rotation = Rotation.from_euler("xyz", turn).as_matrix()
    x = rotation[:, 0] * (-1 if flip_row else 1)
    y = rotation[:, 1] * (-1 if flip_column else 1)
    n = rotation[:, 2]
    planes = [
        plane(
            number,
            0,
            position=tuple((n * step * index + [3.0, -40.0, 7.0]).tolist()),
            orientation=(*x.tolist(), *y.tolist()),
        )
        for number, index in enumerate(order)
    ]
    stack = one(planes)
    assert stack.kind == "volume"
    assert stack.affine is not None
    assert stack.positions is None
    for index, member in enumerate(stack.planes):
        for row, column in ((0, 0), (3, 0), (0, 5), (3, 5)):
            expected = np.asarray(member.position) + column * 0.7 * x + row * 0.5 * y
            np.testing.assert_allclose(stack.affine @ [index, row, column, 1], [*(expected * LPS), 1], atol=1e-9)
    direction = stack.affine[:3, 0] * LPS
    assert direction[np.abs(direction).argmax()] > 0  # feet, right or front first
    again = one(list(stack.planes))
    assert again.planes == stack.planes
    np.testing.assert_array_equal(np.asarray(again.affine), stack.affine)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_every_plane_ends_in_one_answer_and_the_order_of_files_says_nothing(data: st.DataObject) -> None:
    tilted = tuple(Rotation.from_euler("x", 30, degrees=True).as_matrix()[:, :2].T.ravel().tolist())
    planes = [
        plane(
            index,
            data.draw(st.sampled_from([0.0, 2.5, 5.0, 7.5, 10.0, 30.0])),
            keys={
                name: value
                for name in ("echo", "b_value", "acquisition")
                if (value := data.draw(st.sampled_from(["", "1", "2"])))
            },
            orientation=data.draw(st.sampled_from([AXIAL, AXIAL, tilted])),
            shape=data.draw(st.sampled_from([(4, 6), (4, 6), (8, 8)])),
        )
        for index in range(data.draw(st.integers(1, 12)))
    ]
    on_irregular: Any = data.draw(st.sampled_from(["rule", "keep", "resample", "refuse"]))
    answers = stacks_of(planes, on_irregular=on_irregular)
    ended = [(member.path, member.frame) for answer in answers for member in answer.planes]
    assert sorted(ended) == sorted((member.path, member.frame) for member in planes)
    again = stacks_of(data.draw(st.permutations(planes)), on_irregular=on_irregular)
    assert [answer.planes for answer in again] == [answer.planes for answer in answers]
    assert [type(answer) for answer in again] == [type(answer) for answer in answers]
    for answer in answers:
        if isinstance(answer, Stack) and on_irregular == "rule":
            assert one(list(answer.planes)).planes == answer.planes


def test_slices_are_ordered_by_position_and_not_by_instance_number() -> None:
    planes = [replace(member, order=9 - index) for index, member in enumerate(at(4, 0, 2, 1, 3))]
    assert heights(one(planes)) == [0, 1, 2, 3, 4]


def test_rounded_positions_are_even() -> None:
    stack = one(at(*[round(0.625 * index, 1) for index in range(40)]))
    assert stack.notes == ()
    assert stack.positions is not None  # off by more than 2 % of a step: the places are kept
    assert stack.affine is not None
    np.testing.assert_allclose(stack.affine[2, 0], 0.625, rtol=0.01)


@pytest.mark.parametrize(
    ("places", "count", "named"),
    [
        ((0, 1, 2, 4, 5), "1 slice is", "3.00 mm towards S"),
        ((0, 1, 2, 3, 7, 8, 9), "3 slices are", "4.00 mm towards S, 5.00 mm towards S, 6.00 mm towards S"),
        ((0, 2, 3, 4, 5), "1 slice is", "1.00 mm towards S"),
        ((0, 1, 3), "1 slice is", "2.00 mm towards S"),
        ((0, 1, 2, 4, 6, 8, 9, 10), "3 slices are", "3.00 mm towards S"),
        ((0, 2.5, 5, 7.5, 17.5, 22.5, 27.5), "1 slice is", "12.50 mm towards S"),
    ],
)
def test_missing_slices_are_refused_and_their_places_named(places: tuple[float, ...], count: str, named: str) -> None:
    error = refused(at(*places)).error
    assert error.code == "MissingSlice"
    assert count in error.message
    assert named in error.message
    kept = one(at(*places), on_irregular="keep")
    assert heights(kept) == list(places)
    assert kept.positions is not None
    np.testing.assert_allclose(kept.positions[:, 2], places)
    assert one(at(*places), on_irregular="resample").resample


@pytest.mark.parametrize(
    "places",
    [
        (*np.arange(0, 25, 2.5), *np.arange(25, 60, 5)),
        (*np.arange(0, 25, 5), *np.arange(25, 60, 2.5), *np.arange(60, 90, 5)),
        (0, 2.5, 5, 8.75, 13.75, 18.75),
        (0, 3, 6, 10.2, 14.4),
    ],
)
def test_runs_of_different_steps_are_kept_with_positions(places: tuple[float, ...]) -> None:
    stack = one(at(*places))
    assert stack.notes[0].startswith("MixedSpacing")
    assert stack.positions is not None
    np.testing.assert_allclose(stack.positions, [[10, 20, z] for z in places])
    assert stack.affine is not None
    np.testing.assert_allclose(stack.affine[:3, 0], [0, 0, (places[-1] - places[0]) / (len(places) - 1)])
    assert not stack.resample
    assert one(at(*places), on_irregular="resample").resample
    assert refused(at(*places), on_irregular="refuse").error.code == "MixedSpacing"


@pytest.mark.parametrize("degrees", [-20.0, 0.5, 15.0, 30.0])
def test_gantry_tilt_is_derived_from_positions_and_kept_with_a_sheared_affine(degrees: float) -> None:
    shear = np.tan(np.radians(degrees))
    planes = [plane(index, 0, position=(-10.0, -20 + 5 * index * shear, 5.0 * index)) for index in range(12)]
    stack = one(planes)
    assert stack.notes == (f"GantryTilt: {abs(degrees):.1f} degrees",)
    assert stack.affine is not None
    np.testing.assert_allclose(stack.affine[:3, 0], [0, -5 * shear, 5], atol=1e-12)
    assert stack.positions is None
    assert one(planes, on_irregular="resample").resample
    assert one(planes, on_irregular="keep").notes == stack.notes
    assert refused(planes, on_irregular="refuse").error.code == "GantryTilt"


def test_rounding_in_the_plane_is_no_tilt() -> None:
    planes = [plane(index, 0, position=(-10.0, -20 + 0.001 * index, 0.6 * index)) for index in range(40)]
    assert one(planes).notes == ()


def test_a_hundredth_of_a_millimetre_aside_is_no_tilt_however_thin_the_slices() -> None:
    planes = [plane(index, 0, position=(-10.0, -20 + 0.01 * index, 0.3 * index)) for index in range(3)]
    assert one(planes).notes == ()  # 1.9 degrees, and a twenty-fifth of a pixel


def test_slices_that_jump_about_in_their_plane_are_refused() -> None:
    planes = at(0, 1, 2, 3, 4, 5)
    planes[3] = replace(planes[3], position=(-10.0, -12.0, 3.0))
    error = refused(planes).error
    assert (error.code, error.path) == ("BadGeometry", str(planes[3].path))
    assert refused(planes, on_irregular="keep").error.code == "BadGeometry"


@pytest.mark.parametrize("keys", [{}, {"acquisition": "each"}])
def test_a_slice_twice_is_refused_even_where_each_has_an_acquisition_number(keys: dict[str, str]) -> None:
    planes = [
        plane(index, height, keys={name: str(index) for name in keys}) for index, height in enumerate((0, 1, 2, 2, 3))
    ]
    error = refused(planes).error
    assert (error.code, error.path) == ("DuplicateSlice", str(planes[3].path))
    assert "002.dcm" in error.message
    assert "2.00 mm" in error.message
    assert len(one(planes, on_irregular="keep").planes) == 5


@pytest.mark.parametrize("key", ["echo", "b_value", "phase", "acquisition", "image_type", "component", "direction"])
def test_an_attribute_that_tells_coincident_slices_apart_cuts_the_series(key: str) -> None:
    planes = [
        plane(10 * number + index, 2.0 * index, keys={key: value})
        for number, value in enumerate(("1", "2", "10"))
        for index in range(5)
    ]
    stacks = stacks_of(planes)
    assert [answer.part for answer in stacks if isinstance(answer, Stack)] == [f"stack {n} of 3" for n in (1, 2, 3)]
    assert [{member.keys[key] for member in answer.planes} for answer in stacks] == [{"1"}, {"2"}, {"10"}]


def test_two_attributes_may_be_needed_together() -> None:
    planes = [
        plane(100 * echo + 10 * phase + index, 2.0 * index, keys={"echo": str(echo), "phase": str(phase)})
        for echo in (1, 2)
        for phase in (1, 2)
        for index in range(4)
    ]
    stacks = stacks_of(planes)
    assert [len(answer.planes) for answer in stacks] == [4, 4, 4, 4]
    assert all(isinstance(answer, Stack) for answer in stacks)


def test_attributes_make_no_more_parts_than_there_are_slices_at_one_place() -> None:
    """One pair that echoes tell apart, and one that acquisitions do, are copies and not three stacks."""
    told = {2: {"echo": "2"}, 4: {"acquisition": "2"}}
    planes = [
        plane(index, height, keys={"echo": "1", "acquisition": "1"} | told.get(index, {}))
        for index, height in enumerate((0, 1, 2, 2, 3, 3, 4))
    ]
    codes = [answer.error.code for answer in stacks_of(planes) if isinstance(answer, Refusal)]
    assert codes == ["DuplicateSlice"]


@pytest.mark.parametrize("key", ["acquisition", "trigger", "echo", "frame_time"])
def test_an_attribute_that_differs_from_slice_to_slice_cuts_nothing(key: str) -> None:
    planes = [plane(index, 3.0 * index, keys={key: str(index)}) for index in range(6)]
    assert len(one(planes).planes) == 6
    if key != "echo":
        every_other = [replace(member, keys={key: str(index % 2)}) for index, member in enumerate(planes)]
        assert len(one(every_other).planes) == 6


@pytest.mark.parametrize("key", ["echo", "b_value", "kernel", "energy"])
def test_volumes_of_two_kinds_in_and_out_on_one_even_grid_are_not_one(key: str) -> None:
    planes = [plane(index, 3.0 * index, keys={key: str(index % 2)}) for index in range(8)]
    stacks = [answer for answer in stacks_of(planes) if isinstance(answer, Stack)]
    assert [heights(stack) for stack in stacks] == [[0.0, 6.0, 12.0, 18.0], [3.0, 9.0, 15.0, 21.0]]
    assert all(f"StacksBy: {key}" in stack.notes for stack in stacks)


@pytest.mark.parametrize("offset", [1.0, 2.0])
def test_two_acquisitions_a_little_apart_are_stacks_of_their_own(offset: float) -> None:
    planes = [
        plane(10 * part + index, 5.0 * index + offset * part, keys={"acquisition": str(part)})
        for part in range(2)
        for index in range(5)
    ]
    stacks = [answer for answer in stacks_of(planes) if isinstance(answer, Stack)]
    assert [heights(stack)[0] for stack in stacks] == [0.0, offset]
    assert [len(stack.planes) for stack in stacks] == [5, 5]


def test_stations_that_overlap_at_their_ends_are_stacks_of_their_own() -> None:
    planes = [
        plane(10 * part + index, 5.0 * (index + 4 * part), keys={"acquisition": str(part)})
        for part in range(3)
        for index in range(5)
    ]
    stacks = [answer for answer in stacks_of(planes) if isinstance(answer, Stack)]
    assert [heights(stack)[0] for stack in stacks] == [0.0, 20.0, 40.0]


def test_trigger_times_that_drift_from_slice_to_slice_rank_the_phases() -> None:
    planes = [
        plane(10 * index + phase, 8.0 * index, keys={"trigger": str(31 * phase + index)})
        for index in range(4)
        for phase in range(3)
    ]
    stacks = stacks_of(planes)
    assert [[member.order for member in answer.planes] for answer in stacks] == [
        [p, 10 + p, 20 + p, 30 + p] for p in range(3)
    ]


@pytest.mark.parametrize("by_place", [False, True])
def test_phases_that_the_file_counts_are_told_apart_by_instance_number(by_place: bool) -> None:
    planes = [
        plane(3 * index + phase if by_place else 4 * phase + index, 5.0 * index, keys={"phases": "3"})
        for phase in range(3)
        for index in range(4)
    ]
    assert [len(answer.planes) for answer in stacks_of(planes)] == [4, 4, 4]
    assert all("StacksBy: InstanceNumber" in answer.notes for answer in stacks_of(planes) if isinstance(answer, Stack))


def test_phases_that_nothing_tells_apart_are_refused() -> None:
    planes = [plane(4 * phase + index, 5.0 * index) for phase in range(3) for index in range(4)]
    assert refused(planes).error.code == "DuplicateSlice"


def test_two_blocks_are_cut_by_acquisition_and_one_gap_is_not() -> None:
    blocks = [
        plane(index, height, keys={"acquisition": "1" if height < 50 else "2"})
        for index, height in enumerate((0, 5, 10, 15, 100, 105, 110, 115))
    ]
    assert [len(answer.planes) for answer in stacks_of(blocks)] == [4, 4]
    gap = [plane(index, height, keys={"acquisition": str(index // 2)}) for index, height in enumerate((0, 5, 10, 20))]
    assert refused(gap).error.code == "MissingSlice"


def test_a_phase_that_lacks_a_slice_is_refused_and_the_others_read() -> None:
    planes = [
        plane(10 * phase + index, 2.0 * index, keys={"phase": str(phase)}) for phase in range(3) for index in range(6)
    ]
    answers = stacks_of([member for member in planes if member.order != 13])
    assert [type(answer) for answer in answers] == [Stack, Refusal, Stack]
    assert isinstance(answers[1], Refusal)
    assert answers[1].error.code == "MissingSlice"
    assert "012.dcm" in answers[1].error.message


def test_orientations_are_stacks_of_their_own() -> None:
    sagittal = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
    planes = [*at(0, 1, 2), *(plane(10 + i, 0, position=(4.0 * i, 0.0, 0.0), orientation=sagittal) for i in range(4))]
    stacks = stacks_of(planes)
    assert [len(answer.planes) for answer in stacks] == [3, 4]
    assert [answer.part for answer in stacks if isinstance(answer, Stack)] == ["stack 1 of 2", "stack 2 of 2"]


@pytest.mark.parametrize(
    "changes", [{"shape": (8, 8)}, {"spacing": (1.0, 1.0)}, {"encoding": (16, 16, 1, "MONOCHROME2")}]
)
@pytest.mark.parametrize("odd", [0, 3, 6])
def test_a_slice_of_another_format_on_the_grid_refuses_all(changes: dict[str, Any], odd: int) -> None:
    planes = at(*range(7))
    planes[odd] = replace(planes[odd], **changes)
    error = refused(planes).error
    assert (error.code, error.path) == ("MixedShape", str(planes[odd].path))


def test_formats_of_equal_number_are_both_named() -> None:
    encodings = [(16, 12, 0, "MONOCHROME2"), (16, 16, 1, "MONOCHROME2")]
    message = refused([plane(index, index, encoding=encodings[index % 2]) for index in range(4)]).error.message
    assert "12 of 16 bits" in message
    assert "16 of 16 bits, signed" in message


def test_formats_that_follow_each_other_are_stacks_of_their_own() -> None:
    planes = [*at(0, 1, 2, 3), *(plane(10 + index, 4.0 + index, shape=(8, 8)) for index in range(4))]
    assert [len(answer.planes) for answer in stacks_of(planes)] == [4, 4]


@pytest.mark.parametrize(("attribute", "code"), [("patient_id", "MixedPatient"), ("study_uid", "MixedStudy")])
@pytest.mark.parametrize("value", ["other", ""])
def test_two_patients_or_studies_refuse_the_series(attribute: str, code: str, value: str) -> None:
    planes = at(0, 1, 2, 3)
    planes[2] = replace(planes[2], **{attribute: value})
    error = refused(planes, on_irregular="keep").error
    assert (error.code, error.path) == (code, str(planes[2].path))


@pytest.mark.parametrize(
    "changes",
    [
        {"spacing": (0.0, 1.0)},
        {"spacing": (-1.0, 1.0)},
        {"spacing": (float("nan"), 1.0)},
        {"position": (0.0, float("inf"), 0.0)},
        {"orientation": (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)},
        {"orientation": (2.0, 0.0, 0.0, 0.0, 1.0, 0.0)},
        {"orientation": (0.0,) * 6},
    ],
)
def test_geometry_that_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    planes = at(0, 1, 2)
    planes[1] = replace(planes[1], **changes)
    error = refused(planes, on_irregular="keep").error
    assert (error.code, error.path) == ("BadGeometry", str(planes[1].path))
    assert refused([planes[1]]).error.code == "BadGeometry"


@pytest.mark.parametrize("lost", ["position", "orientation", "spacing"])
def test_a_slice_without_a_place_is_a_picture_alone_and_refused_in_a_series(lost: str) -> None:
    planes = at(0, 1, 2)
    planes[1] = replace(planes[1], **{lost: None})
    error = refused(planes).error
    assert (error.code, error.path) == ("GeometryMissing", str(planes[1].path))
    assert refused([replace(member, **{lost: None}) for member in planes]).error.code == "GeometryMissing"
    alone = one([planes[1]])
    assert (alone.kind, alone.affine) == ("picture", None)
    assert alone.notes[0].startswith("GeometryMissing")


def test_planar_nuclear_medicine_has_no_place_and_a_slice_among_placed_ones_must() -> None:
    planar = [plane(index, 0, position=None, orientation=None, modality="NM") for index in range(2)]
    assert [answer.kind for answer in stacks_of(planar) if isinstance(answer, Stack)] == ["picture", "picture"]
    assert refused([*planar, plane(7, 0, modality="NM")]).error.code == "GeometryMissing"


def test_projections_are_pictures_and_their_frames_frames() -> None:
    views = [plane(index, 0, position=None, orientation=None, modality="DX") for index in range(3)]
    stacks = stacks_of(views)
    assert [answer.kind for answer in stacks if isinstance(answer, Stack)] == ["picture"] * 3
    assert not any(answer.notes for answer in stacks if isinstance(answer, Stack))
    loop = [
        plane(1, 0, position=None, orientation=None, modality="US", frame=frame, frames=5) for frame in (3, 0, 4, 1, 2)
    ]
    frames = one(loop)
    assert frames.kind == "frames"
    assert [member.frame for member in frames.planes] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("thickness", "between", "expected"), [(5.0, 3.0, 5.0), (None, 3.0, 3.0), (0.0, None, 1.0)])
def test_one_slice_has_an_affine(thickness: float | None, between: float | None, expected: float) -> None:
    stack = one([plane(1, 7.0, thickness=thickness, between=between)])
    assert stack.kind == "picture"
    assert stack.affine is not None
    np.testing.assert_allclose(stack.affine, [[0, 0, -0.7, 10], [0, -0.5, 0, 20], [expected, 0, 0, 7], [0, 0, 0, 1]])
    assert bool(stack.notes) == (not thickness and not between)


def test_a_mosaic_is_refused_by_name() -> None:
    assert refused(at(0, keys={"image_type": "ORIGINAL\\M\\ND\\MOSAIC"})).error.code == "Mosaic"


def test_a_gap_of_millions_costs_nothing() -> None:
    error = refused(at(0, 1, 2, 3, 1e12)).error
    assert error.code == "MissingSlice"
    assert len(error.message) < 500


def test_a_single_place_with_several_echoes_makes_pictures() -> None:
    planes = [plane(index, 5.0, keys={"echo": str(10 * index)}) for index in range(1, 4)]
    assert [answer.kind for answer in stacks_of(planes) if isinstance(answer, Stack)] == ["picture"] * 3


def test_a_series_of_thousands_with_two_phases_is_cut_quickly_enough_to_test() -> None:
    planes = [plane(index, float(index // 2), keys={"phase": str(index % 2)}) for index in range(4000)]
    assert [len(answer.planes) for answer in stacks_of(planes)] == [2000, 2000]
