"""Volumes: what frozen features save, what encoding costs beside the bare network, and what a long CT needs in memory.

1. *Epochs.* 200 volumes of 30 slices at 224² pixels, the encoder frozen: the first epoch encodes every slice, the later
   ones train gated attention and the head on what was kept. Reach: a later epoch takes at most 1 % of the first.
2. *Encoding.* The same slices from their memory-mapped arrays through `Classifier.encode`, against the bare network on
   tensors that lie in memory, normalised already; batches of equal size, the two sides taking turns. Reach: at least
   0.9 of the bare network's throughput.
3. *Memory.* One training step (forward, backward, AdamW) on studies of 1,000 slices of 224², the whole encoder
   trained, 16 planes at once as `plan` proposes, in batches of 1 and 4 studies; each in a process of its own, of which
   the largest resident set is taken (imports included). Reach: at most 4 GiB, whatever the batch.

    python benchmarks/volumes.py
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

SIZE, SLICES, VOLUMES = 224, 30, 200
LONG, AT_ONCE = 1000, 16
EPOCHS = 10
BATCH = 32
MEMORY = [("resnet18", 1), ("resnet18", 4), ("mobilenet_v2", 1), ("densenet121", 1), ("resnet50", 1)]
PARTS = ("encoding", "epochs", "memory")
GIB = 2**30


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--backbone", default="mobilenet_v2")
    words.add_argument("--volumes", type=int, default=VOLUMES)
    words.add_argument("--repetitions", type=int, default=9)
    words.add_argument("--out", type=Path, default=Path("benchmarks/results/volumes.json"))
    words.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="the others stay as they are")
    words.add_argument("--step", nargs=2, metavar=("BACKBONE", "STUDIES"), help=argparse.SUPPRESS)
    arguments = words.parse_args()
    if arguments.step:
        return _memory_of_a_step(arguments.step[0], int(arguments.step[1]))
    result = json.loads(arguments.out.read_text(encoding="utf-8")) if arguments.out.is_file() else {}
    result["machine"] = {"cores": os.cpu_count(), "python": platform.python_version()}
    with tempfile.TemporaryDirectory() as folder:
        studies = _studies(Path(folder), arguments.volumes) if arguments.parts != ["memory"] else None
        for part in arguments.parts:
            if part == "encoding":
                result[part] = _encoding(studies, arguments.backbone, arguments.repetitions)
            elif part == "epochs":
                result[part] = _epochs(studies, arguments.backbone, Path(folder))
            else:
                result[part] = _memory()
            _write(arguments.out, result)
    print(json.dumps(result, indent=2))
    return 0


def _write(out: Path, result: dict[str, object]) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def _studies(folder: Path, count: int):
    """Volumes as NIfTI files, prepared into memory-mapped arrays as `fit` has them."""
    import nibabel

    import medtransfer as mt
    from medtransfer.core.config.data import PreprocessConfig
    from medtransfer.data.cache import prepare_cohort
    from medtransfer.training.adapt import study_set

    generator = np.random.default_rng(0)
    lines = ["path,patient_id,label"]
    for number in range(count):
        voxels = generator.normal(0, 40, (64, 64, SLICES)).astype(np.int16)
        voxels[16:48, 16:48, 10 + 10 * (number % 2)] += 100
        nibabel.save(nibabel.Nifti1Image(voxels, np.diag([3.0, 3.0, 5.0, 1.0])), folder / f"{number:03}.nii")
        lines.append(f"{number:03}.nii,P{number},{'ab'[number % 2]}")
    (folder / "cohort.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    cohort = mt.read_cohort(folder, positive="b")
    prepared = prepare_cohort(cohort, preprocess=PreprocessConfig(size=SIZE), folder=folder / "cache")
    return study_set(prepared, cohort.classes, "multiclass")


def _model(backbone: str, *, chunk: int = BATCH, pooling: str = "attention"):
    from medtransfer.core.config.models import ModelConfig, PoolingConfig
    from medtransfer.models.assemble import new_classifier
    from medtransfer.models.classifier import Question

    config = ModelConfig(backbone=backbone, pooling=PoolingConfig(name=pooling), chunk=chunk)
    return new_classifier(config, question=Question("multiclass", 2), seed=0)


def _encoding(studies, backbone: str, repetitions: int) -> dict[str, object]:
    """Slices a second, ours and the bare network's, on the same batches."""
    import torch

    model = _model(backbone).eval()
    pairs = []
    with torch.inference_mode():
        for repetition in range(repetitions + 1):
            batch, _ = studies.batch(np.array([2 * repetition % len(studies), (2 * repetition + 1) % len(studies)]))
            items = model.items(batch)
            ready = [
                model.normalised(batch.load(np.arange(start, min(start + BATCH, len(items.study))))).contiguous()
                for start in range(0, len(items.study), BATCH)
            ]
            sides = {
                "ours": lambda batch=batch, items=items: model.encode(batch, items).features,
                "bare": lambda ready=ready: [model.backbone.network(pictures) for pictures in ready],
            }
            order = list(sides) if repetition % 2 else list(reversed(sides))
            taken = {side: _seconds(sides[side]) for side in order}
            if repetition:
                pairs.append({side: len(items.study) / seconds for side, seconds in taken.items()})
    ratios = [pair["ours"] / pair["bare"] for pair in pairs]
    return {
        "backbone": backbone,
        "slices_a_second": {side: round(statistics.median(p[side] for p in pairs), 1) for side in ("ours", "bare")},
        "ratio": [round(statistics.median(ratios), 3), round(min(ratios), 3), round(max(ratios), 3)],
        "reach": 0.9,
    }


