"""Terms that did nothing are named, with the epochs in which they did nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny import QUICK, Hospitals

import medtransfer as mt
from medtransfer.training.idle import idle_epochs, idle_terms
from medtransfer.training.log import COLUMNS, NAME


def written(folder: Path, rows: list[tuple[int, int, str, str]]) -> Path:
    lines = [",".join(COLUMNS), *(f"{step},{epoch},{term},1.0,0.5,{norm}" for step, epoch, term, norm in rows)]
    (folder / NAME).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_a_term_that_rested_is_named_with_its_epochs(tmp_path: Path) -> None:
    rows = [
        (step, step // 2, term, norm if step % 2 else "")
        for step in range(10)
        for term, norm in (("L_T", "0.5"), ("idle", "0.0"), ("late", "0.0" if step < 4 or step == 7 else "1.0"))
    ]
    folder = written(tmp_path, rows)
    assert idle_epochs(folder / NAME) == {"idle": ((0, 1, 2, 3, 4), 5), "late": ((0, 1, 3), 5)}
    said = idle_terms(folder)
    assert said[0].startswith("idle did nothing in every epoch")
    assert "late did nothing in 3 of 5 epochs (0–1, 3)" in said[1]


@pytest.mark.parametrize(("policy", "idle"), [("lp_ft", True), ("full", False)])
def test_an_anchor_of_stages_that_are_frozen_at_first_rests(
    hospitals: Hospitals, tmp_path: Path, policy: str, idle: bool
) -> None:
    """L2 without its head: nothing to hold while the head alone moves; afterwards it moves parameters."""
    settings = "{ head_epochs = 1.0 }" if policy == "lp_ft" else "{}"
    plan = mt.plan(
        mt.read_cohort(hospitals.target),
        backbone="squeezenet1_1",
        changes=(
            *QUICK,
            f"policy.name={policy}",
            f"policy.settings={settings}",
            "objective.parameters.bss.strength=0.1",
        ),
    )
    bundle = mt.fit(plan, out=tmp_path / "run")
    notes = [note for note in bundle.manifest.training.notes if note.startswith("bss")]
    assert bool(notes) == idle
    page = (tmp_path / "run" / "training.html").read_text(encoding="utf-8")
    assert ("bss did nothing" in page) == idle
    assert "<svg" in page
