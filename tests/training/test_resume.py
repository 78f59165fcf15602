"""A killed run, resumed, ends in the very weights of the run that was not killed."""

from __future__ import annotations

import math
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import medtransfer as mt
from medtransfer.core.config.toml import write_toml
from medtransfer.training import fit as fit_module
from medtransfer.training.loop import Loop

STEPS = 40

KILLER = """
import os, signal, sys
from medtransfer.training import fit
step_of, kill_at = fit.train_step, int(sys.argv.pop(1))
def train_step(loop, step):
    done = step_of(loop, step)   # the weights have moved, and nobody has written that down
    if step == kill_at:
        os.kill(os.getpid(), signal.SIGKILL)
    return done
fit.train_step = train_step
from medtransfer.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def plan_file(quick_plan: mt.Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    training = quick_plan.training.model_copy(update={"min_steps": STEPS, "checkpoint_seconds": 0.0})
    path = tmp_path_factory.mktemp("plan") / "plan.toml"
    write_toml(quick_plan.model_copy(update={"training": training}), path)
    return path


@pytest.fixture(scope="module")
def uninterrupted(plan_file: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    return mt.fit(plan_file, out=tmp_path_factory.mktemp("whole") / "run").manifest.members[0].sha256


def killed_then_resumed(plan_file: Path, out: Path, kill_at: int) -> str:
    words = ["fit", str(plan_file), "--out", str(out), "--quiet"]
    killed = subprocess.run([sys.executable, "-c", KILLER, str(kill_at), *words], check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert not (out / "bundle").exists()
    return mt.fit(plan_file, out=out, resume=True).manifest.members[0].sha256


def test_a_last_step_that_spoils_the_network_takes_no_good_checkpoint_with_it(
    plan_file: Path, uninterrupted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step_of = fit_module.train_step

    def spoiling(loop: Loop, step: int) -> object:
        done = step_of(loop, step)
        if step == loop.steps - 1:
            with torch.no_grad():
                loop.model.heads["head"].get_parameter("bias").fill_(math.inf)
        return done

    monkeypatch.setattr(fit_module, "train_step", spoiling)
    monkeypatch.setattr(fit_module, "_can_choose", lambda *_: False)  # so that no validation sees it first
    with pytest.raises(mt.MedTransferError) as raised:
        mt.fit(plan_file, out=tmp_path / "run")
    assert raised.value.code == "NotFinite"
    monkeypatch.undo()
    assert mt.fit(plan_file, out=tmp_path / "run", resume=True).manifest.members[0].sha256 == uninterrupted


def test_one_kill_in_mid_epoch(plan_file: Path, uninterrupted: str, tmp_path: Path) -> None:
    assert killed_then_resumed(plan_file, tmp_path / "run", kill_at=17) == uninterrupted
    rows = [line.split(",") for line in (tmp_path / "run" / "terms.csv").read_text(encoding="utf-8").splitlines()[1:]]
    steps = [int(row[0]) for row in rows if row[2] == "L_T"]
    assert steps == sorted(set(steps))
    assert steps[-1] + 1 >= STEPS


@pytest.mark.slow
@pytest.mark.parametrize("draw", range(5))
def test_five_kills_at_random_steps(plan_file: Path, uninterrupted: str, tmp_path: Path, draw: int) -> None:
    kill_at = random.Random(draw).randrange(1, STEPS - 1)
    assert killed_then_resumed(plan_file, tmp_path / "run", kill_at) == uninterrupted
