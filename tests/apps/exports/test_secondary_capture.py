"""The Secondary Capture: result and notice are in the pixels, legible, and the rest of the picture is untouched."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest

from apps.exports.contents import NOTICE, Contents, Subject
from apps.exports.drawing import DARK, burned_in
from apps.exports.secondary_capture import as_secondary_capture
from tests.apps.exports.checks import errors, read, verifies
from tests.apps.exports.sample import HOSTILE, finding, hostile, instance, picture, report

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SIZES = ((64, 64), (512, 420), (48, 900), (900, 48), (3000, 3000))


def captured(contents: Contents) -> bytes:
    assert contents.picture is not None
    return as_secondary_capture(contents, contents.picture)


def luminance(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Reference: WCAG 2.1, relative luminance."""
    share = pixels.astype(np.float64) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return linear @ np.array([0.2126, 0.7152, 0.0722])


def contrast(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Of each pixel against the dark ground."""
    ground = luminance(np.array(DARK, dtype=np.uint8))
    return (luminance(pixels) + 0.05) / (ground + 0.05)


@cache
def extent(rows: int, columns: int) -> tuple[slice, slice]:
    """Where a picture of this size lies: what changes when it is white instead of black, the plate included."""
    black, white = (burned_in(report(), picture(rows, columns, grey=grey)) for grey in (0, 255))
    changed = np.argwhere((black != white).any(axis=2))
    (top, left), (_, right) = changed.min(axis=0), changed.max(axis=0)
    return slice(top, top + rows * max(1, -(-512 // max(rows, columns)))), slice(left, right + 1)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("grey", [0, 255, None], ids=["black", "white", "noise"])
def test_the_notice_is_legible_above_and_inside_the_picture(size: tuple[int, int], grey: int | None) -> None:
    shown = picture(*size, grey=grey)
    canvas = burned_in(report(), shown)
    inside = extent(*size)
    blank = burned_in(replace(report(), notice="·" * len(NOTICE)), shown)
    for name, place in (("above", (slice(0, inside[0].start), slice(None))), ("inside", inside)):
        one, other = canvas[place], blank[place]
        changed = np.argwhere((one != other).any(axis=2))
        assert len(changed), name
        (top, left), (bottom, right) = changed.min(axis=0), changed.max(axis=0)
        plate = one[top : bottom + 1, left : right + 1]
        assert (contrast(plate) >= 4.5).mean() > 0.03, name  # there are letters
        assert (contrast(plate) <= 1.2).mean() > 0.4, name  # on a dark ground
        assert bottom - top >= 8, name  # of a height that can be read


@pytest.mark.parametrize("size", [(3000, 3000), (600, 520)])
def test_nothing_but_the_plate_covers_the_picture(size: tuple[int, int]) -> None:
    shown = picture(*size)
    canvas = burned_in(report(picture=shown), shown)
    inside = canvas[extent(*size)]
    changed = np.argwhere((inside != shown.pixels).any(axis=2))
    top, right = changed[:, 0].min(), changed[:, 1].max()
    assert top >= 0.9 * shown.rows
    assert right <= 0.75 * shown.columns
    plate = inside[top:, : right + 1]
    assert (np.abs(plate.astype(int) - np.array(DARK)).max(axis=2) == 0).mean() > 0.5


def test_the_result_is_drawn_and_no_identity() -> None:
    shown = picture(grey=128)
    base = burned_in(report(picture=shown), shown)
    other_result = burned_in(report(picture=shown, findings=(finding(said="0.11"),)), shown)
    other_patient = burned_in(
        report(picture=shown, subject=Subject(name="Z^Z"), instances=(instance(patient_id="Z"),)), shown
    )
    assert (base != other_result).any()
    assert (base == other_patient).all()


def test_many_findings_do_not_bury_the_picture() -> None:
    shown = picture(512, 512, grey=100)
    many = tuple(finding(name=f"finding {number}") for number in range(60))
    assert len(burned_in(report(picture=shown, findings=many), shown)) < 2_000


def test_its_elements_say_what_it_is() -> None:
    capture = read(captured(report()))
    assert (capture.ConversionType, capture.BurnedInAnnotation) == ("WSD", "YES")
    assert capture.DerivationDescription.startswith(NOTICE)
    assert (capture.Modality, capture.PhotometricInterpretation, capture.SamplesPerPixel) == ("OT", "RGB", 3)
    assert [one.ReferencedSOPInstanceUID for one in capture.SourceImageSequence] == ["1.2.3.4"]
    assert (capture.PatientID, str(capture.PatientName), capture.StudyInstanceUID) == (
        "MRN-4711",
        "Müller^Anna",
        "1.2.3.1",
    )
    assert "PixelSpacing" not in capture
    shown = report().picture
    assert shown is not None
    assert (capture.pixel_array == burned_in(report(), shown)).all()


def test_the_sides_of_the_patient_are_in_the_header_too() -> None:
    sided = replace(picture(), letters=("R", "L", "A", "P"))
    assert list(read(captured(report(picture=sided))).PatientOrientation) == ["L", "P"]
    assert not read(captured(report())).PatientOrientation


def test_equal_reports_are_equal_files() -> None:
    assert captured(report()) == captured(report())


@pytest.mark.parametrize("text", HOSTILE)
def test_foreign_text_stays_within_its_elements(text: str) -> None:
    capture = read(captured(hostile(text)))
    for element in capture:
        if element.VR in {"LO", "SH", "ST", "LT", "PN"}:
            assert not any(c < " " or c in "\u202e\u2066" for c in str(element.value))


@verifies
@pytest.mark.parametrize("contents", [report(), *(hostile(text) for text in HOSTILE)])
def test_it_conforms(contents: Contents, tmp_path: Path) -> None:
    assert errors(captured(contents), tmp_path) == []