def _seconds(call) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _epochs(studies, backbone: str, folder: Path) -> dict[str, object]:
    """Seconds of the first epoch, which encodes, and of the later ones."""
    from medtransfer.core.config.data import AugmentConfig, CohortConfig
    from medtransfer.core.config.models import ModelConfig, PoolingConfig
    from medtransfer.core.config.plan import Plan
    from medtransfer.core.config.training import TrainingConfig
    from medtransfer.core.config.transfer import ObjectiveConfig, PolicyConfig
    from medtransfer.models.features import encoded_once
    from medtransfer.training.determinism import deterministic
    from medtransfer.training.log import TermLog
    from medtransfer.training.loop import FitData, prepare_loop
    from medtransfer.training.step import train_step
    from medtransfer.transfer.build import build_objective
    from medtransfer.transfer.types import TransferData

    plan = Plan(
        target=CohortConfig(cohort="none", classes=("a", "b"), positive="b"),
        model=ModelConfig(backbone=backbone, pooling=PoolingConfig(name="attention")),
        policy=PolicyConfig(name="head"),
        objective=ObjectiveConfig(trade_off=float("inf")),
        training=TrainingConfig(batch_size=32, features="frozen", precision="fp32", memory_format="contiguous"),
        augment=AugmentConfig(),
    )
    with deterministic(0), TermLog(folder) as log:
        started = time.perf_counter()
        model = _model(backbone)
        kept = replace(encoded_once(model, studies))
        data = FitData(target=kept)
        objective = build_objective(plan.objective, model=model, start=None, data=TransferData(target=kept))
        loop, _ = prepare_loop(model, objective, data, plan, None)
        seconds = []
        for epoch in range(EPOCHS):
            for step in range(epoch * loop.steps_per_epoch, (epoch + 1) * loop.steps_per_epoch):
                terms, norms = train_step(loop, step)
                values = {name: (float(term.value.detach()), term.weight) for name, term in terms.items()}
                log.step(step, epoch, values, norms)
            seconds.append(time.perf_counter() - started)
            started = time.perf_counter()
    first, later = seconds[0], statistics.median(seconds[1:])
    return {
        "backbone": backbone,
        "volumes": len(studies),
        "slices": SLICES,
        "first": round(first, 2),
        "later": round(later, 4),
        "slowest_later": round(max(seconds[1:]), 4),
        "share": round(later / first, 5),
        "reach": 0.01,
    }


def _memory() -> list[dict[str, object]]:
    rows = []
    for backbone, studies in MEMORY:
        command = [sys.executable, __file__, "--step", backbone, str(studies)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        said = json.loads(done.stdout) if done.returncode == 0 else {"error": done.stderr.strip()[-500:]}
        rows.append({"backbone": backbone, "studies": studies, "slices": LONG, "reach_gib": 4.0, **said})
        print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    return rows


def _memory_of_a_step(backbone: str, studies: int) -> int:
    """Print the largest resident set of one training step on long studies."""
    import torch

    from medtransfer.data.bags import HeldPlanes
    from medtransfer.data.dataset import StudySet
    from medtransfer.data.places import View
    from medtransfer.models.heads import losses

    plane = np.random.default_rng(0).integers(0, 65_536, (1, 1, SIZE, SIZE), dtype=np.uint16)
    scan = np.broadcast_to(plane, (LONG, 1, SIZE, SIZE))  # mapped from disk in a fit, so not counted here either
    held = HeldPlanes([scan] * studies, [(View("axial", LONG),)] * studies)
    cases = StudySet(
        arrays=held,
        rows=tuple((number,) for number in range(studies)),
        labels=np.arange(studies, dtype=np.int64) % 2,
        patients=np.arange(studies),
        names=tuple(f"study {number}" for number in range(studies)),
    )
    model = _model(backbone, chunk=AT_ONCE).train()
    optimiser = torch.optim.AdamW(model.parameters())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    started = time.perf_counter()
    batch, labels = cases.batch(np.arange(studies))
    losses("multiclass", model(batch).logits, labels).mean().backward()
    optimiser.step()
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(
        json.dumps({"peak_gib": round(peak / GIB, 2), "before_gib": round(before / GIB, 2), "seconds": round(seconds)})
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
