"""From Enter in the app's worklist to the first picture of a CT of 300 DICOM files; a part of `viewer.py`.

The app is its own server, in a process of its own, with a network that was never trained. Of every opening

1. *the server's part* lasts from the key to the moment in which the page begins to build the viewer: the screen is run,
   the files are read and hashed, the voxels published;
2. *the viewer's part* from there to the frame that shows the middle slice: modules, voxels, drawing.

*Reading the files* is what `view_study` alone takes in a process that does nothing else, and so a share of 1.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydicom.uid import CTImageStorage

import medtransfer as mt
from medtransfer.core.config.data import PreprocessConfig, ReadConfig
from medtransfer.core.config.models import ModelConfig
from medtransfer.models.assemble import new_classifier
from medtransfer.models.bundle import Manifest, Member, write_bundle
from medtransfer.models.classifier import Question
from tests.apps.conftest import BACKBONE, operating_point, training_record, write_radiograph
from tests.apps.server.test_serving import serving

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medtransfer.models.bundle import Bundle

NAME: Final = "chest"
SIZE: Final = {"width": 1440, "height": 900}

WATCH = """() => {
  window.opening = new Promise((done, failed) => {
    setTimeout(() => failed(new Error("no picture within a minute")), 60000);
    addEventListener("keydown", ({ key }) => {
      if (key !== "Enter") return;
      const from = performance.now();
      const place = "[data-testid^=stBidiComponent]";
      const look = () => {
        const parts = [...document.querySelectorAll(`${place}, ${place} *`)];
        const drawn = parts.some((one) => (one.shadowRoot ?? one).querySelector('.viewer[data-drawn="yes"]'));
        if (!drawn) { requestAnimationFrame(look); return; }
        const modules = performance.getEntriesByType("resource").filter(({ name }) => name.includes("/viewer/main.js"));
        done({ server: modules[0].startTime - from, viewer: performance.now() - modules[0].startTime });
      };
      look();
    }, { capture: true });
  });
}"""


def openings(browser: Any, voxels: NDArray[Any], visits: int) -> dict[str, list[float]]:
    """Milliseconds of each part, a number for every visit; the first visit to a fresh server stands first.

    Args:
        browser: Playwright's.
        voxels: `slice row column` of int16, Hounsfield units + 1024.
        visits: How often the study is opened, each time by a browser that has nothing cached.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        files = [_written(folder / "studies" / NAME, number, plane) for number, plane in enumerate(voxels)]
        found: dict[str, list[float]] = {
            "reading the files": [_reading(files)],
            "server": [],
            "viewer": [],
            "opening": [],
        }
        with serving(folder, _bundle(folder / "bundle"), folder / "studies") as server:
            for _ in range(visits):
                parts = _opened(browser, server.address)
                for name, spent in parts.items():
                    found[name].append(spent)
                found["opening"].append(sum(parts.values()))
    return found


def _opened(browser: Any, address: str) -> dict[str, float]:
    context = browser.new_context(viewport=SIZE)
    page = context.new_page()
    page.goto(address)
    box = page.get_by_label("Open a study")
    box.wait_for(timeout=60_000)
    page.wait_for_timeout(1000)
    box.focus()
    page.keyboard.type(NAME)
    page.get_by_role("option", name=NAME).wait_for(timeout=30_000)
    page.evaluate(WATCH)
    page.keyboard.press("Enter")
    parts = page.evaluate("() => window.opening")
    page.get_by_role("button", name="Back to the worklist").click()
    with suppress(Exception):  # only to give the study back
        box.wait_for(timeout=10_000)
    context.close()
    return parts


def _reading(files: list[Path]) -> float:
    start = time.perf_counter()
    mt.view_study(files, ReadConfig())
    return 1000 * (time.perf_counter() - start)


def _written(folder: Path, number: int, plane: NDArray[Any]) -> Path:
    return write_radiograph(
        folder / f"{number:03}.dcm",
        SOPClassUID=CTImageStorage,
        Modality="CT",
        PatientID="chest",
        StudyInstanceUID="1.2.4",
        SOPInstanceUID=f"1.2.4.{number + 1}",
        ImageType=["ORIGINAL", "PRIMARY", "AXIAL"],
        InstanceNumber=number + 1,
        ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        ImagePositionPatient=[-180, -180, float(number)],
        PixelSpacing=[0.7, 0.7],
        SliceThickness=1,
        Rows=plane.shape[0],
        Columns=plane.shape[1],
        BitsStored=16,
        HighBit=15,
        PixelRepresentation=1,
        RescaleSlope=1,
        RescaleIntercept=-1024,
        WindowCenter=40,
        WindowWidth=400,
        PixelData=plane.tobytes(),
    )


def _bundle(folder: Path) -> Bundle:
    model = new_classifier(ModelConfig(backbone=BACKBONE), question=Question("multiclass", 2), seed=0)
    tensors = {name: tensor.detach().numpy() for name, tensor in model.state_dict().items()}
    manifest = Manifest(
        medtransfer_version="0.1.0",
        classes=("normal", "pneumonia"),
        positive="pneumonia",
        preprocess=PreprocessConfig(size=64),
        members=(Member(backbone=BACKBONE, file="network.safetensors", sha256="", input=model.spec),),
        operating_point=operating_point(),
        training=training_record().model_copy(update={"modalities": ("CT",)}),
    )
    folder.mkdir()
    return write_bundle(folder, manifest, {"network.safetensors": tensors})
