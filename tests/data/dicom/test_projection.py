"""Directions and scale of projections."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from medtransfer.data.dicom.projection import directions, pixel_size


def header(**tags: Any) -> Dataset:
    dataset = Dataset()
    for keyword, value in tags.items():
        setattr(dataset, keyword, value)
    return dataset


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (["L", "F"], ("F", "L")),  # a chest seen from the front: columns run to the patient's left, rows to the feet
        (["A", "FR"], ("FR", "A")),  # an oblique mammogram
        (["L"], ("", "")),
        (["L", "X"], ("", "")),
        (None, ("", "")),
    ],
)
def test_directions_are_those_of_growing_indices(orientation: list[str] | None, expected: tuple[str, str]) -> None:
    tags = {} if orientation is None else {"PatientOrientation": orientation}
    assert directions(header(**tags)) == expected


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({}, (None, "")),
        ({"ImagerPixelSpacing": [0.2, 0.1]}, ((0.2, 0.1), "detector")),
        ({"NominalScannedPixelSpacing": [0.2, 0.2]}, ((0.2, 0.2), "detector")),
        ({"PixelSpacing": [0.2, 0.2]}, ((0.2, 0.2), "detector")),
        ({"PixelSpacing": [0.2, 0.2], "ImagerPixelSpacing": [0.2, 0.2]}, ((0.2, 0.2), "detector")),
        ({"PixelSpacing": [0.15, 0.15], "ImagerPixelSpacing": [0.2, 0.2]}, ((0.15, 0.15), "calibrated")),
        ({"PixelSpacing": [0.2, 0.2], "PixelSpacingCalibrationType": "FIDUCIAL"}, ((0.2, 0.2), "calibrated")),
    ],
)
def test_millimetres_are_at_the_detector_unless_calibrated(tags: dict[str, Any], expected: object) -> None:
    notes: list[str] = []
    assert pixel_size(header(**tags), Path("a.dcm"), notes) == expected
    assert notes == []


def test_a_spacing_of_zero_is_noted_and_not_used() -> None:
    notes: list[str] = []
    tags = {"PixelSpacing": [0, 0.1], "ImagerPixelSpacing": [0.3, 0.3]}
    assert pixel_size(header(**tags), Path("a.dcm"), notes) == ((0.3, 0.3), "detector")
    assert notes == ["SpacingIgnored: PixelSpacing is 0 × 0.1 mm"]
