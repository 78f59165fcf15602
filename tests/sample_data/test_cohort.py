"""One picture: lesions lie where the key says, and a switch changes in it only what it names."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from two_hospitals.arrivals import patients
from two_hospitals.cohort import Finding, row_of, write_picture
from two_hospitals.exact import Stream
from two_hospitals.exposure import draw_exposure
from two_hospitals.hospitals import HILLCREST, PANEL, RIVERSIDE, Hospital, MarkerRule, Shares, changed
from two_hospitals.lesions import draw_lesions
from two_hospitals.processing import riverside
from two_hospitals.projection import line_integrals
from two_hospitals.shots import Shot

if TYPE_CHECKING:
    from pathlib import Path

    from two_hospitals.arrivals import Visit

SEED = 3


def visits(hospital: Hospital, count: int = 40) -> list[Visit]:
    stream = patients(hospital, seed=SEED)
    return [next(stream)[0] for _ in range(count)]


def made(folder: Path, hospital: Hospital, visit: Visit, kind: str = "frontal") -> tuple[Finding, pydicom.FileDataset]:
    (folder / "images").mkdir(parents=True, exist_ok=True)
    shot = Shot(visit=visit, kind=kind)
    finding = write_picture(folder, hospital=hospital, shot=shot, seed=SEED)
    return finding, pydicom.dcmread(folder / row_of(hospital, shot).path)


def first(hospital: Hospital, **facts: Any) -> Visit:
    return next(v for v in visits(hospital) if all(getattr(v, name) == value for name, value in facts.items()))


@pytest.mark.parametrize("hospital", [RIVERSIDE, HILLCREST], ids=lambda hospital: hospital.name)
def test_the_key_names_the_middle_of_the_first_focus(hospital: Hospital, tmp_path: Path) -> None:
    """Against the centre of mass of the path through this focus alone, where heart and diaphragm leave it whole."""
    detector, whole = hospital.detector, 0
    for visit in [replace(visit, severity=0.3) for visit in visits(hospital)][:8]:
        finding, _ = made(tmp_path, hospital, visit)
        stream = Stream(SEED, hospital.name, visit.patient, "visit", visit.number)
        focus = draw_lesions(stream.child("lesions"), visit.person, severity=visit.severity)[0]
        view = "AP" if visit.portable else "PA"
        exposure = draw_exposure(stream.child("exposure", "frontal"), view=view, portable=visit.portable)
        seen = line_integrals(visit.person, exposure, [focus], shape=detector.exposed, spacing_mm=detector.spacing_mm)
        if seen.lesion_ml < 0.7 * focus.volume_ml:
            continue
        whole += 1
        path = seen.lesion_mm / seen.lesion_mm.sum()
        row, column = (path.sum(axis=1 - axis) @ np.arange(path.shape[axis]) for axis in (0, 1))
        assert row + detector.border[0] == pytest.approx(finding.centre_row, abs=2.5)
        assert column + detector.border[1] == pytest.approx(finding.centre_column, abs=2.5)
    assert whole >= 3


def test_a_well_patient_has_the_place_but_no_focus(tmp_path: Path) -> None:
    """Falling ill changes the picture and the key, and the place not at all."""
    well = first(HILLCREST, ill=False)
    ill = replace(well, ill=True, severity=0.9)
    (nothing, before), (something, after) = (made(tmp_path, HILLCREST, visit) for visit in (well, ill))
    assert (nothing.lesions, nothing.severity, nothing.volume_ml, nothing.peak) == (0, 0, 0, 0)
    assert something.lesions > 0
    assert something.peak > 0.1
    assert before.PixelData != after.PixelData
    same = replace(well, severity=0.9)
    finding, again = made(tmp_path, HILLCREST, same)
    assert again.PixelData == before.PixelData  # the severity of a finding that is not there
    assert (finding.centre_row, finding.centre_column) == (something.centre_row, something.centre_column)


def test_another_detector_and_processing_see_the_same_lesions(tmp_path: Path) -> None:
    ill = first(HILLCREST, ill=True, portable=False)
    other = changed(HILLCREST, detector=PANEL, processing=riverside, equipment=RIVERSIDE.equipment)
    (ours, _), (theirs, header) = (made(tmp_path / h.equipment.model, h, ill) for h in (HILLCREST, other))
    assert (ours.severity, ours.lesions) == (theirs.severity, theirs.lesions)
    assert ours.volume_ml == pytest.approx(theirs.volume_ml, rel=0.02, abs=0.1)
    assert ours.peak == pytest.approx(theirs.peak, rel=0.05, abs=0.01)
    assert header.Modality == "DX"
    middles = [
        (finding.centre_row - (rows - 1) / 2) * spacing
        for finding, rows, spacing in (
            (ours, HILLCREST.detector.shape[0], HILLCREST.detector.spacing_mm),
            (theirs, PANEL.shape[0], PANEL.spacing_mm),
        )
    ]
    assert middles[0] == pytest.approx(middles[1], abs=0.2)  # millimetres from the detector's middle


def test_the_marker_is_all_that_the_marker_rule_changes(tmp_path: Path) -> None:
    """Of stored values, but for the scaling that follows the whole picture: the two agree far from the letters."""
    bare, marked = (changed(RIVERSIDE, marker=MarkerRule(portable=share, standing=share)) for share in (0.0, 1.0))
    pair = [first(hospital, portable=True) for hospital in (bare, marked)]
    assert (pair[0].marked, pair[1].marked) == (False, True)
    assert replace(pair[0], marked=True) == pair[1]
    stored = [
        made(tmp_path, hospital, visit)[1].pixel_array.astype(float)
        for hospital, visit in zip((bare, marked), pair, strict=True)
    ]
    change = np.abs(stored[1] - stored[0])
    assert change[:40, -70:].max() > 200
    assert np.median(change[60:]) < 0.1 * change[:40, -70:].max()


def test_a_large_heart_is_wider_and_has_no_foci(tmp_path: Path) -> None:
    neutral = changed(RIVERSIDE, finding="large_heart", portable=Shares(ill=0.1, well=0.1), severity=(0.9, 1.0))
    ill = first(neutral, ill=True, portable=False)
    finding, large = made(tmp_path, neutral, ill)
    _, usual = made(tmp_path, neutral, replace(ill, ill=False))
    assert (finding.lesions, finding.peak) == (0, 0)
    assert row_of(neutral, Shot(visit=ill, kind="frontal")).label == "large_heart"
    rows, columns = (length // 2 for length in large.pixel_array.shape)
    left = np.s_[rows + 20 : rows + 50, columns + 30 : columns + 70]
    assert large.pixel_array[left].mean() > usual.pixel_array[left].mean() + 100


def test_a_missing_age_is_missing_in_table_and_header(tmp_path: Path) -> None:
    visit = replace(visits(RIVERSIDE, 1)[0], age_known=False)
    _, header = made(tmp_path, RIVERSIDE, visit)
    assert header.PatientAge == ""
    assert row_of(RIVERSIDE, Shot(visit=visit, kind="frontal")).age is None
