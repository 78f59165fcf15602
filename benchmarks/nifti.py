"""How long does a compressed CT take to become a tensor? Our loader, MONAI's LoadImage, nibabel and SimpleITK.

The program writes a volume like a head CT (512² × 290 voxels of 16 bits: air, tissue, noise; about 63 MB compressed)
and reads it by turns: every side once, then again. Each side ends with a 32-bit tensor of all voxels. A side whose
package is not installed is left out, and the table says so. `inflating alone` only decompresses: nobody can be faster.

    python benchmarks/nifti.py
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import json
import os
import platform
import statistics
import sys
import tempfile
import time
import warnings
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
import torch

from medtransfer.core.config.data import ReadConfig
from medtransfer.data.loaders import nifti
from medtransfer.data.nifti.inflate import CHUNK, content_of
from medtransfer.data.values import transformed
from medtransfer.data.walk import files_below

if TYPE_CHECKING:
    from collections.abc import Callable

OURS, INFLATING = "medtransfer", "inflating alone"
REACH = 3.0
"""So many times faster than MONAI is the goal."""


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--repetitions", type=int, default=7)
    words.add_argument("--slices", type=int, default=290)
    words.add_argument("--out", type=Path, default=Path("benchmarks/results/nifti.json"))
    arguments = words.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ct.nii.gz")
        _write(path, arguments.slices)
        sides, missing = _sides()
        _check(sides, path)
        seconds: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(arguments.repetitions):
            for name, side in sides.items():
                seconds[name].append(_time(side, path))
        size = path.stat().st_size
    result = _result(seconds, size, missing)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    _show(result)
    return 0


def _write(path: Path, slices: int) -> None:
    generator = np.random.default_rng(0)
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in (slices, 512, 512)), indexing="ij", sparse=True)
    voxels = np.empty((slices, 512, 512), dtype=np.int16)
    body = (x**2 / 0.8 + y**2 / 0.5 < 1)[0]
    for index in range(slices):
        tissue = 40 + 60 * np.sin(9 * x[0]) * np.cos(7 * y[0] + 3 * z[index])
        noise = generator.normal(0, 12, body.shape)
        voxels[index] = np.where(body, tissue + noise, -1000 + 0.15 * noise)
    image = nibabel.Nifti1Image(voxels.T, np.diag([-0.7, 0.7, 1.25, 1]))
    path.write_bytes(gzip.compress(image.to_bytes(), 6))


def _sides() -> tuple[dict[str, Callable[[Path], torch.Tensor | int]], list[str]]:
    peers = {"MONAI LoadImage": ("monai", _monai), "nibabel": ("nibabel", _nibabel), "SimpleITK": ("SimpleITK", _itk)}
    sides: dict[str, Callable[[Path], torch.Tensor | int]] = {OURS: _ours}
    missing = []
    for name, (package, side) in peers.items():
        if importlib.util.find_spec(package):
            sides[name] = side
        else:
            missing.append(name)
    return sides | {INFLATING: _inflate}, missing


def _ours(path: Path) -> torch.Tensor:
    settings = ReadConfig()
    (item,) = nifti.find(files_below(path).files, settings=settings).items
    return torch.from_numpy(transformed(nifti.load(item, settings=settings)))


@cache
def _monai_reader() -> Any:
    """Made once, before anything is timed, as a pipeline does."""
    with warnings.catch_warnings(action="ignore"):  # about packages that it would like to have
        return importlib.import_module("monai.transforms").LoadImage(reader="NibabelReader", image_only=True)


def _monai(path: Path) -> torch.Tensor:
    return _monai_reader()(path)


def _nibabel(path: Path) -> torch.Tensor:
    return torch.from_numpy(np.asarray(nibabel.load(path).dataobj, dtype=np.float32))  # type: ignore[attr-defined]


def _itk(path: Path) -> torch.Tensor:
    itk = importlib.import_module("SimpleITK")
    return torch.from_numpy(itk.GetArrayFromImage(itk.ReadImage(str(path))).astype(np.float32))


def _inflate(path: Path) -> int:
    with content_of(path) as content:
        return sum(len(piece) for piece in iter(lambda: content.stream.read(CHUNK), b""))


def _check(sides: dict[str, Callable[[Path], torch.Tensor | int]], path: Path) -> None:
    """Every side runs once before it is timed, and holds the same sum of voxels as ours."""
    expected = None
    for name, side in sides.items():
        answer = side(path)
        if isinstance(answer, torch.Tensor):
            total = float(torch.as_tensor(answer).double().sum())
            expected = total if expected is None else expected
            if total != expected or answer.dtype != torch.float32:
                sys.exit(f"{name} reads other voxels: they add up to {total}, not {expected}")


def _time(side: Callable[[Path], torch.Tensor | int], path: Path) -> float:
    start = time.perf_counter()
    side(path)
    return time.perf_counter() - start


def _result(seconds: dict[str, list[float]], size: int, missing: list[str]) -> dict[str, object]:
    rows = {
        name: {
            "median_seconds": statistics.median(values),
            "from": min(values),
            "to": max(values),
            "times_ours": statistics.median(b / a for a, b in zip(seconds[OURS], values, strict=True)),
            "seconds": values,
        }
        for name, values in seconds.items()
    }
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "compressed_bytes": size,
        "reach": f"MONAI LoadImage at least {REACH:g} times ours",
        "missing": missing,
        "sides": rows,
    }


def _show(result: dict) -> None:
    print(f"{result['machine']}; {result['compressed_bytes'] / 1e6:.0f} MB compressed, to a float32 tensor")
    for name, row in result["sides"].items():
        print(
            f"{name:<16} {row['median_seconds']:.3f} s ({row['from']:.3f} to {row['to']:.3f}), "
            f"{row['times_ours']:.2f} times ours"
        )
    for name in result["missing"]:
        print(f"{name:<16} not installed")


if __name__ == "__main__":
    sys.exit(main())
