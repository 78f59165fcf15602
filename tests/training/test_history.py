"""What validation said after every epoch, on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

import medtransfer as mt
from medtransfer.core.errors import TrainingError
from medtransfer.training.history import EpochRow, read_history, write_history

ROWS = (
    EpochRow(epoch=0, steps=4, validation_log_loss=0.1 + 0.2, validation_auroc=1 / 3, validation_auroc_low=0.1),
    EpochRow(epoch=1, steps=8, validation_log_loss=None),
)


def test_what_is_read_back_is_what_was_written_to_the_last_digit(tmp_path: Path) -> None:
    write_history(tmp_path, ROWS)
    assert read_history(tmp_path) == ROWS


@pytest.mark.parametrize("content", [None, "epoch\n1\n", "epoch,steps\n,\n", "epoch,steps,validation_log_loss\nx,1,\n"])
def test_a_damaged_history_is_said(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "history.csv").write_text(content, encoding="utf-8")
    with pytest.raises(TrainingError) as error:
        read_history(tmp_path)
    assert error.value.code == ("NotFound" if content is None else "BadHistory")


def test_the_kept_epoch_says_of_validation_what_the_bundle_says(quick_plan: mt.Plan, tmp_path: Path) -> None:
    """The last figure of the history against the bundle's own predictions, by another program's AUROC."""
    training = quick_plan.training.model_copy(update={"min_validation_events": 1})
    bundle = mt.fit(quick_plan.model_copy(update={"training": training}), out=tmp_path / "run")
    history = read_history(tmp_path / "run")
    assert [row.epoch for row in history] == list(range(bundle.manifest.training.epochs))
    best = bundle.manifest.training.best_epoch
    assert best is not None
    losses = [row.validation_log_loss for row in history if row.validation_log_loss is not None]
    assert history[best].validation_log_loss == min(losses)
    table = mt.predict(bundle, mt.read_cohort(tmp_path / "run" / "cohort.csv").split("validation")).table
    positive = table["truth"] == "pneumonia"
    p = table["probability_pneumonia"].to_numpy(dtype=float)
    assert history[best].validation_auroc == pytest.approx(roc_auc_score(positive, p), abs=1e-12)
    assert history[best].validation_log_loss == pytest.approx(-np.mean(np.log(np.where(positive, p, 1 - p))), rel=1e-5)
