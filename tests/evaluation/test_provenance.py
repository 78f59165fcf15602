from __future__ import annotations

import hashlib
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from medtransfer.core.files import file_digest
from medtransfer.core.results import Predictions
from medtransfer.evaluation.predictions_io import csv_bytes, read_predictions, write_predictions
from medtransfer.evaluation.provenance import installed, predictions_digest, provenance


def test_the_digest_is_that_of_the_written_table_and_ignores_row_order(
    predictions: Predictions, tmp_path: Path
) -> None:
    digest = predictions_digest(predictions)
    assert digest == hashlib.sha256(csv_bytes(predictions.table)).hexdigest()
    shuffled = replace(predictions, table=predictions.table.sample(frac=1, random_state=0))
    assert predictions_digest(shuffled) == digest
    path = write_predictions(predictions, tmp_path)
    assert file_digest(path) == digest
    assert predictions_digest(read_predictions(path)) == digest


def test_the_digest_sees_the_last_bit(predictions: Predictions) -> None:
    table = predictions.table.copy()
    table.loc[10, "probability_normal"] += 2**-53
    assert predictions_digest(replace(predictions, table=table)) != predictions_digest(predictions)


def test_versions_are_the_installed_ones(predictions: Predictions) -> None:
    made = provenance(predictions, seed=7)
    assert made.packages["numpy"] == version("numpy")
    assert (made.seed, made.bundle_sha256) == (7, predictions.bundle_sha256)
    assert installed("no-such-package-anywhere") == "not installed"
