"""A run's folder read back: its plan, what every term did, what validation said, and what the bundle remembers of it.

A run that is still going, or was cut short, has less; what is missing or damaged is said, and the rest is read.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from medtransfer.core.config.plan import Plan
from medtransfer.core.config.toml import read_toml
from medtransfer.core.errors import MedTransferError
from medtransfer.core.files import file_digest
from medtransfer.models.bundle import Manifest
from medtransfer.reporting.training_log import TermCourse, read_terms
from medtransfer.training.history import EpochRow, read_history
from medtransfer.training.log import COLUMNS

if TYPE_CHECKING:
    from medtransfer.models.bundle import TrainingRecord

PLAN: Final = "plan.toml"
_BUNDLE, _TERMS, _HISTORY = "bundle", "terms.csv", "history.csv"
_Read = TypeVar("_Read")


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run.

    Attributes:
        folder: Where it lies.
        plan: What was to be trained; None where the plan cannot be read.
        record: What the bundle remembers; None until there is one.
        bundle_sha256: Of the bundle, or empty. What it was made from is not verified here.
        courses: Every term along the way.
        history: Every epoch.
        problems: What cannot be read, each a sentence.
    """

    folder: Path
    plan: Plan | None
    record: TrainingRecord | None
    bundle_sha256: str
    courses: tuple[TermCourse, ...]
    history: tuple[EpochRow, ...]
    problems: tuple[str, ...]


def read_run(folder: Path, *, terms: bool = True) -> Run:
    """What there is of a run; nothing is raised for a part of it that is damaged.

    Args:
        folder: As `fit` wrote it.
        terms: Read what every term did, which may be many rows.
    """
    problems: list[str] = []

    def tried(read: Callable[[Path], _Read], path: Path, otherwise: _Read) -> _Read:
        if not path.exists():
            return otherwise
        try:
            return read(path)
        except MedTransferError as error:
            problems.append(f"{path.name} cannot be read: {error.message}.")
        except (OSError, ValueError, KeyError, TypeError) as error:
            problems.append(f"{path.name} cannot be read: {str(error).splitlines()[0] if str(error) else 'damaged'}.")
        return otherwise

    manifest = tried(_manifest, folder / _BUNDLE / "bundle.json", None)
    return Run(
        folder=folder,
        plan=tried(lambda path: read_toml(Plan, path), folder / PLAN, None),
        record=None if manifest is None else manifest.training,
        bundle_sha256="" if manifest is None else file_digest(folder / _BUNDLE / "bundle.json"),
        courses=tried(_courses, folder / _TERMS, ()) if terms else (),
        history=tried(lambda path: read_history(path.parent), folder / _HISTORY, ()),
        problems=tuple(problems),
    )


def _courses(path: Path) -> tuple[TermCourse, ...]:
    with path.open(encoding="utf-8") as file:
        if file.readline().strip().split(",") != list(COLUMNS):
            msg = "it is no log of terms"
            raise ValueError(msg)
    return read_terms(path)


def _manifest(path: Path) -> Manifest | None:
    return Manifest.model_validate(json.loads(path.read_text(encoding="utf-8")))
