"""How fast is the second epoch, and how much memory does it take? Our cache against MONAI's two.

The same 2,000 pictures of 224² pixels as float tensors, in shuffled batches of 32, without augmentation, one process
without workers on every side. MONAI runs as its documentation recommends: `CacheDataset` with everything cached, and
`PersistentDataset` on the same disk, both behind MONAI's own `DataLoader` with its default collation
(`list_data_collate`); both with meta data (the default) and without (faster), and the faster one counts. Every side is
a process of its own, filled before the clock starts; then they take turns, one epoch to wake up and five by
the clock, so that a machine that slows down slows all.

Memory is the growth from after the imports to the largest value during the epochs, of two figures. *Private* memory
(RssAnon + RssShmem) is what nobody but the process can use, and what a machine must have for it: by it the goal is
judged. The *resident set* also counts mapped pages of files, which lie in the system's page cache for the sides that
read files in other ways as well, are shared between processes and are taken back whenever memory is needed; it is
published beside it. Reference: proc(5), status.

    python benchmarks/cache.py
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

import numpy as np

BATCH, SIDE = 32, 224
EPOCHS = 5
"""By the clock in one turn, since a single one takes some hundredths of a second."""

SIDES = (
    "medtransfer", "CacheDataset", "CacheDataset, no meta data", "PersistentDataset", "PersistentDataset, no meta data",
)  # fmt: skip
KINDS = ("resident", "private")
JUDGED = "private"
GOALS = {"CacheDataset": (1.0, 0.25), "PersistentDataset": (3.0, None)}


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--repetitions", type=int, default=7)
    words.add_argument("--pictures", type=int, default=2000)
    words.add_argument("--out", type=Path, default=Path("benchmarks/results/cache.json"))
    words.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    words.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = words.parse_args()
    if arguments.side:
        return _serve(arguments.side, arguments.folder)
    with tempfile.TemporaryDirectory() as folder:
        _write_pictures(Path(folder), arguments.pictures)
        times, memory = _measure(Path(folder), arguments.repetitions)
    result = _result(times, memory, arguments.pictures)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    _print(result)
    return 0


def _write_pictures(folder: Path, count: int) -> None:
    """Smooth grey pictures with noise, roughly as large on disk as radiographs of that size."""
    from PIL import Image

    generator = np.random.default_rng(0)
    rows, columns = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    lines = ["path,patient_id,label"]
    for i in range(count):
        a, b = generator.uniform(2, 6, 2)
        picture = 120 + 60 * np.sin(a * rows) * np.cos(b * columns) + generator.normal(0, 4, (SIDE, SIDE))
        Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(folder / f"{i:05}.png")
        lines.append(f"{i:05}.png,P{i},{'ab'[i % 2]}")
    (folder / "cohort.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _measure(folder: Path, repetitions: int) -> tuple[dict[str, list[float]], dict[str, dict[str, float]]]:
    """Seconds of every epoch, and mebibytes by kind of memory, by side."""
    _fill(folder)
    times: dict[str, list[float]] = {side: [] for side in SIDES}
    memory: dict[str, dict[str, float]] = {}
    children = {}
    for side in SIDES:
        command = [sys.executable, __file__, "--side", side, "--folder", str(folder)]
        children[side] = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        children[side].stdout.readline()  # filled
    for _ in range(repetitions):
        for side, child in children.items():
            child.stdin.write("epoch\n")
            child.stdin.flush()
            seconds, grown = json.loads(child.stdout.readline())
            times[side].append(seconds)
            memory[side] = grown
    for child in children.values():
        child.stdin.close()
        child.wait(timeout=60)
    return times, memory


def _fill(folder: Path) -> None:
    """Our cache, written by another process than the one that is measured, as any run after the first finds it."""
    program = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import cache; cache._ours({str(folder)!r})"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def _serve(side: str, folder: Path) -> int:
    """Load what the side needs, then run an epoch whenever a line comes in."""
    _import(side)
    before = _memory()
    epoch = _ours(str(folder)) if side == "medtransfer" else _monai(folder, side)
    peak = _peak(epoch, before)
    print("ready", flush=True)
    for _ in sys.stdin:
        peak = _peak(epoch, peak)  # not timed; it also wakes processor and page tables after the others' turns
        gc.collect()
        start, seen = time.perf_counter(), 0
        for _ in range(EPOCHS):
            for batch in epoch():
                seen += len(batch)
        seconds = (time.perf_counter() - start) / EPOCHS
        print(json.dumps((seconds, {kind: peak[kind] - before[kind] for kind in KINDS})), flush=True)
    return 0


def _peak(epoch, so_far: dict[str, float]) -> dict[str, float]:
    """The largest values during an epoch that is not timed."""
    for _ in epoch():
        now = _memory()
        so_far = {kind: max(so_far[kind], now[kind]) for kind in KINDS}
    return so_far


def _import(side: str) -> None:
    """What is imported is no part of what a cache costs."""
    ours = ("medtransfer.data.cache", "medtransfer.data.dataset", "medtransfer.data.loaders.raster")
    for name in ours if side == "medtransfer" else ("monai.data", "monai.transforms"):
        import_module(name)


def _ours(folder: str):
    from medtransfer.core.config.data import PreprocessConfig
    from medtransfer.data.cache import prepare_cohort
    from medtransfer.data.cohort import read_cohort
    from medtransfer.data.dataset import StudySet
    from medtransfer.data.order import Order

    cohort = read_cohort(folder)
    found = prepare_cohort(cohort, preprocess=PreprocessConfig(size=SIDE), folder=Path(folder) / "ours")
    count = len(found.arrays)
    pictures = StudySet(
        arrays=found.arrays,
        rows=tuple((row,) for row in range(count)),
        labels=np.arange(count) % 2,
        patients=np.arange(count),
        names=tuple(cohort.table["path"]),
    )
    order, passes = Order(count, batch_size=BATCH, seed=0, salt=0), iter(range(10**9))

    def epoch():
        number = next(passes)
        for step in range(order.steps_per_epoch):
            batch, _ = pictures.batch(order.at(number * order.steps_per_epoch + step)[0])
            yield batch.load(np.arange(len(batch)))

    return epoch


def _monai(folder: Path, side: str):
    data_of, made_of = (
        import_module("monai.data"),
        import_module("monai.transforms"),
    )  # not among the tools of the tests
    files = [str(path) for path in sorted(folder.glob("*.png"))]
    steps = made_of.Compose(
        [
            made_of.LoadImage(image_only=True, reader="PILReader"),
            made_of.EnsureChannelFirst(channel_dim="no_channel"),
            made_of.ScaleIntensityRange(0, 255, 0, 1),
            made_of.EnsureType(track_meta="no meta data" not in side),
        ]
    )
    if side.startswith("Cache"):
        data = data_of.CacheDataset(files, steps, cache_rate=1.0, num_workers=1, progress=False)
    else:
        data = data_of.PersistentDataset(files, steps, cache_dir=folder / side.replace(",", "").replace(" ", "_"))
        for index in range(len(files)):
            data[index]  # all are on disk: fresh items carry meta data, loaded ones none, and a batch of both fails
    loader = data_of.DataLoader(data, batch_size=BATCH, shuffle=True, num_workers=0, drop_last=True)

    def epoch():
        yield from loader

    return epoch


def _memory() -> dict[str, float]:
    """Mebibytes of this process by kind. Reference: proc(5), status."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    held = {
        name: int(rest.split()[0]) / 1024
        for name, _, rest in (line.partition(":") for line in lines)
        if "Rss" in name or name == "VmRSS"
    }
    return {"resident": held["VmRSS"], "private": held["RssAnon"] + held["RssShmem"]}


