"""Counts of scans add up, and say what is not said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medtransfer.data.audit import FACTS, Seen, Summary, facts_of, matrix, spacing, summary
from medtransfer.data.found import Item
from medtransfer.data.scan import Identifiers, Presentation, Scan


def scan(shape: tuple[int, ...], **changes: object) -> Scan:
    values: dict[str, object] = {
        "voxels": np.zeros(shape, np.int16),
        "affine": None,
        "modality": "CT",
        "presentation": Presentation(stored_range=(-2048, 2047)),
        "identifiers": Identifiers(),
        "path": Path("x"),
        "attributes": {"view": "PA"},
        **changes,
    }
    return Scan(**values)  # pyright: ignore[reportArgumentType]


def test_every_fact_adds_up_to_the_scans() -> None:
    seen = [
        Seen(facts={"modality": "CT", "view": "PA"}, patient="1", study="a", series="s", paths=("f", "g")),
        Seen(facts={"modality": "CT"}, patient="1", study="b", series="t", paths=("g",), burned_in=True),
        Seen(facts={"modality": "MR"}, paths=("h",), identifiers=("PatientName",)),
    ]
    counted = summary(seen)
    assert counted == Summary(
        patients=1,
        studies=2,
        series=2,
        items=3,
        files=3,
        without_patient=1,
        facts={"modality": {"CT": 2, "MR": 1}, "view": {"": 2, "PA": 1}},
        identifiers={"PatientName": 1},
        identified=1,
        burned_in=1,
    )
    assert all(sum(values.values()) == counted.items for values in counted.facts.values())
    assert summary([]) == Summary()


def test_a_file_that_serves_two_scans_has_its_identifiers_once() -> None:
    twice = [Seen(facts={}, paths=("f", name), identifiers=("PatientName", "PatientID")) for name in ("g", "h")]
    assert summary(twice).identifiers == {"PatientName": 3, "PatientID": 3}
    assert summary(twice).identified == 3


def test_headers_win_and_decoding_fills_in() -> None:
    affine = np.diag([5.0, 0.7, 0.6, 1.0])[[2, 1, 0, 3]]
    volume = scan((30, 20, 10), kind="volume", affine=affine)
    said = facts_of(Item(paths=(Path("x"),), loader="nifti", facts={"syntax": "RLE", "bit_depth": "11"}), volume)
    assert said == {
        "modality": "CT",
        "view": "PA",
        "kind": "volume",
        "matrix": "20 × 10 × 30",
        "spacing": "0.7 × 0.6 × 5",
        "orientation": "SAR",
        "bit_depth": "11",
        "polarity": "as stored",
        "syntax": "RLE",
        "loader": "nifti",
    }
    assert set(said) <= set(FACTS)
    assert facts_of(Item(paths=(Path("x"),), loader="dicom"), volume)["bit_depth"] == "12"


@pytest.mark.parametrize(
    ("shape", "kind", "said"),
    [
        ((20, 10), "picture", "20 × 10"),
        ((20, 10, 3), "picture", "20 × 10"),
        ((7, 20, 10), "frames", "20 × 10 × 7"),
        ((7, 20, 10, 3), "frames", "20 × 10 × 7"),
    ],
)
def test_matrix(shape: tuple[int, ...], kind: str, said: str) -> None:
    assert matrix(scan(shape, kind=kind)) == said


def test_spacing_of_projections_and_of_nothing() -> None:
    assert spacing(scan((4, 4), pixel_size=(0.143, 0.14301))) == "0.143 × 0.143"
    assert spacing(scan((4, 4))) == ""
