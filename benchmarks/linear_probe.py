"""A linear probe on features that are kept, against the same probe that encodes every picture anew each epoch.

Both train a head on a frozen MobileNetV2 through the training loop, on the same 224² pictures with the same seed; they
take turns, one epoch each. The features are computed once, before the first epoch of the kept side; what that costs is
said, too, and so is what a probe of 100 epochs gains with it counted in.

    python benchmarks/linear_probe.py
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SIZE, CASES, BATCH, EPOCHS_OF_A_PROBE = 224, 200, 64, 100
REACH = 30


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--repetitions", type=int, default=9)
    words.add_argument("--out", type=Path, default=Path("benchmarks/results/linear_probe.json"))
    arguments = words.parse_args()
    result = {
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        **measured(arguments.repetitions),
    }
    arguments.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))
    return 0


def measured(repetitions: int) -> dict[str, object]:
    """Seconds an epoch of either side, and their ratio, epoch by epoch."""
    from medtransfer.core.config.data import AugmentConfig, CohortConfig
    from medtransfer.core.config.models import ModelConfig
    from medtransfer.core.config.plan import Plan
    from medtransfer.core.config.training import TrainingConfig
    from medtransfer.core.config.transfer import ObjectiveConfig, PolicyConfig
    from medtransfer.data.dataset import StudySet
    from medtransfer.models.assemble import new_classifier
    from medtransfer.models.classifier import Question
    from medtransfer.models.features import encoded_once
    from medtransfer.training.determinism import deterministic
    from medtransfer.training.log import TermLog
    from medtransfer.training.loop import FitData, prepare_loop
    from medtransfer.training.step import train_step
    from medtransfer.transfer.build import build_objective
    from medtransfer.transfer.types import TransferData

    generator = np.random.default_rng(0)
    pictures = StudySet.of_pictures(
        generator.integers(0, 65_536, (CASES, 1, SIZE, SIZE), dtype=np.uint16),
        labels=np.arange(CASES, dtype=np.int64) % 2,
        patients=np.arange(CASES),
        names=tuple(f"picture {number}" for number in range(CASES)),
    )
    plans = {
        kind: Plan(
            target=CohortConfig(cohort="none", classes=("a", "b"), positive="b"),
            model=ModelConfig(backbone="mobilenet_v2"),
            policy=PolicyConfig(name="head"),
            objective=ObjectiveConfig(trade_off=float("inf")),
            training=TrainingConfig(batch_size=BATCH, features=kind, precision="fp32", memory_format="contiguous"),
            augment=AugmentConfig(),
        )
        for kind in ("live", "frozen")
    }
    with deterministic(0), tempfile.TemporaryDirectory() as folder, TermLog(Path(folder)) as log:
        loops, encoding = {}, 0.0
        for kind, plan in plans.items():
            model = new_classifier(plan.model, question=Question("multiclass", 2), seed=0)
            started = time.perf_counter()
            cases = encoded_once(model, pictures) if kind == "frozen" else pictures
            encoding = time.perf_counter() - started
            objective = build_objective(plan.objective, model=model, start=None, data=TransferData(target=cases))
            loops[kind], _ = prepare_loop(model, objective, FitData(target=cases), plan, None)
        seconds: dict[str, list[float]] = {kind: [] for kind in plans}
        for epoch in range(repetitions + 1):  # the first warms up
            for kind in ("live", "frozen") if epoch % 2 else ("frozen", "live"):
                loop, started = loops[kind], time.perf_counter()
                for step in range(epoch * loop.steps_per_epoch, (epoch + 1) * loop.steps_per_epoch):
                    terms, norms = train_step(loop, step)
                    values = {name: (float(term.value.detach()), term.weight) for name, term in terms.items()}
                    log.step(step, epoch, values, norms)
                seconds[kind].append(time.perf_counter() - started)
    ratios = [live / kept for live, kept in zip(seconds["live"][1:], seconds["frozen"][1:], strict=True)]
    live, kept = (statistics.median(seconds[kind][1:]) for kind in ("live", "frozen"))
    return {
        "backbone": "mobilenet_v2",
        "pictures": CASES,
        "epoch_live": round(live, 3),
        "epoch_kept": round(kept, 5),
        "encoding": round(encoding, 2),
        "ratio": [round(statistics.median(ratios)), round(min(ratios)), round(max(ratios))],
        "ratio_of_a_probe": round(EPOCHS_OF_A_PROBE * live / (encoding + EPOCHS_OF_A_PROBE * kept)),
        "reach": REACH,
    }


if __name__ == "__main__":
    sys.exit(main())
