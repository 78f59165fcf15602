"""What a viewer is told is what the files say: each voxel in its place, each value its own, each file accounted for."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ct_series import write_ct
from nifti_files import write_nifti
from PIL import Image

from medtransfer.core.config.data import ReadConfig
from medtransfer.data.ingest import ingest_together, read
from medtransfer.data.orient import acquired
from medtransfer.data.preprocess import plane_of, to_display, with_window
from medtransfer.prediction.view_values import sent
from medtransfer.prediction.viewing import View, middle_first, view_study

if TYPE_CHECKING:
    from tests.data.conftest import WriteDicom

MESSY = Path(__file__).parents[2] / "sample_data" / "messy"
READ = ReadConfig()

RNG = np.random.default_rng(3)
UNITS = RNG.integers(-900, 900, (5, 8, 6))


def one(files: list[Path], **settings: object) -> View:
    """The one view of a study that is read whole."""
    found = view_study(files, ReadConfig.model_validate(settings))
    assert not found.unread
    (view,) = found.views
    return view


def displayed(view: View, index: int) -> np.ndarray:
    """One slice as a browser draws it, from nothing but what it is sent: in [0, 1]."""
    said = view.geometry()
    stored = view.voxels[index].astype(np.float64)
    values = stored * said["slope"] + said["intercept"]
    centre, width, function = (said["window"][name] for name in ("centre", "width", "function"))
    if function == "SIGMOID":
        shown = 1 / (1 + np.exp(-4 * (values - centre) / width))
    elif function == "LINEAR":
        shown = np.clip((values - (centre - 0.5)) / (width - 1) + 0.5, 0, 1)
    else:
        shown = np.clip((values - centre) / width + 0.5, 0, 1)
    if said["inverted"]:
        shown = 1 - shown
    if said["padding"] is not None:
        shown[(stored >= said["padding"][0]) & (stored <= said["padding"][1])] = 0
    return shown


def is_displayed_as_the_package_does(files: list[Path]) -> None:
    """Every slice of every view, held against `to_display`."""
    items, _ = ingest_together(files, settings=READ)
    views = view_study(files, READ).views
    assert len(views) == len(items) > 0
    for item, view in zip(items, views, strict=True):
        turned, _ = acquired(with_window(read(item)))
        for index in range(view.slices):
            expected = to_display(plane_of(turned, index))
            np.testing.assert_allclose(displayed(view, index), expected, atol=2e-3)


@pytest.mark.parametrize("name", ["head", "brain.nii", "loop.dcm", "wrist.png", "disc.zip"])
def test_a_browser_shows_what_the_package_shows(name: str) -> None:
    place = MESSY / name
    is_displayed_as_the_package_does(
        [p for p in sorted(place.iterdir()) if p.name != "IM0006"] if place.is_dir() else [place]
    )


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"PhotometricInterpretation": "MONOCHROME1"},
        {"PhotometricInterpretation": "MONOCHROME1", "PixelPaddingValue": 3},
        {"PixelPaddingValue": 0, "PixelPaddingRangeLimit": 40},
        {"RescaleSlope": 2.5, "RescaleIntercept": -70, "WindowCenter": 120, "WindowWidth": 90},
        {"WindowCenter": 80, "WindowWidth": 40, "VOILUTFunction": "SIGMOID"},
        {"WindowCenter": 80, "WindowWidth": 40, "VOILUTFunction": "LINEAR_EXACT"},
    ],
)
def test_radiographs_are_shown_as_their_headers_say(write_dicom: WriteDicom, tags: dict[str, Any]) -> None:
    is_displayed_as_the_package_does([write_dicom("a.dcm", **tags)])


def lut(kind: str, first: int = 20, bits: int = 12) -> dict[str, object]:
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    entries = (np.linspace(0, 1, 128) ** 2 * ((1 << bits) - 1)).astype(np.uint16)
    table = Dataset()
    table.LUTDescriptor = [len(entries), first, bits]
    table["LUTDescriptor"].VR = "US"
    table.LUTData = entries.tobytes()
    table["LUTData"].VR = "OW"
    if kind == "Modality":
        table.ModalityLUTType = "US"
    return {f"{kind}LUTSequence": Sequence([table])}


@pytest.mark.parametrize("kind", ["VOI", "Modality"])
@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("padding", [None, 30])
def test_tables_are_applied_and_said(write_dicom: WriteDicom, kind: str, inverted: bool, padding: int | None) -> None:
    photometric = "MONOCHROME1" if inverted else "MONOCHROME2"
    tags = {"PhotometricInterpretation": photometric, "PixelPaddingValue": padding, **lut(kind)}
    file = write_dicom("a.dcm", **tags)
    is_displayed_as_the_package_does([file])
    view = one([file])
    assert any(note.startswith("TableApplied") for note in view.notes)
    assert view.units == ""


ORIENTATIONS = {
    "axial": (1, 0, 0, 0, 1, 0),
    "axial turned over": (-1, 0, 0, 0, 1, 0),
    "axial on its head": (1, 0, 0, 0, -1, 0),
    "prone": (-1, 0, 0, 0, -1, 0),
    "coronal": (1, 0, 0, 0, 0, -1),
    "sagittal": (0, 1, 0, 0, 0, -1),
    "transposed": (0, 1, 0, 1, 0, 0),
    "oblique": (np.cos(0.4), np.sin(0.4), 0, -np.sin(0.4) * np.cos(0.3), np.cos(0.4) * np.cos(0.3), np.sin(0.3)),
}


@pytest.mark.parametrize("name", ORIENTATIONS)
def test_a_voxel_stays_in_its_place_in_the_patient(tmp_path: Path, name: str) -> None:
    """The brightest voxel lies, by the view's affine, where DICOM's own formula (PS3.3 C.7.6.2.1.1) puts it."""
    row, column = np.array(ORIENTATIONS[name][:3], float), np.array(ORIENTATIONS[name][3:], float)
    units = np.zeros((4, 7, 9), dtype=int)
    units[3, 1, 6] = 800
    start = np.array([-30.0, 12.0, 55.0])
    positions = start + np.arange(4)[:, None] * 5.0 * np.cross(row, column)
    view = one(write_ct(tmp_path / "ct", units, orientation=[*row, *column], positions=positions))
    place = np.unravel_index(int(view.voxels.argmax()), view.voxels.shape)
    assert view.affine is not None
    lps = positions[3] + 1 * 2.0 * column + 6 * 1.0 * row
    np.testing.assert_allclose((view.affine @ [*place, 1])[:3], lps * [-1, -1, 1], atol=1e-4)
    assert view.voxels[place] * view.slope + view.intercept == 800
    is_displayed_as_the_package_does(sorted((tmp_path / "ct").iterdir()))


@pytest.mark.parametrize("name", ORIENTATIONS)
def test_letters_say_where_the_affine_goes(tmp_path: Path, name: str) -> None:
    view = one(write_ct(tmp_path / "ct", UNITS, orientation=ORIENTATIONS[name]))
    assert view.affine is not None
    signs = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "H": (2, 1), "F": (2, -1)}
    for axis, (first, last) in enumerate(view.letters):
        direction = view.affine[:3, axis] / np.linalg.norm(view.affine[:3, axis])
        for letter in last:
            world, sign = signs[letter]
            assert direction[world] * sign >= np.sin(np.radians(15)) - 1e-9
        assert abs(direction[signs[last[0]][0]]) == np.abs(direction).max()
        assert len(first) == len(last) >= 1
        assert all(signs[a] == (signs[b][0], -signs[b][1]) for a, b in zip(first, last, strict=True))


def test_the_patients_left_is_on_the_viewers_right(tmp_path: Path) -> None:
    for number, name in enumerate(("axial", "axial turned over", "axial on its head", "prone", "coronal")):
        view = one(write_ct(tmp_path / str(number), UNITS, orientation=ORIENTATIONS[name]))
        assert view.letters[2] == ("R", "L"), name
    assert one(write_ct(tmp_path / "x", UNITS, orientation=ORIENTATIONS["oblique"])).letters[2][1][0] == "L"


def test_spacing_is_that_of_the_axes(tmp_path: Path) -> None:
    view = one(write_ct(tmp_path / "ct", UNITS))
    assert view.spacing == pytest.approx((5.0, 2.0, 1.0))
    assert view.spacing_at == "patient"
    turned = one(write_ct(tmp_path / "turned", UNITS, orientation=ORIENTATIONS["transposed"]))
    assert turned.spacing == pytest.approx((5.0, 1.0, 2.0))


def test_projections_have_their_letters_and_their_scale(write_dicom: WriteDicom) -> None:
    file = write_dicom("a.dcm", PatientOrientation=["L", "F"], ImagerPixelSpacing=[0.2, 0.1], ViewPosition="PA")
    view = one([file])
    assert view.letters == (("", ""), ("H", "F"), ("R", "L"))
    assert (view.spacing, view.spacing_at) == ((1.0, 0.2, 0.1), "detector")
    assert (view.label, view.facts) == ("CR · PA", "CR · view PA")
    assert view.why_no_mpr


def uneven(tmp_path: Path) -> list[Path]:
    return write_ct(tmp_path / "ct", UNITS, positions=np.array([[0, 0, z] for z in (0.0, 5, 10, 17.5, 25)]))


def tilted(tmp_path: Path) -> list[Path]:
    return write_ct(tmp_path / "ct", UNITS, positions=np.array([[0, 1.3 * z, 5.0 * z] for z in range(5)]))


def loop(tmp_path: Path) -> list[Path]:
    del tmp_path
    return [MESSY / "loop.dcm"]


def lone(tmp_path: Path) -> list[Path]:
    return write_ct(tmp_path / "ct", UNITS[:1])


@pytest.mark.parametrize(
    ("make", "word"), [(uneven, "unevenly"), (tilted, "tilted"), (loop, "Frames"), (lone, "one plane")]
)
def test_planes_across_slices_are_blocked_with_a_reason(tmp_path: Path, make: object, word: str) -> None:
    view = one(make(tmp_path))  # pyright: ignore[reportCallIssue]
    said = view.geometry()
    assert said["mpr"] is False
    assert word in said["why_no_mpr"]


def test_regular_volumes_have_planes_across(tmp_path: Path) -> None:
    view = one(write_ct(tmp_path / "ct", UNITS, orientation=ORIENTATIONS["oblique"]))
    assert view.geometry()["mpr"] is True


def test_two_stacks_and_a_scout_are_never_one_volume(tmp_path: Path) -> None:
    """Slices across two directions of one series are two views; a scout stays out, and is said."""
    first = write_ct(tmp_path / "a", UNITS, series="1.2.3.8")
    coronal = write_ct(tmp_path / "b", UNITS, series="1.2.3.8", orientation=ORIENTATIONS["coronal"])
    found = view_study([*first, *coronal], READ)
    assert sorted(view.part for view in found.views) == ["stack 1 of 2", "stack 2 of 2"]
    assert [view.slices for view in found.views] == [5, 5]
    assert all(view.part in view.label for view in found.views)
    head = view_study(sorted((MESSY / "head").iterdir()), READ)
    assert [view.slices for view in head.views] == [6]
    (scout,) = head.unread
    assert "LOCALIZER" in scout.problem
    assert scout.by_rule


@pytest.mark.parametrize("name", ["uint8", "int16", "uint16", "int8", "int32", "uint32", "float32", "float64"])
def test_whole_numbers_come_through_without_loss(tmp_path: Path, name: str) -> None:
    low, high = (0, 250) if name == "uint8" else (-128, 127) if name == "int8" else (-1000, 3000)
    if name.startswith("u") and name != "uint8":
        low, high = 5, 60_000
    voxels = RNG.integers(low, high, (6, 5, 4), endpoint=True).astype(name)
    view = one([write_nifti(tmp_path / "a.nii", voxels)])
    assert view.voxels.dtype.name in {"uint8", "int16", "uint16"}
    values = view.voxels * view.slope + view.intercept
    assert sorted(values.ravel().tolist()) == sorted(voxels.ravel().tolist())
    assert not any(note.startswith("Quantised") for note in view.notes)


@pytest.mark.parametrize("shift", [-2_000_000_000, 70_000, 2_000_000_000])
def test_far_away_whole_numbers_are_shifted(tmp_path: Path, shift: int) -> None:
    voxels = (RNG.integers(0, 65_534, (6, 5, 4)) + shift).astype(np.int32)
    view = one([write_nifti(tmp_path / "a.nii", voxels)])
    values = view.voxels.astype(np.int64) + int(view.intercept)
    assert sorted(values.ravel().tolist()) == sorted(voxels.astype(np.int64).ravel().tolist())


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e5])
def test_what_does_not_fit_is_off_by_half_a_step_and_said(tmp_path: Path, scale: float) -> None:
    voxels = (RNG.standard_normal((6, 5, 4)) * scale).astype(np.float32)
    view = one([write_nifti(tmp_path / "a.nii", voxels)])
    assert any(note.startswith("Quantised") for note in view.notes)
    values = np.sort((view.voxels.astype(np.float64) * view.slope + view.intercept).ravel())
    assert np.abs(values - np.sort(voxels.ravel().astype(np.float64))).max() <= view.slope / 2 * 1.001


@pytest.mark.parametrize("kind", ["float32", "int32"])
def test_background_stays_background_where_voxels_are_made_anew(tmp_path: Path, kind: str) -> None:
    """What is no number, or padding by the header, is black whatever the window."""
    file = write_nifti(tmp_path / "a.nii", (RNG.standard_normal((6, 5, 4)) * 1e6).astype(kind))
    (item,), _ = ingest_together([file], settings=READ)
    scan = read(item)
    voxels = scan.voxels.copy()
    voxels[0, 0, 0] = voxels[2, 3, 1] = 17
    if kind == "float32":
        voxels[1, 1, 1] = np.nan
    ready = sent(replace(scan, voxels=voxels, presentation=replace(scan.presentation, padding=(17, 17))))
    assert ready.padding == (-32_768, -32_768)
    assert np.array_equal(ready.voxels == -32_768, (voxels == 17) | np.isnan(voxels))


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf, 7.5])
def test_nothing_to_tell_apart_is_still_drawable(tmp_path: Path, value: float) -> None:
    found = view_study([write_nifti(tmp_path / "a.nii", np.full((6, 5, 4), value, dtype=np.float32))], READ)
    assert found.views or found.unread
    for view in found.views:
        said = json.dumps(view.geometry(), allow_nan=False)
        assert json.loads(said)["window"]["width"] > 0


def test_geometry_is_json_without_paths() -> None:
    files = [file for file in sorted(MESSY.rglob("*")) if file.is_file() and file.suffix != ".zip"]
    found = [view_study([file], READ) for file in files]
    for study in found:
        for view in study.views:
            said = json.dumps(view.geometry(), allow_nan=False)
            assert str(MESSY.parent) not in said
            assert view.voxels.flags.c_contiguous
            assert view.voxels.dtype.byteorder in "=|<"
    assert sum(len(study.views) for study in found) > 5


@pytest.mark.parametrize("slices", [1, 2, 3, 4, 5, 300, 301])
def test_the_middle_comes_first_and_nothing_is_left_out(slices: int) -> None:
    order = middle_first(slices)
    assert sorted(order) == list(range(slices))
    assert order[0] == slices // 2
    away = [abs(index - slices // 2) for index in order]
    assert away == sorted(away)
    assert order[1:3] in {(), (slices // 2 - 1,), (slices // 2 + 1, slices // 2 - 1)}


def test_a_key_is_of_voxels_and_of_how_they_are_shown(tmp_path: Path) -> None:
    same = [one(write_ct(tmp_path / name, UNITS)) for name in ("a", "b")]
    assert same[0].key == same[1].key
    other = UNITS.copy()
    other[2, 3, 3] += 1
    changed = [
        one(write_ct(tmp_path / "c", other)),
        one(write_ct(tmp_path / "d", UNITS, WindowWidth=399)),
        one(write_ct(tmp_path / "e", UNITS, spacing=(5.0, 2.0, 1.1))),
    ]
    assert len({view.key for view in (*same, *changed)}) == 4


def test_the_digest_of_a_study_is_of_its_content(tmp_path: Path) -> None:
    files = write_ct(tmp_path / "a", UNITS)
    digest = view_study(files, READ).sha256
    assert view_study(files[::-1], READ).sha256 == digest
    for number, file in enumerate(files):
        file.rename(file.with_name(f"renamed {number}"))
    assert view_study([tmp_path / "a"], READ).sha256 == digest
    changed = next((tmp_path / "a").iterdir())
    changed.write_bytes(changed.read_bytes()[:-1] + b"\x07")
    assert view_study([tmp_path / "a"], READ).sha256 != digest


def test_wrong_and_damaged_files_are_said_and_never_raised(tmp_path: Path) -> None:
    contents = {
        "empty.png": b"",
        "junk.dcm": b"\x00" * 300,
        "magic.dcm": b"\x00" * 128 + b"DICM" + b"\xff" * 40,
        "html.jpg": b"<html>404</html>",
        "note.txt": b"a note",
        "cut.png": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
        "cut.nii": b"\x5c\x01\x00\x00" + b"\x00" * 500,
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    Image.fromarray(np.full((8, 8), 9, np.uint8)).save(tmp_path / "good.png")
    files = [*(tmp_path / name for name in contents), tmp_path / "absent.png", tmp_path / "good.png"]
    found = view_study(files, READ)
    assert [view.path.name for view in found.views] == ["good.png"]
    assert {entry.path for entry in found.unread} == set(files[:-1])
    assert all(entry.problem for entry in found.unread)
    assert view_study([], READ).views == ()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_said(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.touch(mode=0)
    assert view_study([file], READ).unread


def test_cut_anywhere_a_file_is_read_or_said(tmp_path: Path) -> None:
    (whole,) = write_ct(tmp_path / "ct", UNITS[:1])
    content = whole.read_bytes()
    for length in range(0, len(content), 37):
        whole.write_bytes(content[:length])
        found = view_study([whole], READ)
        assert len(found.views) + len(found.unread) == 1, length


def test_hostile_text_stays_one_visible_line(write_dicom: WriteDicom) -> None:
    from pydicom import config

    hostile = "<b>x\x1b[2J\u202e\nMR"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config.settings, "reading_validation_mode", config.IGNORE)
        patch.setattr(config.settings, "writing_validation_mode", config.IGNORE)
        file = write_dicom("a.dcm", Manufacturer=hostile, SpecificCharacterSet="ISO_IR 192")
    (view,) = view_study([file], READ).views
    said = json.dumps(view.geometry(), ensure_ascii=False)
    assert "<b>x" in said
    assert said.isprintable()


def test_the_pair_that_sampling_caches_confuse_has_two_keys(tmp_path: Path) -> None:
    """Two volumes that differ in sixteen voxels, which a cache keyed by a sample of the array takes for one."""
    volume = RNG.integers(0, 200, (64, 256, 256)).astype(np.int16)
    lesion = volume.copy()
    lesion[30:32, 100:104, 100:102] += 900
    assert (volume != lesion).sum() == 16
    pair = [one([write_nifti(tmp_path / f"{name}.nii", v.transpose())]) for name, v in (("a", volume), ("b", lesion))]
    assert pair[0].key != pair[1].key
    digests = {view_study([tmp_path / name], READ).sha256 for name in ("a.nii", "b.nii")}
    assert len(digests) == 2