def _result(times: dict[str, list[float]], memory: dict[str, dict[str, float]], pictures: int) -> dict:
    from importlib.metadata import version

    best = {
        name: min((side for side in SIDES if side.startswith(name)), key=lambda side: statistics.median(times[side]))
        for name in GOALS
    }
    ratios = {}
    for name, side in best.items():
        pairs = [theirs / ours for ours, theirs in zip(times["medtransfer"], times[side], strict=True)]
        ours = memory["medtransfer"]
        lowest = {kind: min(memory[other][kind] for other in SIDES if other.startswith(name)) for kind in KINDS}
        ratios[name] = {
            "side": side,
            "times_faster": {"median": statistics.median(pairs), "low": min(pairs), "high": max(pairs)},
            "share_of_memory": {kind: ours[kind] / lowest[kind] if lowest[kind] > 0 else None for kind in KINDS},
            "goal": {"times_faster": GOALS[name][0], "share_of_memory": GOALS[name][1]},
        }
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "versions": {name: version(name) for name in ("torch", "numpy", "monai")},
        "pictures": pictures,
        "batch": BATCH,
        "side": SIDE,
        "seconds_an_epoch": times,
        "growth_of_memory_MiB": memory,
        "memory_is_judged_by": JUDGED,
        "ratios": ratios,
    }


def _print(result: dict) -> None:
    print(f"{result['machine']}; {result['pictures']} pictures of {SIDE}², batches of {BATCH}")
    print(f"{'':<34}{'an epoch':>10}{'':24}{'resident':>12}{'private':>12}")
    for side, seconds in result["seconds_an_epoch"].items():
        middle, spread = statistics.median(seconds), f"({min(seconds):.3f} to {max(seconds):.3f})"
        grown = result["growth_of_memory_MiB"][side]
        print(f"{side:<34}{middle:8.3f} s {spread:<24}{grown['resident']:8.1f} MiB{grown['private']:8.1f} MiB")
    for name, ratio in result["ratios"].items():
        faster, share, goal = ratio["times_faster"], ratio["share_of_memory"], ratio["goal"]
        shares = ", ".join(f"{share[kind]:.3f} ({kind})" for kind in KINDS if share[kind] is not None)
        print(
            f"against {name}: {faster['median']:.2f}× as fast ({faster['low']:.2f} to {faster['high']:.2f}), "
            f"goal {goal['times_faster']:g}×; of its memory {shares or 'no share: it holds none'}"
            + (f", goal ≤ {goal['share_of_memory']} of the {JUDGED} part" if goal["share_of_memory"] else "")
        )


if __name__ == "__main__":
    sys.exit(main())
