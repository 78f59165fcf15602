"""Radiographs: equal bytes from equal keys on any machine, and every part changes only what it should."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from bodies import BEDSIDE, STILL, person
from two_hospitals.detector import Detector
from two_hospitals.exact import Stream
from two_hospitals.exposure import draw_exposure
from two_hospitals.lesions import Lesion, draw_lesions
from two_hospitals.markers import PORTABLE
from two_hospitals.processing import hillcrest, riverside
from two_hospitals.projection import MU_SOFT
from two_hospitals.radiograph import Radiograph, radiograph

if TYPE_CHECKING:
    from collections.abc import Callable

    from two_hospitals.exposure import Exposure

PANEL = Detector(
    shape=(160, 160),
    border=(0, 0),
    spacing_mm=2.5,
    kerma_uGy=2.5,
    efficiency=0.65,
    blur_mm=1.0,
    scatter=0.09,
    electronic_noise=40.0,
)
PLATE = replace(PANEL, shape=(168, 184), border=(4, 12), kerma_uGy=5.0, efficiency=0.25, blur_mm=1.4)
FOCUS = Lesion(side=1, across=0.2, front=0.0, height=0.5, radii_mm=(15.0, 15.0, 15.0), density=0.9)

DIGEST = """
import hashlib, sys
from two_hospitals.exact import Stream
from two_hospitals.person import AgeMix, draw_person
from two_hospitals.exposure import draw_exposure
from two_hospitals.lesions import draw_lesions
from two_hospitals.markers import PORTABLE
from two_hospitals.detector import Detector
from two_hospitals.processing import riverside, hillcrest
from two_hospitals.radiograph import radiograph
digest = hashlib.sha256()
for key, (view, processing) in enumerate([("PA", riverside), ("AP", hillcrest), ("LL", riverside)]):
    stream = Stream("any machine", key)
    person = draw_person(stream.child("person"), ages=AgeMix(mean=60, sd=15))
    made = radiograph(
        person, draw_exposure(stream.child("exposure"), view=view, portable=view == "AP"),
        draw_lesions(stream.child("lesions"), person, severity=0.8), marker=PORTABLE,
        detector=Detector(shape=(160, 160), border=(0, 8), spacing_mm=2.5, kerma_uGy=2.5, efficiency=0.65,
                          blur_mm=1.0, scatter=0.09, electronic_noise=40.0),
        processing=processing, stream=stream.child("noise"))
    table = b"" if made.picture.table is None else made.picture.table.tobytes()
    digest.update(made.picture.stored.tobytes() + table + repr((made.truth, made.picture.window)).encode())
print(digest.hexdigest())
"""


def taken(
    lesions: tuple[Lesion, ...] = (FOCUS,),
    *,
    exposure: Exposure = STILL,
    detector: Detector = PANEL,
    marked: bool = False,
    key: int = 1,
) -> Radiograph:
    return radiograph(
        person(),
        exposure,
        lesions,
        marker=PORTABLE if marked else None,
        detector=detector,
        processing=riverside if detector is PANEL else hillcrest,
        stream=Stream("noise", key),
    )


def test_bytes_do_not_depend_on_the_machine(on_a_plainer_machine: Callable[[str], str]) -> None:
    said: list[str] = []
    exec(DIGEST, {"print": said.append})
    assert said == [on_a_plainer_machine(DIGEST)]


def test_the_same_key_gives_the_same_bytes() -> None:
    first, again, other = (taken(key=key) for key in (1, 1, 2))
    np.testing.assert_array_equal(first.picture.stored, again.picture.stored)
    assert first.truth == again.truth == other.truth
    assert (first.picture.stored != other.picture.stored).mean() > 0.5


def test_another_detector_sees_the_same_patient() -> None:
    panel, plate = taken().truth, taken(detector=PLATE).truth
    assert plate.volume_ml == pytest.approx(panel.volume_ml, rel=0.01)
    assert plate.peak == pytest.approx(panel.peak, rel=0.01)
    assert plate.area_mm2 == pytest.approx(panel.area_mm2, rel=0.1)
    assert plate.centre_row == pytest.approx(panel.centre_row + 4, abs=0.1)  # type: ignore[operator]
    assert plate.centre_column == pytest.approx(panel.centre_column + 12, abs=0.1)  # type: ignore[operator]
    assert plate.contrast_to_noise != panel.contrast_to_noise


def test_what_is_true_about_a_focus() -> None:
    """A ball of 15 mm, its shells at 0.7 to 1.3 times that; 90 % of the air in its core is replaced."""
    truth = taken().truth
    air = 1.0 - person().lung_density / 1.06
    assert truth.peak == pytest.approx(MU_SOFT * 30.0 * 0.9 * air, rel=0.02)
    assert 300.0 < truth.area_mm2 < np.pi * 18.0**2 * 1.25
    assert truth.volume_ml == pytest.approx(FOCUS.volume_ml * air, rel=0.02)
    assert truth.contrast_to_noise > 10
    dark = taken(exposure=replace(STILL, dose=0.25)).truth
    assert dark.contrast_to_noise == pytest.approx(truth.contrast_to_noise / 2)


def test_a_focus_brightens_its_place_and_leaves_the_far_corner_alone() -> None:
    ill, well = taken(), taken(())
    difference = ill.picture.stored.astype(int) - well.picture.stored.astype(int)
    row, column = round(ill.truth.centre_row or 0), round(ill.truth.centre_column or 0)
    assert difference[row - 2 : row + 3, column - 2 : column + 3].mean() > 200
    assert abs(difference[:20, -20:].mean()) < 30


def test_the_healthy_have_nothing_to_find() -> None:
    truth = taken(()).truth
    assert (truth.peak, truth.area_mm2, truth.volume_ml, truth.contrast_to_noise) == (0.0, 0.0, 0.0, 0.0)
    assert truth.centre_row is None


def test_a_marker_is_seen_in_its_corner() -> None:
    marked, plain = (taken((), exposure=BEDSIDE, marked=marked).picture.stored.astype(int) for marked in (True, False))
    changed = np.abs(marked - plain) > 500
    rows, columns = np.nonzero(changed)
    assert changed.sum() > 20
    assert rows.min() >= 5
    assert rows.max() <= 13
    assert columns.min() >= 160 - 30
    assert columns.max() <= 160 - 5


def test_some_disease_cannot_be_seen_and_some_is_obvious() -> None:
    peaks = []
    for key in range(12):
        one = person(key)
        lesions = draw_lesions(Stream("foci", key), one, severity=0.05 if key % 2 else 0.95)
        exposure = draw_exposure(Stream("exposure", key), view="PA", portable=False)
        made = radiograph(
            one, exposure, lesions, marker=None, detector=PANEL, processing=riverside, stream=Stream("noise", key)
        )
        peaks.append(made.truth.peak)
    assert min(peaks) < 0.08
    assert max(peaks) > 0.5
