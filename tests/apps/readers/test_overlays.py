"""Only volumes that say they lie in one space are laid over each other; in the app they do so on the same voxel."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
import pytest
from pydicom.uid import CTImageStorage

import medtransfer as mt
from apps.readers.overlays import NIFTI, frame_of, overlays
from apps.server.voxels import Ticket
from medtransfer.core.config.data import ReadConfig
from tests.apps.conftest import write_radiograph
from tests.apps.server.test_serving import serving

if TYPE_CHECKING:
    from pathlib import Path

    from medtransfer.models.bundle import Bundle

CHROMIUM = shutil.which("chromium")
ROWS, COLUMNS, SLICES = 64, 64, 12
HOT = (40, 20)
"""Row and column of the middle of what is bright in the second series."""


def write_series(folder: Path, number: int, *, frame: str, half: bool = False, hot: bool = False) -> list[Path]:
    """A CT of 12 slices of 64²; `half`: the same field on half as many slices, rows and columns."""
    step = 2 if half else 1
    files = []
    rows, columns = np.mgrid[0:ROWS:step, 0:COLUMNS:step] + (step - 1) / 2
    for slice_ in range(0, SLICES, step):
        pixels = np.where((rows - 32) ** 2 + (columns - 32) ** 2 < 28**2, 1060, 24).astype(np.int16)
        if hot:
            pixels = np.where((abs(rows - HOT[0]) < 3) & (abs(columns - HOT[1]) < 3), 1224, 1024).astype(np.int16)
        first = (step - 1) / 2
        files.append(
            write_radiograph(
                folder / f"{number}-{slice_:02}.dcm",
                SOPClassUID=CTImageStorage,
                Modality="CT",
                SOPInstanceUID=f"1.2.{number}.{slice_ + 1}",
                StudyInstanceUID="1.2.3",
                SeriesInstanceUID=f"1.2.3.{number}",
                **({"FrameOfReferenceUID": frame} if frame else {}),
                ImageType=["ORIGINAL", "PRIMARY", "AXIAL"],
                InstanceNumber=slice_ + 1,
                ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
                ImagePositionPatient=[-32 + first, -32 + first, 2.0 * (slice_ + first)],
                PixelSpacing=[1.0 * step, 1.0 * step],
                SliceThickness=2.0 * step,
                Rows=pixels.shape[0],
                Columns=pixels.shape[1],
                BitsStored=16,
                HighBit=15,
                PixelRepresentation=1,
                RescaleSlope=1,
                RescaleIntercept=-1024,
                WindowCenter=100,
                WindowWidth=200,
                PixelData=pixels.tobytes(),
            )
        )
    return files


def laid(files: list[Path]) -> tuple[list[mt.View], list[list[dict[str, Any]]]]:
    views = list(mt.view_study(files, ReadConfig()).views)
    return views, overlays(views, [Ticket(f"medtransfer/voxels/{i}", "t") for i in range(len(views))])


def test_two_series_of_one_frame_may_be_laid_over_each_other_and_others_not(tmp_path: Path) -> None:
    files = [
        *write_series(tmp_path, 1, frame="1.9.1"),
        *write_series(tmp_path, 2, frame="1.9.1", half=True, hot=True),
        *write_series(tmp_path, 3, frame="1.9.2", hot=True),
        *write_series(tmp_path, 4, frame=""),
        write_radiograph(tmp_path / "5.dcm", SeriesInstanceUID="1.2.3.5", FrameOfReferenceUID="1.9.1"),
    ]
    views, found = laid(files)
    frames = [frame_of(view) for view in views]
    assert sorted(frames) == ["", "", "1.9.1", "1.9.1", "1.9.2"]
    for view, frame, over in zip(views, frames, found, strict=True):
        others = [
            other.key for other, theirs in zip(views, frames, strict=True) if theirs == frame and other is not view
        ]
        assert [one["key"] for one in over] == (others if frame == "1.9.1" else [])
    (over,) = found[frames.index("1.9.1")]
    assert over["range"] == [0.0, 200.0]
    assert over["shape"] == [6, 32, 32]
    assert over["url"] == "medtransfer/voxels/1"


def test_nifti_volumes_of_one_study_are_taken_to_lie_in_the_scanners_space(tmp_path: Path) -> None:
    for number, shape in enumerate(((8, 9, 10), (4, 5, 6))):
        volume = np.random.default_rng(number).integers(0, 900, shape).astype(np.int16)
        nibabel.save(nibabel.Nifti1Image(volume, np.diag([2.0, 2.0, 3.0, 1.0])), tmp_path / f"{number}.nii.gz")
    views, found = laid(sorted(tmp_path.iterdir()))
    assert [frame_of(view) for view in views] == [NIFTI, NIFTI]
    assert [len(over) for over in found] == [1, 1]


YELLOW = """(canvas) => {
  const { width, height, clientWidth, clientHeight } = canvas;
  const copy = new OffscreenCanvas(width, height).getContext("2d");
  copy.drawImage(canvas, 0, 0);
  const data = copy.getImageData(0, 0, width, height).data;
  let [x, y, n] = [0, 0, 0];
  for (let i = 0; i < data.length; i += 4) {
    if (data[i] - data[i + 2] < 40) continue;
    x += (i / 4) % width; y += Math.floor(i / 4 / width); n += 1;
  }
  return { x: x / n, y: y / n, n, width: clientWidth, height: clientHeight };
}"""


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
@pytest.mark.slow
def test_in_the_app_a_volume_is_fetched_when_it_is_switched_on_and_lies_on_its_voxel(
    bundle: Bundle, tmp_path: Path
) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    write_series(tmp_path / "in" / "pair", 1, frame="1.9.1")
    write_series(tmp_path / "in" / "pair", 2, frame="1.9.1", half=True, hot=True)
    fetched: list[str] = []
    with serving(tmp_path, bundle, tmp_path / "in") as server, playwright.sync_playwright() as driver:
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.on("request", lambda one: fetched.append(one.url) if "/medtransfer/voxels/" in one.url else None)
        page.goto(f"{server.address}/study?study=pair")
        page.locator(".viewer[data-whole=yes]").wait_for(timeout=60_000)
        page.get_by_text("Plain pictures").wait_for()
        assert len(fetched) == 1
        canvas = page.locator("canvas[role=application]").first
        canvas.focus()
        page.keyboard.press("x")  # the cross-hair is coloured, too
        page.wait_for_timeout(300)
        assert canvas.evaluate(YELLOW)["n"] == 0
        page.keyboard.press("h")
        page.locator(".heat span", has_text="200").wait_for()
        page.wait_for_timeout(500)
        seen = canvas.evaluate(YELLOW)
        assert len(set(fetched)) == len(fetched) == 2
        scale = min(seen["width"] / COLUMNS, seen["height"] / ROWS)
        for at, middle, size, n in (("x", HOT[1], "width", COLUMNS), ("y", HOT[0], "height", ROWS)):
            wanted = seen[size] / 2 + (middle + 0.5 - n / 2) * scale
            assert abs(seen[at] - wanted) <= 1.0 * scale, (at, seen, wanted)
        page.keyboard.press("o")
        assert "60 %" in page.locator(".corner.series").first.inner_text()
        page.locator("select.series").select_option("1")  # is on the page already: as overlay it came
        page.locator(".viewer[data-whole=yes]").wait_for()
        page.wait_for_timeout(300)
        assert len(fetched) == 2
        page.keyboard.press("h")
        browser.close()
