"""What does a large cohort cost? `predict` over 10² to 10⁶ studies: time a row, resident memory, and committing.

    rows      time a row and largest resident set for each size, in a process of its own that has predicted a small
              cohort before, so that imports are not counted; the time of loading the network is taken off, too
    machinery the same with neither files nor a network, so that a million rows are affordable: reading and checking the
              table, batches, commits and the written tables alone
    commits   blocks of rows with every batch committed, against the same with one commit at the end, taking turns

The pictures are tiny, and the network is SqueezeNet 1.1 with random parameters: whatever grows with the cohort shows
all the more beside them. Rows name hard links to a few hundred files, so that a million fit on a small disk. With
`--in-process` pictures are not decoded in a process of their own, which costs more than decoding such small ones.

    python benchmarks/cohort_run.py
    python benchmarks/cohort_run.py --rows 100 1000 10000 100000 1000000 --minutes 120
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PARTS = ("rows", "machinery", "commits")
FILES, LINKS = 400, 5000
WARM = 64


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--rows", type=int, nargs="+", default=[100, 1000, 10_000, 100_000])
    words.add_argument("--side", type=int, default=32, help="of the pictures as the network sees them")
    words.add_argument("--minutes", type=float, default=60.0, help="no size is begun that would end later")
    words.add_argument("--in-process", action="store_true", help="decode in this process")
    words.add_argument("--blocks", type=int, default=9)
    words.add_argument("--block-rows", type=int, default=480)
    words.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    words.add_argument("--out", type=Path, default=Path("benchmarks/results/cohort_run.json"))
    words.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    words.add_argument("--quiet", action="store_true", help=argparse.SUPPRESS)
    words.add_argument("--bare", action="store_true", help=argparse.SUPPRESS)
    arguments = words.parse_args()
    if arguments.in_process:
        from medtransfer.data.isolation import pool

        pool.isolation_available = lambda: False
    if arguments.bare:
        _without_files()
    if arguments.child:
        print(json.dumps(_timed(*map(Path, arguments.child))))
        return 0
    found: dict[str, Any] = json.loads(arguments.out.read_text(encoding="utf-8")) if arguments.out.is_file() else {}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        write_bundle(home / "bundle", side=arguments.side)
        for part, option in (("rows", "--in-process" if arguments.in_process else "--quiet"), ("machinery", "--bare")):
            if part in arguments.parts:
                (home / part).mkdir()
                print(part, flush=True)
                found[part] = _sizes(home / part, home / "bundle", arguments.rows, arguments.minutes, option)
        if "commits" in arguments.parts:
            found["commits"] = _commits(home, arguments.blocks, arguments.block_rows)
    found["machine"] = {"cores": os.cpu_count(), "side": arguments.side, "in_process": arguments.in_process}
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0


def write_bundle(folder: Path, *, side: int) -> None:
    """SqueezeNet 1.1 with random parameters."""
    from medtransfer.core.config.data import PreprocessConfig
    from medtransfer.core.config.models import ModelConfig
    from medtransfer.models import bundle
    from medtransfer.models.assemble import new_classifier
    from medtransfer.models.classifier import Question
    from medtransfer.models.weights.sidecar import InputSpec

    model = new_classifier(ModelConfig(backbone="squeezenet1_1"), question=Question("multiclass", 2), seed=0)
    member = bundle.Member(backbone="squeezenet1_1", file="network.safetensors", sha256="", input=InputSpec())
    training = bundle.TrainingRecord(
        plan={}, epochs=1, steps=1, best_epoch=None, arithmetic={}, seconds=0.0, studies={}, sites=(), modalities=(),
        patients=(),
    )  # fmt: skip
    manifest = bundle.Manifest(
        medtransfer_version="0",
        classes=("normal", "pneumonia"),
        positive="pneumonia",
        preprocess=PreprocessConfig(size=side),
        members=(member,),
        operating_point=None,
        training=training,
    )
    tensors = {key: value.numpy() for key, value in model.state_dict().items()}
    bundle.write_bundle(folder, manifest, {member.file: tensors})


def write_cohort(folder: Path, rows: int, *, files: bool = True) -> Path:
    """Links to a few hundred pictures of noise, a thousand a folder, and their table; or the table alone."""
    import numpy as np
    from PIL import Image

    generator = np.random.default_rng(0)
    (folder / "files").mkdir(parents=True)
    for number in range(min(FILES, rows) if files else 0):
        pixels = generator.integers(0, 256, size=(32, 32), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "files" / f"{number}.png")
    with (folder / "cohort.csv").open("w", encoding="utf-8") as table:
        table.write("path,patient_id,study_id,site,date,label,sex,age\n")
        for number in range(rows):
            inner = folder / f"{number // 1000:04}"
            name = f"{inner.name}/{number % 1000:03}.png"
            if files:
                inner.mkdir(exist_ok=True)
                os.link(folder / "files" / f"{number % min(FILES, rows)}.png", folder / name)
            label = ("normal", "pneumonia")[number % 2]
            table.write(f"{name},P{number // 2:07},S{number:07},here,2024-01-02,{label},F,{20 + number % 60}\n")
    return folder / "cohort.csv"


def _sizes(home: Path, bundle: Path, sizes: list[int], minutes: float, option: str) -> list[dict[str, Any]]:
    files = option != "--bare"
    assert not files or max(sizes) <= FILES * LINKS
    until = time.monotonic() + 60 * minutes
    warm = write_cohort(home / "warm", WARM, files=files)
    found: list[dict[str, Any]] = []
    pace = 0.0
    for rows in sizes:
        if time.monotonic() + pace * rows > until:
            print(f"{rows}: left out, it would take about {pace * rows / 60:.0f} minutes", flush=True)
            continue
        start = time.monotonic()
        cohort = write_cohort(home / f"cohort_{rows}", rows, files=files)
        repeats = max(1, min(5, 2000 // rows))
        runs = [_child(bundle, warm, cohort, home / f"out_{rows}_{number}", option) for number in range(repeats)]
        pace = (time.monotonic() - start) / rows / repeats
        row = {
            "rows": rows,
            "ms_a_row": round(1000 * statistics.median(run["seconds"] for run in runs) / rows, 4),
            "cpu_ms_a_row": round(1000 * statistics.median(run["cpu_seconds"] for run in runs) / rows, 4),
            "listing_ms_a_row": round(1000 * statistics.median(run["listing_seconds"] for run in runs) / rows, 4),
            "peak_mib": round(statistics.median(run["peak_mib"] for run in runs), 1),
            "runs": repeats,
        }
        found.append(row)
        print(json.dumps(row), flush=True)
    return found


def _child(bundle: Path, warm: Path, cohort: Path, out: Path, option: str) -> dict[str, float]:
    words = [sys.executable, __file__, "--child", str(bundle), str(warm), str(cohort), str(out), option]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def _without_files() -> None:
    """One prepared picture for every row, and a network that always says the same."""
    import numpy as np

    from medtransfer.data.ledger import LedgerRow
    from medtransfer.data.places import View
    from medtransfer.data.preprocess import Prepared
    from medtransfer.prediction import run, scans

    picture = Prepared(planes=np.zeros((1, 1, 32, 32), dtype=np.uint16), views=(View("", 1),))
    scans.Scans.of = lambda _, name: (picture, LedgerRow(path=name, loader="raster"))  # pyright: ignore[reportAttributeAccessIssue]
    run.load_runtime = lambda *_, **__: lambda studies: np.zeros((len(studies), 2), dtype=np.float32)


def _timed(bundle: Path, warm: Path, cohort: Path, out: Path) -> dict[str, float]:
    """Seconds of the run without those of loading the network, and the largest resident set of the whole process."""
    import resource

    from medtransfer.data import listed
    from medtransfer.data.listed import CohortFile
    from medtransfer.pipeline.story import predict_run, read_bundle
    from medtransfer.prediction import run

    network = read_bundle(bundle)
    predict_run(network, CohortFile(path=warm, allow_missing=True), out=out / "warm")
    loading, loading_cpu = time.perf_counter(), time.process_time()
    run.load_runtime(network)
    loading, loading_cpu = time.perf_counter() - loading, time.process_time() - loading_cpu
    listing, plain = 0.0, listed.list_file

    def timed(*arguments: Any, **settings: Any) -> Any:
        nonlocal listing
        begin = time.perf_counter()
        try:
            return plain(*arguments, **settings)
        finally:
            listing = time.perf_counter() - begin

    run.list_file = timed
    start, start_cpu = time.perf_counter(), time.process_time()
    predict_run(network, CohortFile(path=cohort, allow_missing=True), out=out / "all")
    return {
        "seconds": time.perf_counter() - start - loading,
        "cpu_seconds": time.process_time() - start_cpu - loading_cpu,
        "listing_seconds": listing,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _commits(home: Path, blocks: int, rows: int) -> dict[str, Any]:
    """Seconds of a run that commits every batch, and of one that commits once, block by block."""
    from medtransfer.core.journal import Journal
    from medtransfer.data.listed import CohortFile
    from medtransfer.pipeline.story import predict_run, read_bundle

    cohort, bundle = write_cohort(home / "block", rows), read_bundle(home / "bundle")
    append, found = Journal.append, Journal.found
    held: list[Any] = []

    def later(_: Journal, rows: Any) -> None:
        held.extend(rows)

    def at_last(journal: Journal, keys: Any) -> Any:
        if held:
            append(journal, held)
            held.clear()
        return found(journal, keys)

    def block(number: int, *, commits: bool) -> float:
        if not commits:
            Journal.append, Journal.found = later, at_last  # pyright: ignore[reportAttributeAccessIssue]
        start = time.perf_counter()
        try:
            predict_run(bundle, CohortFile(path=cohort), out=home / f"block_{number}_{commits}")
        finally:
            Journal.append, Journal.found = append, found
        return time.perf_counter() - start

    for commits in (True, False):
        block(-1, commits=commits)
    pairs = []
    for number in range(blocks):
        order = (True, False) if number % 2 else (False, True)
        seconds = {commits: block(number, commits=commits) for commits in order}
        pairs.append((seconds[True], seconds[False]))
    ratios = [one / other for one, other in pairs]
    row = {
        "rows_a_block": rows,
        "blocks": blocks,
        "with_ms_a_row": round(1000 * statistics.median(one for one, _ in pairs) / rows, 4),
        "without_ms_a_row": round(1000 * statistics.median(other for _, other in pairs) / rows, 4),
        "ratio": round(statistics.median(ratios), 4),
        "from": round(min(ratios), 4),
        "to": round(max(ratios), 4),
    }
    print(json.dumps(row), flush=True)
    return row


if __name__ == "__main__":
    sys.exit(main())
