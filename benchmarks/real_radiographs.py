"""Does transfer help on real chest radiographs? 50 labelled per class, three starts, several seeds.

    target   kermany_cxr   children in Guangzhou; the official test part stays locked until it is measured on
    source   nih_cxr       adults in Bethesda, 1,000 radiographs

Each seed draws its own 50 + 50 labelled studies, splits, initial weights and order; the three starts share them. Rows
are kept per (start, seed), so that an interrupted run goes on where it stopped.

    MEDTRANSFER_DATA=... python benchmarks/real_radiographs.py
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import medtransfer as mt
from medtransfer.evaluation.intervals import class_strata, patient_bootstrap
from medtransfer.evaluation.metrics import auroc, log_loss

BACKBONE = "squeezenet1_1"
COMMON = ("preprocess.size=128", "training.epochs=1", "training.precision=fp32", "training.memory_format=channels_last")
STARTS: dict[str, tuple[str, ...]] = {
    "scratch": ("training.min_steps=600",),
    "ImageNet": ("training.min_steps=300",),
    "ImageNet + source hospital": ("training.min_steps=300",),
}
REPLICATES = 2000


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--seeds", type=int, default=5)
    words.add_argument("--out", type=Path, default=Path("runs/real_radiographs"))
    words.add_argument("--results", type=Path, default=Path("benchmarks/results"))
    arguments = words.parse_args()
    data = os.environ.get("MEDTRANSFER_DATA")
    if not data:
        print("skipped: MEDTRANSFER_DATA is not set")
        return 0
    for seed in range(arguments.seeds):
        for start in STARTS:
            one_fit(Path(data), start, seed, arguments.out)
    table = summarise(arguments.out, arguments.seeds)
    arguments.results.mkdir(parents=True, exist_ok=True)
    table.to_csv(arguments.results / "real_radiographs.csv", index=False)
    print(table.to_string(index=False))
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores")
    return 0


def one_fit(data: Path, start: str, seed: int, out: Path) -> None:
    """Fit, predict the locked test part, keep the probabilities."""
    done = out / f"{start.replace(' ', '_')}-{seed}.csv"
    if done.exists():
        return
    folder = out / "run"
    shutil.rmtree(folder, ignore_errors=True)
    target, source = (mt.read_cohort(data / "cohorts" / name / "cohort.csv") for name in ("kermany_cxr", "nih_cxr"))
    plan = mt.plan(
        target,
        source=source if "source" in start else None,
        backbone=BACKBONE,
        weights="none" if start == "scratch" else str(data / "weights" / f"{BACKBONE}_imagenet.pth"),
        labels_per_class=50,
        seed=seed,
        changes=(*COMMON, *STARTS[start]),
    )
    bundle = mt.fit(plan, out=folder, cache=out / "cache")
    predictions = mt.predict(bundle, mt.read_cohort(folder / "cohort.csv").split("test"))
    evaluation = mt.evaluate(predictions, title=f"{start}, seed {seed}")
    mt.report(evaluation, out=out / "reports" / done.stem)
    facts: dict[str, Any] = {
        "auroc": evaluation.estimate("AUROC").model_dump(),
        "seconds": bundle.manifest.training.seconds,
        "instance_weights": bundle.manifest.training.instance_weights,
    }
    done.with_suffix(".json").write_text(json.dumps(facts))
    predictions.table.to_csv(done, index=False)
    print(f"{start:<28}{seed}  AUROC {evaluation.estimate('AUROC')}  {facts['seconds']:.0f} s", flush=True)


def summarise(out: Path, seeds: int) -> pd.DataFrame:
    """Mean over seeds, and the paired difference to scratch and ImageNet, with intervals.

    A bootstrap replicate draws patients and seeds, both with replacement: another cohort, and other label draws.
    """
    tables = {
        (start, seed): pd.read_csv(out / f"{start.replace(' ', '_')}-{seed}.csv", dtype={"patient_id": str})
        for start in STARTS
        for seed in range(seeds)
    }
    first = tables["scratch", 0]
    truth = (first["truth"] == "pneumonia").to_numpy()
    groups = pd.factorize(first["patient_id"], sort=True)[0].astype(np.int64)
    strata = class_strata(truth.astype(np.int64), groups)
    for table in tables.values():
        if list(table["study_id"]) != list(first["study_id"]):
            msg = "the runs predicted different studies"
            raise ValueError(msg)
    scores = {key: table["probability_pneumonia"].to_numpy(dtype=float) for key, table in tables.items()}

    def mean_auroc(start: str, weights: np.ndarray, drawn: np.ndarray) -> np.ndarray:
        per_seed = np.stack([auroc.weighted(truth, scores[start, seed], weights) for seed in range(seeds)])
        return np.take_along_axis(per_seed, drawn, axis=0).mean(axis=0)

    def interval(statistic: Any) -> tuple[float, float, float]:
        generator = np.random.default_rng(0)

        def replicate(weights: np.ndarray) -> np.ndarray:
            whole = len(weights) == 1  # the statistic itself: every seed once
            drawn = generator.integers(0, seeds, (seeds, len(weights))) if not whole else np.arange(seeds)[:, None]
            return statistic(weights, drawn)

        found = patient_bootstrap(replicate, groups, seed=0, replicates=REPLICATES, strata=strata)
        value = float(replicate(np.ones((1, len(truth))))[0])
        return (value, float("nan"), float("nan")) if found is None else (value, found.low, found.high)

    rows = []
    for start in STARTS:
        value, low, high = interval(lambda weights, drawn, start=start: mean_auroc(start, weights, drawn))
        per_seed = [auroc.measure(truth, scores[start, seed]) for seed in range(seeds)]
        facts = [json.loads((out / f"{start.replace(' ', '_')}-{s}.json").read_text()) for s in range(seeds)]
        row: dict[str, Any] = {
            "start": start,
            "AUROC": f"{value:.3f} ({low:.3f}–{high:.3f})",
            "lowest and highest seed": f"{min(per_seed):.3f}, {max(per_seed):.3f}",
            "log-loss": f"{np.mean([log_loss.measure(truth, scores[start, s]) for s in range(seeds)]):.3f}",
            "seconds a fit": f"{np.median([f['seconds'] for f in facts]):.0f}",
        }
        for other in ("scratch", "ImageNet"):
            if other == start or list(STARTS).index(other) > list(STARTS).index(start):
                row[f"difference to {other}"] = ""
                continue
            d, lower, upper = interval(
                lambda w, drawn, a=start, b=other: mean_auroc(a, w, drawn) - mean_auroc(b, w, drawn)
            )
            row[f"difference to {other}"] = f"{d:+.3f} ({lower:+.3f} to {upper:+.3f})"
        rows.append(row)
    return pd.DataFrame(rows)


if __name__ == "__main__":
    sys.exit(main())
