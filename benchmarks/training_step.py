"""What do the visible loop and its terms cost? A training step of ours, against a bare PyTorch loop.

Both train the same network (ResNet-18) on the same prepared batches of 224² pixels (fp32, AdamW, gradient clipping)
with the same arithmetic; neither logs to the screen. They take turns, a block of steps each, so that a machine that
slows down slows both; the ratio is taken block by block, by the clock and in processor time, which other work on the
machine hardly stretches (with one thread: threads that wait for one another count as busy).

    off             terms off, batch 32
    l2_sp           L2-SP, batch 32
    distillation    feature distillation, batch 32: a frozen teacher looks at every picture, too
    mmd, coral      source and target, 64 studies each; the bare loop has both forward passes as well

    python benchmarks/training_step.py
    python benchmarks/training_step.py --only off l2_sp --repetitions 9
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
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
from medtransfer.models.classifier import Classifier, Question
from medtransfer.training.determinism import deterministic
from medtransfer.training.log import TermLog
from medtransfer.training.loop import FitData, prepare_loop
from medtransfer.training.step import train_step
from medtransfer.transfer.build import build_objective
from medtransfer.transfer.types import TransferData

SIDE, CASES = 224, 512
Block = Callable[[int], None]


@dataclass(frozen=True)
class Case:
    """What is measured: an objective, and how many domains the bare loop sees."""

    objective: dict[str, Any] = field(default_factory=dict)
    batch: int = 32
    domains: int = 1
    reach: float = 1.0


CASES_OF: dict[str, Case] = {
    "off": Case(reach=1.03),
    "l2_sp": Case({"parameters": {"l2_sp": {"strength": 0.01}}}, reach=1.05),
    "distillation": Case({"parameters": {"feature_distillation": {"strength": 1.0}}}, reach=1.4),
    "mmd": Case({"features": {"mmd": {}}}, batch=64, domains=2, reach=1.10),
    "coral": Case({"features": {"coral": {}}}, batch=64, domains=2, reach=1.10),
}


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--only", nargs="+", choices=tuple(CASES_OF), default=list(CASES_OF))
    words.add_argument("--repetitions", type=int, default=7)
    words.add_argument("--steps", type=int, default=4, help="steps in a block")
    words.add_argument("--threads", type=int, default=1)
    words.add_argument("--memory-format", choices=("contiguous", "channels_last"), default="contiguous", help="of both")
    words.add_argument("--out", type=Path, default=Path("benchmarks/results/training_step.json"))
    arguments = words.parse_args()
    torch.set_num_threads(arguments.threads)
    found = json.loads(arguments.out.read_text(encoding="utf-8")) if arguments.out.is_file() else {}
    found["machine"] = {
        "cores": os.cpu_count(),
        "processor": platform.machine(),
        "torch": torch.__version__.partition("+")[0],
        "threads": torch.get_num_threads(),
    }
    for name in arguments.only:
        last = arguments.memory_format == "channels_last"
        row = f"{name}, channels last" if last else name
        found[row] = _measured(CASES_OF[name], arguments.repetitions, arguments.steps, last=last)
        print(f"{row}: {json.dumps(found[row])}", flush=True)
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0


def _measured(case: Case, repetitions: int, steps: int, *, last: bool) -> dict[str, Any]:
    pictures = [_pictures(seed) for seed in range(case.domains)]
    with tempfile.TemporaryDirectory() as folder:
        ours, bare = _ours(case, pictures, Path(folder), last=last), _bare(case, pictures, last=last)
        for block in (ours, bare):
            block(2)
        rows = [(_time(ours, steps), _time(bare, steps)) for _ in range(repetitions)]
    return {
        "clock": _ratio([(ours[0], bare[0]) for ours, bare in rows]),
        "processor": _ratio([(ours[1], bare[1]) for ours, bare in rows]),
        "reach": case.reach,
        "blocks": len(rows),
    }


def _ratio(pairs: list[tuple[float, float]]) -> dict[str, float]:
    ratios = [ours / bare for ours, bare in pairs]
    return {
        "ratio": round(statistics.median(ratios), 3),
        "from": round(min(ratios), 3),
        "to": round(max(ratios), 3),
        "ours_seconds": round(statistics.median(ours for ours, _ in pairs), 4),
        "bare_seconds": round(statistics.median(bare for _, bare in pairs), 4),
    }


def _pictures(seed: int) -> StudySet:
    generator = np.random.default_rng(seed)
    return StudySet.of_pictures(
        generator.integers(0, 65535, (CASES, 1, SIDE, SIDE), dtype=np.uint16),
        labels=generator.integers(0, 2, CASES).astype(np.int64),
        patients=np.arange(CASES, dtype=np.int64),
        names=tuple(str(case) for case in range(CASES)),
    )


def _model() -> Classifier:
    return new_classifier(
        ModelConfig(backbone="resnet18", chunk=64), question=Question("multiclass", 2), sources={"source": None}, seed=0
    )


def _ours(case: Case, pictures: list[StudySet], folder: Path, *, last: bool) -> Block:
    """Our own step, logging included; augmentation off, since the bare loop has none."""
    target, sources = pictures[0], dict(zip(["source"], pictures[1:], strict=False))
    plan = Plan(
        target=CohortConfig(cohort="none", classes=("a", "b"), positive="b"),
        objective=ObjectiveConfig(trade_off=1.0 if sources else float("inf"), **case.objective),
        augment=AugmentConfig(rotation=0, scale=0, shift=0, brightness=0, contrast=0),
        training=TrainingConfig(
            batch_size=case.batch,
            precision="fp32",
            memory_format="channels_last" if last else "contiguous",
            min_steps=10**6,
        ),
    )
    model = _model()
    start = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    objective = build_objective(
        plan.objective, model=model, start=start, data=TransferData(target=target, sources=sources)
    )
    loop, _ = prepare_loop(model, objective, FitData(target=target, sources=sources), plan, None)
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


def _bare(case: Case, pictures: list[StudySet], *, last: bool) -> Block:
    """The loop that one writes by hand: same network, same batches, same optimiser, loss read every step."""
    layout = torch.channels_last if last else torch.contiguous_format
    model = _model().train().to(memory_format=layout)  # pyright: ignore[reportCallIssue]
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
    generator = np.random.default_rng(1)

    def loss_of(studies: StudySet) -> torch.Tensor:
        cases = generator.permutation(CASES)[: case.batch]
        batch = torch.from_numpy(studies.arrays.load(cases, np.zeros_like(cases)))
        logits = model.heads["head"](model.backbone(model.normalised(batch).contiguous(memory_format=layout)))
        return functional.cross_entropy(logits, torch.from_numpy(studies.labels[cases]))

    def block(steps: int) -> None:
        for _ in range(steps):
            loss = torch.stack([loss_of(studies) for studies in pictures]).mean()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            loss.item()

    return block


def _time(block: Block, steps: int) -> tuple[float, float]:
    """Seconds a step: of the clock, and of the processor."""
    clock, processor = time.perf_counter(), time.process_time()
    block(steps)
    return (time.perf_counter() - clock) / steps, (time.process_time() - processor) / steps


if __name__ == "__main__":
    sys.exit(main())
