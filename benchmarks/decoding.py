"""What do isolation and assembly cost? Reading pixels against the decoder alone, and against other readers.

    jpeg_ls, jpeg_2000   300 slices of 512², `stored_values` against the same codec function called on code streams
                         already in memory, in as many plain processes
    workers              the same JPEG-LS slices, one process of the pool against the same function in this process
    pictures             JPEGs of 224², `raster.load` one after another against the same function in this process
    uncompressed         the 300 slices in a folder to one array, `ingest` and `read` included, against MONAI's
                         LoadImage and SimpleITK's series reader, each in a process of its own, and the peak of memory

Both sides take turns. MONAI and SimpleITK are used where they are installed.

    python benchmarks/decoding.py
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from medtransfer.core.config.data import ReadConfig
from medtransfer.data.dicom.codecs import decode_part
from medtransfer.data.dicom.compressed import coding
from medtransfer.data.dicom.frames import frame_spans
from medtransfer.data.dicom.header import read_header
from medtransfer.data.dicom.pixels import PixelSource, pixel_source, stored_values
from medtransfer.data.found import Item
from medtransfer.data.isolation.pool import Pool, usable_cores
from medtransfer.data.isolation.work import Part, Work
from medtransfer.data.loaders import raster

if TYPE_CHECKING:
    from collections.abc import Callable

SIDE, SLICES, PICTURES = 512, 300, 600
SETTINGS = ReadConfig()
PLAIN, JPEG_LS, JPEG_2000 = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90"

READERS = {
    "medtransfer": """
from medtransfer.data.ingest import ingest, read
def load():
    items, _ = ingest(Path(folder))
    (item,) = items
    return read(item).voxels""",
    "monai_default": """
from monai.transforms import LoadImage
def load():
    return LoadImage(image_only=True)(folder)""",
    "monai_pydicom": """
from monai.transforms import LoadImage
def load():
    return LoadImage(reader="PydicomReader", image_only=True)(folder)""",
    "simpleitk": """
import SimpleITK
def load():
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(folder))
    return SimpleITK.GetArrayFromImage(reader.Execute())""",
}
NEEDS = {"monai_default": "monai", "monai_pydicom": "monai", "simpleitk": "SimpleITK"}

CHILD = """
import json, sys, time
from pathlib import Path
folder = sys.argv[1]
{reader}
def status(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(name)), 0)
print(json.dumps(dict(ready=True)), flush=True)
for line in sys.stdin:
    before = status("VmRSS:")
    Path("/proc/self/clear_refs").write_text("5")
    start = time.perf_counter()
    array = load()
    seconds = time.perf_counter() - start
    print(json.dumps(dict(seconds=seconds, peak=status("VmHWM:") - before, shape=list(array.shape))), flush=True)
    del array
