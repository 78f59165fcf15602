"""What the app was started with."""

from __future__ import annotations

import sys
from argparse import ArgumentError, ArgumentParser
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Arguments after `--`. `problem` says what is wrong with them, in one sentence."""

    bundle: Path | None = None
    studies: Path | None = None
    key: Path | None = None
    problem: str = ""


def read_settings(arguments: Sequence[str]) -> Settings:
    """Arguments to settings; a session never ends because of a wrong one."""
    parser = ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--studies", type=Path)
    parser.add_argument("--key", type=Path)
    try:
        known, unknown = parser.parse_known_args(arguments)
    except ArgumentError as error:
        return Settings(problem=f"The app was started with an argument it cannot use: {error}.")
    if unknown:
        return Settings(problem=f"The app was started with arguments it does not know: {' '.join(unknown)}.")
    if known.bundle is None:
        return Settings(studies=known.studies, key=known.key, problem="The app was started without a bundle.")
    return Settings(bundle=known.bundle, studies=known.studies, key=known.key)


def current_settings() -> Settings:
    """Settings of the running app."""
    return read_settings(sys.argv[1:])
