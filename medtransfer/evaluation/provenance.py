"""What an evaluation was made from: digests of data, bundle, plan and code, the versions, the seed."""

from __future__ import annotations

import hashlib
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import numpy as np

from medtransfer.core.files import file_digest, text_digest
from medtransfer.core.records import Record
from medtransfer.core.results import Predictions, Provenance
from medtransfer.evaluation.cases import as_text
from medtransfer.evaluation.predictions_io import csv_bytes

_PACKAGES: Final = ("numpy", "pandas", "scipy", "scikit-learn", "torch")
"""What figures and probabilities are computed with. Versions are read from metadata: nothing is imported for them."""

_HOME: Final = Path(__file__).parents[1]


class Origins(Record):
    """Digests that only rooms above this one know; empty where nobody does."""

    cohort_sha256: str = ""
    truth_sha256: str = ""
    training_sha256: str = ""
    plan_sha256: str = ""


def provenance(predictions: Predictions, *, seed: int, origins: Origins | None = None) -> Provenance:
    """Digests and versions; they do not depend on the order of the rows."""
    return Provenance(
        bundle_sha256=predictions.bundle_sha256,
        predictions_sha256=predictions_digest(predictions),
        medtransfer_version=installed("medtransfer"),
        packages={"python": platform.python_version()} | {name: installed(name) for name in _PACKAGES},
        seed=seed,
        code_sha256=code_digest(),
        **(origins or Origins()).model_dump(),
    )


def predictions_digest(predictions: Predictions) -> str:
    """SHA-256 of the table's canonical CSV, rows sorted by study id."""
    order = np.argsort(as_text(predictions.table["study_id"]).to_numpy(dtype=object), kind="stable")
    return hashlib.sha256(csv_bytes(predictions.table.iloc[order])).hexdigest()


@cache
def code_digest(home: Path = _HOME) -> str:
    """SHA-256 of the Python files of a package by their names, so that an edited source tree has another one.

    What was bundled into a wheel beside the package (`_bundled`) is no part of it, so that a wheel has the digest of
    the source tree that it was built from.
    """
    files = sorted(
        path for path in home.rglob("*.py") if not {"_bundled", "__pycache__"} & set(path.relative_to(home).parts)
    )
    return text_digest(*(part for path in files for part in (path.relative_to(home).as_posix(), file_digest(path))))


def installed(package: str) -> str:
    """Version of an installed package, or `not installed` (a source tree that was never installed)."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
