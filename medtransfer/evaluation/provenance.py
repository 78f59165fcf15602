"""What an evaluation was made from: the predictions' digest, the bundle, the versions, the seed."""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from medtransfer.core.results import Predictions, Provenance
from medtransfer.evaluation.cases import as_text
from medtransfer.evaluation.predictions_io import csv_bytes

_PACKAGES = ("numpy", "pandas", "scipy")
"""What the figures are computed with."""


def provenance(predictions: Predictions, *, seed: int) -> Provenance:
    """Digest and versions; the digest does not depend on the order of the rows."""
    return Provenance(
        bundle_sha256=predictions.bundle_sha256,
        predictions_sha256=predictions_digest(predictions),
        medtransfer_version=installed("medtransfer"),
        packages={"python": platform.python_version()} | {name: installed(name) for name in _PACKAGES},
        seed=seed,
    )


def predictions_digest(predictions: Predictions) -> str:
    """SHA-256 of the table's canonical CSV, rows sorted by study id."""
    order = np.argsort(as_text(predictions.table["study_id"]).to_numpy(dtype=object), kind="stable")
    return hashlib.sha256(csv_bytes(predictions.table.iloc[order])).hexdigest()


def installed(package: str) -> str:
    """Version of an installed package, or `not installed` (a source tree that was never installed)."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
