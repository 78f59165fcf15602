"""A run that was killed, or is asked for again, says the same and does nothing twice."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image

from medtransfer.core.errors import OutputError
from medtransfer.models.assemble import new_classifier
from medtransfer.models.bundle import Bundle, write_bundle
from medtransfer.models.classifier import Question
from medtransfer.prediction import run as run_module
from medtransfer.prediction.identity import journal_path
from medtransfer.prediction.run import BATCH, predict_cohort

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd

    from medtransfer.data.cohort import Cohort
    from medtransfer.models.bundle import Manifest
    from medtransfer.prediction.run import CohortRun


def _csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False, float_format="%.17g").encode()


@pytest.mark.parametrize("fails_at", [0, 1, 2])
def test_a_killed_run_goes_on_where_it_stopped_and_says_the_same_to_the_byte(
    run_with: Callable[..., CohortRun], counting: Any, cohort: Callable[..., Cohort], tmp_path: Path, fails_at: int
) -> None:
    studies = cohort(*([1, 2, 1, 1] * 10), damaged=(3, 40))
    assert 2 * BATCH < 40 <= 3 * BATCH
    whole = run_with(counting(), studies, tmp_path / "whole")
    killed = counting(fails_at=fails_at)
    with pytest.raises(KeyboardInterrupt):
        run_with(killed, studies, tmp_path / "killed")
    rest = counting()
    resumed = run_with(rest, studies, tmp_path / "killed")
    assert _csv(resumed.predictions.table) == _csv(whole.predictions.table)
    assert resumed.ledger == whole.ledger
    assert (len(killed.batches), len(rest.batches)) == (fails_at, 3 - fails_at)


def test_a_finished_run_is_not_computed_again(
    run_with: Callable[..., CohortRun], counting: Any, cohort: Callable[..., Cohort], tmp_path: Path
) -> None:
    studies = cohort(1, 1, 1)
    first, again = counting(), counting()
    one = run_with(first, studies, tmp_path / "out")
    two = run_with(again, studies, tmp_path / "out")
    assert (len(first.batches), len(again.batches)) == (1, 0)
    assert _csv(one.predictions.table) == _csv(two.predictions.table)


def _repaint(path: Path, grey: int) -> None:
    Image.fromarray(np.full((32, 32), grey, np.uint8)).save(path, format="PNG")


@pytest.mark.parametrize("trouble", ["damaged", "missing"])
def test_a_repaired_file_is_predicted_by_the_same_command_and_no_other_batch_is(
    run_with: Callable[..., CohortRun], counting: Any, cohort: Callable[..., Cohort], tmp_path: Path, trouble: str
) -> None:
    studies = cohort(*[1] * (2 * BATCH + 3), **{trouble: (BATCH + 2,)})
    before, first, again = counting(), counting(), counting()
    was = run_with(before, studies, tmp_path / "out").predictions.table
    assert list(was["status"]).count("failed") == 1
    assert len(before.batches) == 3
    _repaint(studies.file(f"{BATCH + 2:03}.png"), 200)
    found = run_with(first, studies, tmp_path / "out")
    table = found.predictions.table
    assert [table[name].iloc[BATCH + 2] for name in ("status", "decision", "error")] == ["read", "pneumonia", ""]
    assert [len(batch) for batch in first.batches] == [BATCH], "the second batch, as a whole"
    assert _csv(table.drop(index=BATCH + 2)) == _csv(was.drop(index=BATCH + 2))
    assert found.ledger.counts()["failed"] == 0
    assert _csv(table) == _csv(run_with(counting(), studies, tmp_path / "fresh").predictions.table)
    run_with(again, studies, tmp_path / "out")
    assert not again.batches


def test_a_replaced_file_and_one_that_went_are_noticed(
    run_with: Callable[..., CohortRun], counting: Any, cohort: Callable[..., Cohort], tmp_path: Path
) -> None:
    """Also where only the time of change tells, and when the earlier state comes back."""
    studies = cohort(1, 2)
    kept = {name: studies.file(name).read_bytes() for name in ("001.png", "002.png")}
    os.utime(studies.file("001.png"), ns=(10**18, 10**18))
    was = run_with(counting(), studies, tmp_path / "out").predictions.table
    studies.file("001.png").write_bytes(kept["002.png"].ljust(len(kept["001.png"]), b"\0")[: len(kept["001.png"])])
    os.utime(studies.file("001.png"), ns=(10**18 + 1, 10**18 + 1))
    network = counting()
    changed = run_with(network, studies, tmp_path / "out").predictions.table
    assert len(network.batches) == 1
    assert changed["probability_pneumonia"].iloc[1] != was["probability_pneumonia"].iloc[1]
    studies.file("001.png").unlink()
    without = run_with(counting(), studies, tmp_path / "out")
    assert without.ledger.counts() == {"inputs": 3, "read": 2, "excluded": 0, "failed": 1}
    studies.file("001.png").write_bytes(kept["001.png"])
    os.utime(studies.file("001.png"), ns=(10**18, 10**18))
    back = counting()
    assert _csv(run_with(back, studies, tmp_path / "out").predictions.table) == _csv(was)
    assert not back.batches


def test_the_journal_of_another_bundle_is_refused(
    run_with: Callable[..., CohortRun], counting: Any, cohort: Callable[..., Cohort], tmp_path: Path, bundle: Bundle
) -> None:
    studies = cohort(1, 1)
    run_with(counting(), studies, tmp_path / "out")
    other = Bundle(folder=bundle.folder, manifest=bundle.manifest, sha256="cd" * 32)
    network = counting()
    with pytest.raises(OutputError) as caught:
        run_with(network, studies, tmp_path / "out", other=other)
    assert (caught.value.code, caught.value.path) == ("OtherRun", str(journal_path(tmp_path / "out")))
    assert not network.batches


def test_the_journal_of_another_cohort_is_refused(
    run_with: Callable[..., CohortRun], counting: Any, cohort: Callable[..., Cohort], tmp_path: Path
) -> None:
    run_with(counting(), cohort(1, 1), tmp_path / "out")
    with pytest.raises(OutputError) as caught:
        run_with(counting(), cohort(1, 1, 1), tmp_path / "out")
    assert caught.value.code == "OtherRun"


def test_a_real_network_says_the_same_after_a_kill(
    cohort: Callable[..., Cohort], manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from medtransfer.core.config.models import ModelConfig

    model = new_classifier(ModelConfig(backbone="squeezenet1_1"), question=Question("multiclass", 2), seed=0)
    tensors = {key: value.numpy() for key, value in model.state_dict().items()}
    bundle = write_bundle(tmp_path / "bundle", manifest, {"network.safetensors": tensors})
    studies = cohort(*[1] * (BATCH + 3))
    whole = predict_cohort(bundle, studies, folder=tmp_path / "whole")
    assert whole.predictions.table["probability_pneumonia"].nunique() > BATCH / 2
    load = run_module.load_runtime

    def failing(*arguments: Any, **settings: Any) -> Any:
        network = load(*arguments, **settings)
        calls = []

        def run(studies: list[Any]) -> np.ndarray:
            calls.append(len(studies))
            if len(calls) == 2:
                raise KeyboardInterrupt
            return network(studies)

        return run

    with monkeypatch.context() as patch:
        patch.setattr(run_module, "load_runtime", failing)
        with pytest.raises(KeyboardInterrupt):
            predict_cohort(bundle, studies, folder=tmp_path / "killed")
    torch.manual_seed(1)
    resumed = predict_cohort(bundle, studies, folder=tmp_path / "killed")
    assert _csv(resumed.predictions.table) == _csv(whole.predictions.table)
