"""What the app was started with: arguments after `--`, and `--clinic FILE.toml`, which says how the clinic reads.

    reveal = "after_impression"      # or "always": the model's answer is shown at once
    triage = false                   # true: the worklist may be ordered by score; a regulated function
    prevalence = 0.08                # of the finding among the clinic's own patients, where it is known
    protocol = "NCT01234567"         # study protocol: exports are off without one
    theme = "dark"                   # or "light"
    readers = ["anna@hospital.org"]
    researchers = ["eva@hospital.org"]

A file that cannot be used closes the app: nothing is shown by rules that nobody set.
"""

from __future__ import annotations

import sys
import tomllib
from argparse import ArgumentError, ArgumentParser, Namespace
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

if TYPE_CHECKING:
    from collections.abc import Sequence

REVIEWS: Final = "~/.local/share/medtransfer/reviews.sqlite"
"""Where readers' words are kept unless `--reviews` says otherwise."""

_PATHS: Final = ("bundle", "studies", "predictions", "key", "runs", "reviews", "clinic")


class Clinic(BaseModel):
    """How the clinic wants to read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reveal: Literal["after_impression", "always"] = "after_impression"
    """When a reader sees what the model says of a study."""
    triage: bool = False
    """Whether the worklist may be ordered by score."""
    prevalence: float | None = Field(default=None, gt=0, lt=1)
    """Of the finding among the clinic's own patients."""
    protocol: str = ""
    """The study protocol under which results may leave the app; empty: they may not."""
    theme: Literal["dark", "light"] = "dark"
    """Of every screen, whatever the browser prefers."""
    readers: tuple[str, ...] = ()
    researchers: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Arguments after `--`. `problem` says what is wrong with them, in one sentence.

    `closed` says that it is the clinic's file that cannot be used: then no screen is open.
    """

    bundle: Path | None = None
    studies: Path | None = None
    predictions: Path | None = None
    key: Path | None = None
    runs: Path | None = None
    reviews: Path = Path(REVIEWS)
    clinic: Clinic = field(default_factory=Clinic)
    problem: str = ""
    closed: bool = False


def read_settings(arguments: Sequence[str]) -> Settings:
    """Arguments to settings; a session never ends because of a wrong one."""
    parser = ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for name in _PATHS:
        parser.add_argument(f"--{name}", type=Path)
    try:
        known, unknown = parser.parse_known_args(arguments)
    except ArgumentError as error:
        return Settings(problem=f"The app was started with an argument it cannot use: {error}.")
    if unknown:
        return Settings(problem=f"The app was started with arguments it does not know: {' '.join(unknown)}.")
    clinic, problem = (Clinic(), "") if known.clinic is None else read_clinic(known.clinic)
    closed = bool(problem)
    if not problem and known.bundle is None:
        problem = "The app was started without a bundle."
    return _settings(known, clinic, problem, closed=closed)


def read_clinic(file: Path) -> tuple[Clinic, str]:
    """The clinic's file, and in one sentence what is wrong with it."""
    try:
        return Clinic.model_validate(tomllib.loads(file.read_text(encoding="utf-8"))), ""
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problem = f"is no TOML file ({error})"
    except ValidationError as error:
        first = error.errors()[0]
        problem = f"says something that cannot be used: {'.'.join(map(str, first['loc']))}: {first['msg']}"
    return Clinic(), f"The clinic's file {file} {problem}."


def current_settings() -> Settings:
    """Settings of the running app."""
    return read_settings(sys.argv[1:])


def _settings(known: Namespace, clinic: Clinic, problem: str, *, closed: bool) -> Settings:
    return Settings(
        bundle=None if problem else known.bundle,
        studies=known.studies,
        predictions=known.predictions,
        key=known.key,
        runs=known.runs,
        reviews=(known.reviews or Path(REVIEWS)).expanduser(),
        clinic=clinic,
        problem=problem,
        closed=closed,
    )
