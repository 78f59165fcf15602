"""What does the visible loop cost? A training step with the regularisers off, against a bare PyTorch loop.

Both train the same resnet18 on the same prepared batches (32 × 224², fp32, AdamW, gradient clipping) with the same
arithmetic; neither logs to the screen. They take turns, a block of steps each, so that a machine that slows down slows
both; the ratio is taken block by block.

    python benchmarks/training_step.py
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from medtransfer.core.config.data import AugmentConfig, CohortConfig
from medtransfer.core.config.models import ModelConfig
from medtransfer.core.config.plan import Plan
from medtransfer.core.config.training import TrainingConfig
from medtransfer.core.config.transfer import ObjectiveConfig
from medtransfer.data.dataset import StudySet
from medtransfer.models.assemble import new_classifier
from medtransfer.models.classifier import Question
from medtransfer.training.determinism import deterministic
from medtransfer.training.fit import prepare_loop
from medtransfer.training.log import TermLog
from medtransfer.training.step import FitData, train_step
from medtransfer.transfer.objective import build_objective
from medtransfer.transfer.types import TransferData

BATCH, SIDE, CASES = 32, 224, 512


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--repetitions", type=int, default=7)
    words.add_argument("--steps", type=int, default=4, help="steps in a block")
    words.add_argument("--out", type=Path, default=Path("benchmarks/results/training_step.csv"))
    arguments = words.parse_args()
    pictures = _pictures()
    with tempfile.TemporaryDirectory() as folder:
        ours, bare = _ours(pictures, Path(folder)), _bare(pictures)
        for block in (ours, bare):
            block(2)
        rows = [(_time(ours, arguments.steps), _time(bare, arguments.steps)) for _ in range(arguments.repetitions)]
    ratios = [a / b for a, b in rows]
    lines = ["ours_seconds_per_step,bare_seconds_per_step,ratio", *(f"{a:.4f},{b:.4f},{a / b:.4f}" for a, b in rows)]
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    median_ours, median_bare = (statistics.median(column) for column in zip(*rows, strict=True))
    print(f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}, {torch.get_num_threads()} threads")
    print(f"medtransfer {median_ours:.3f} s a step, bare loop {median_bare:.3f} s a step (medians of {len(rows)})")
    print(f"ratio: median {statistics.median(ratios):.3f}, from {min(ratios):.3f} to {max(ratios):.3f}")
    return 0


def _pictures() -> StudySet:
    generator = np.random.default_rng(0)
    return StudySet.of_pictures(
        generator.integers(0, 65535, (CASES, 1, SIDE, SIDE), dtype=np.uint16),
        labels=generator.integers(0, 2, CASES).astype(np.int64),
        patients=np.arange(CASES, dtype=np.int64),
        names=tuple(str(case) for case in range(CASES)),
    )


def _ours(pictures: StudySet, folder: Path):
    """Our own step, logging included; augmentation off, since the bare loop has none."""
    plan = Plan(
        target=CohortConfig(cohort="none", classes=("a", "b"), positive="b"),
        model=ModelConfig(backbone="resnet18"),
        objective=ObjectiveConfig(trade_off=float("inf")),
        augment=AugmentConfig(rotation=0, scale=0, shift=0, brightness=0, contrast=0),
        training=TrainingConfig(batch_size=BATCH, precision="fp32", memory_format="contiguous", min_steps=10**6),
    )
    model = new_classifier(plan.model, question=Question("multiclass", 2), seed=0)
    data = FitData(target=pictures, validation=None, source=None)
    transfer = TransferData(target=pictures, source=None)
    objective = build_objective(plan.objective, model=model, start=None, data=transfer)
    loop, _ = prepare_loop(model, objective, data, plan, None)
    log, step = TermLog(folder), 0

    def block(steps: int) -> None:
        nonlocal step
        with deterministic(plan.seed):
            for _ in range(steps):
                terms, norms = train_step(loop, step)
                values = {name: (float(term.value.detach()), term.weight) for name, term in terms.items()}
                log.step(step, step // loop.steps_per_epoch, values, norms)
                step += 1

    return block


def _bare(pictures: StudySet):
    """The loop that one writes by hand: same network, same batches, same optimiser, loss read every step."""
    model = new_classifier(ModelConfig(backbone="resnet18"), question=Question("multiclass", 2), seed=0).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
    generator = np.random.default_rng(1)

    def block(steps: int) -> None:
        for _ in range(steps):
            cases = generator.permutation(CASES)[:BATCH]
            batch = torch.from_numpy(pictures.arrays.load(cases, np.zeros_like(cases)))
            logits = model.heads["head"](model.backbone(model.normalised(batch)))
            loss = functional.cross_entropy(logits, torch.from_numpy(pictures.labels[cases]))
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            loss.item()

    return block


def _time(block, steps: int) -> float:
    start = time.perf_counter()
    block(steps)
    return (time.perf_counter() - start) / steps


if __name__ == "__main__":
    sys.exit(main())
