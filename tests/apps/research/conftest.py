"""A folder of runs as the command line leaves it: runs that differ in a seed or a setting, an inspection, a report."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from evaluations import QUICK, infections, pneumonia
from tiny import Hospitals

import medtransfer as mt
from medtransfer.evaluation.evaluate import evaluate
from medtransfer.evaluation.predictions_io import write_predictions
from medtransfer.pipeline.inspections import write_inspection

VALIDATED = ("training.epochs=3", "training.min_validation_events=1")


@pytest.fixture(scope="session")
def made(hospitals: Hospitals, quick_plan: mt.Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything once. Read it, do not change it: `runs` is a copy."""
    root = tmp_path_factory.mktemp("outputs")
    training = quick_plan.training.model_copy(update={"epochs": 3, "min_validation_events": 1})
    for name, changes in {
        "seed 0": {"training": training},
        "seed 1": {"training": training, "seed": 1},
        "longer": {"training": training.model_copy(update={"epochs": 4})},
    }.items():
        mt.fit(quick_plan.model_copy(update=changes), out=root / "runs" / name)
    write_inspection(mt.inspect(hospitals.target), root / "inspection")
    (root / "predictions").mkdir()
    write_predictions(pneumonia(), root / "predictions")
    asked = QUICK.model_copy(update={"by": ("age", "site"), "prespecified": ("sex",), "gallery": True})
    mt.report(evaluate(pneumonia(), title="Hospital B", config=asked), out=root / "report")
    others = replace(infections(), bundle_sha256="c" * 64)
    mt.report(evaluate(others, title="Three kinds", config=QUICK), out=root / "three")
    return root


@pytest.fixture
def runs(made: Path, tmp_path: Path) -> Path:
    """A folder of one's own."""
    return Path(shutil.copytree(made, tmp_path / "outputs"))