"""


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--repetitions", type=int, default=5)
    words.add_argument("--slices", type=int, default=SLICES)
    words.add_argument("--only", nargs="*", default=[], help="rows to measure")
    words.add_argument("--out", type=Path, default=Path("benchmarks/results/decoding.json"))
    arguments = words.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows: dict[str, Callable[[], dict[str, Any]]] = {
            "jpeg_ls": lambda: _codec(folder / "jpeg_ls", JPEG_LS, arguments),
            "jpeg_2000": lambda: _codec(folder / "jpeg_2000", JPEG_2000, arguments),
            "workers": lambda: _workers(folder / "jpeg_ls", arguments),
            "pictures": lambda: _pictures(folder / "pictures", arguments),
            "uncompressed": lambda: _uncompressed(folder / "plain", arguments),
        }
        results = {row: measure() for row, measure in rows.items() if not arguments.only or row in arguments.only}
    machine = {"processor": platform.machine(), "cores": usable_cores(), "python": platform.python_version()}
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps({"machine": machine, "rows": results}, indent=1) + "\n", encoding="utf-8")
    for row, found in results.items():
        for other, ratio in found["ratios"].items():
            print(f"{row:13} {other:28} {ratio['median']:6.3f}  ({ratio['least']:.3f} to {ratio['most']:.3f})")
    return 0


def _series(folder: Path, syntax: str, slices: int) -> list[Path]:
    """A CT-like series: a smooth body, another one in each slice, and noise; 12 bits of 16."""
    paths = [folder / f"{number:04}.dcm" for number in range(slices)]
    if folder.exists():
        return paths
    folder.mkdir()
    row, column = np.mgrid[:SIDE, :SIDE]
    for number, path in enumerate(paths):
        noise = np.random.default_rng(number).normal(0, 20, (SIDE, SIDE))
        body = 1000 + 800 * np.exp(-((column - 256 - number / 3) ** 2 + (row - 256) ** 2) / 2e4)
        _write(path, np.clip(body + noise, 0, 4095).astype(np.uint16), number, syntax)
    return paths


def _write(path: Path, values: np.ndarray, number: int, syntax: str) -> None:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = UID("1.2.840.10008.5.1.4.1.1.2")
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = UID(f"1.2.3.4.{number + 1}")
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = "1.2.3.1", "1.2.3.2", "1.2.3.3"
    dataset.PatientID, dataset.Modality, dataset.InstanceNumber = "P1", "CT", number + 1
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [-180, -180, 1.5 * number], [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing, dataset.SliceThickness = [0.7, 0.7], 1.5
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1024
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = SIDE, SIDE, 1
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.PhotometricInterpretation = "MONOCHROME2"
    if syntax == PLAIN:
        dataset.PixelData = values.tobytes()
    else:
        dataset.PixelData = encapsulate([_encoded(values, syntax)])
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
    dataset.save_as(path, enforce_file_format=True)


def _encoded(values: np.ndarray, syntax: str) -> bytes:
    if syntax == JPEG_LS:
        return bytes(imagecodecs.jpegls_encode(values))
    return bytes(imagecodecs.jpeg2k_encode(values, level=0, reversible=True, codecformat="j2k"))


def _sources(paths: list[Path]) -> list[PixelSource]:
    return [pixel_source(read_header(path), path) for path in paths]


def _codec(folder: Path, syntax: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """`stored_values` against the codec function alone, on as many cores."""
    sources = _sources(_series(folder, syntax, arguments.slices))
    cores, context = usable_cores(), get_context("spawn")
    links = []
    for core in range(cores):
        here, there = context.Pipe()
        context.Process(target=_decode_alone, args=(sources[core::cores], syntax, there), daemon=True).start()
        links.append(here)

    def alone() -> None:
        for link in links:
            link.send(True)
        for link in links:
            link.recv()

    for link in links:
        link.recv()
    found = _compare(
        {"ours": lambda: stored_values(sources, settings=SETTINGS, notes=[]), "decoder_alone": alone},
        arguments.repetitions,
    )
    for link in links:
        link.send(False)
    return found


def _decode_alone(sources: list[PixelSource], syntax: str, link: Any) -> None:
    from openjpeg.utils import decode_pixel_data

    streams = []
    for source in sources:
        with source.path.open("rb") as handle:
            ((position, length),) = frame_spans(handle, source, [])[0]
            handle.seek(position)
            streams.append(handle.read(length))
    link.send(True)
    while link.recv():
        for stream in streams:
            if syntax == JPEG_LS:
                imagecodecs.jpegls_decode(stream)
            else:
                decode_pixel_data(stream, version=2)
        link.send(True)


def _workers(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """One process of a pool against this process, the same function on the same files."""
    sources = _sources(_series(folder, JPEG_LS, arguments.slices))
    parts = []
    for source in sources:
        with source.path.open("rb") as handle:
            spans = frame_spans(handle, source, [])[0]
        values = {**coding(source), "file": str(source.path), "spans": spans, "shape": source.shape, "dtype": "<u2"}
        parts.append(Part(values=values, path=source.path))
    voxels = np.empty((len(parts), SIDE, SIDE), np.uint16)
    size = voxels[0].nbytes
    pool = Pool(1)

    def collect(number: int, _: dict[str, Any], pixels: memoryview) -> None:
        voxels[number] = np.frombuffer(pixels, np.uint16).reshape(SIDE, SIDE)

    work = Work(
        run="medtransfer.data.dicom.codecs:decode_part",
        parts=parts,
        slot=size,
        collect=collect,
        seconds=60,
        memory=8 * size,
    )

    def here() -> None:
        for number, part in enumerate(parts):
            decode_part(part.values, memoryview(voxels[number].reshape(-1)).cast("B"), memoryview(b""), [])

    found = _compare({"ours": lambda: pool.run(work, []), "in_process": here}, arguments.repetitions)
    pool.close()
    return found


def _pictures(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """JPEGs of 224², one after another; the same work in this process."""
    from medtransfer.data.loaders import _raster_pixels

    folder.mkdir()
    row, column = np.mgrid[:224, :224]
    paths = [folder / f"{number}.jpg" for number in range(PICTURES)]
    for number, path in enumerate(paths):
        noise = np.random.default_rng(number).normal(0, 8, (224, 224))
        body = 120 + 90 * np.sin((column + number) / 17) * np.cos(row / 23)
        Image.fromarray(np.clip(body + noise, 0, 255).astype(np.uint8)).save(path, quality=90)
    room = memoryview(bytearray(3 * 224 * 224))

    def here() -> None:
        for path in paths:
            part = {"file": str(path), "suffix": ".jpg", "max_pixels": 2**27, "max_bytes": 2**32}
            shape = _raster_pixels.decode_part(part, room, memoryview(b""), [])["shape"]
            np.frombuffer(room, np.uint8, count=shape[0] * shape[1]).copy()

    def ours() -> None:
        for path in paths:
            raster.load(Item(paths=(path,), loader="raster"), settings=SETTINGS)

    return _compare({"ours": ours, "in_process": here}, arguments.repetitions)


def _uncompressed(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """The whole way, each reader in a process of its own that has loaded it and read the series once."""
    _series(folder, PLAIN, arguments.slices)
    stored = arguments.slices * SIDE * SIDE * 2
    places = os.pathsep.join([str(Path(raster.__file__).parents[3]), os.environ.get("PYTHONPATH", "")])
    children = {
        name: subprocess.Popen(
            [sys.executable, "-c", CHILD.format(reader=reader), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | {"PYTHONPATH": places},
        )
        for name, reader in READERS.items()
        if name not in NEEDS or find_spec(NEEDS[name])
    }
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in children}
    for child in children.values():
        _said(child)
    for _ in range(arguments.repetitions + 1):
        for name, child in children.items():
            assert child.stdin is not None
            child.stdin.write("go\n")
            child.stdin.flush()
            answer = _said(child)
            runs[name].append(answer)
    for child in children.values():
        child.communicate()
    seconds = {name: [run["seconds"] for run in found[1:]] for name, found in runs.items()}
    found = _ratios({"ours": seconds.pop("medtransfer"), **seconds})
    peaks = {name: max(run["peak"] for run in said[1:]) / stored for name, said in runs.items()}
    found["peak_over_stored"] = peaks
    for name, peak in peaks.items():
        print(f"peak memory over stored bytes, {name}: {peak:.2f}")
    return found


def _said(child: subprocess.Popen[str]) -> dict[str, Any]:
    assert child.stdout is not None
    line = child.stdout.readline()
    if not line:
        raise RuntimeError(f"a reader ended with status {child.wait()}: {child.args}")
    return json.loads(line)


def _compare(sides: dict[str, Callable[[], object]], repetitions: int) -> dict[str, Any]:
    """Seconds of each side, taking turns, after one turn that is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for repetition in range(repetitions + 1):
        for name, run in sides.items():
            start = time.perf_counter()
            run()
            if repetition:
                seconds[name].append(time.perf_counter() - start)
    return _ratios(seconds)


def _ratios(seconds: dict[str, list[float]]) -> dict[str, Any]:
    ratios = {}
    for name in [name for name in seconds if name != "ours"]:
        each = [ours / other for ours, other in zip(seconds["ours"], seconds[name], strict=True)]
        ratios[f"ours / {name}"] = {"median": statistics.median(each), "least": min(each), "most": max(each)}
    return {"seconds": seconds, "ratios": ratios}


if __name__ == "__main__":
    sys.exit(main())
