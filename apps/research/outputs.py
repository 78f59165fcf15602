"""What the command line has written below the folder of runs: a folder is known by the file that it holds."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import streamlit as st

from apps.settings import current_settings
from apps.text import plain, printable, trouble

MOST_FOLDERS: Final = 5_000
"""That are looked through; a run's own caches are not counted."""

_ENTERED_NEVER: Final = frozenset({"cache", "tensorboard", "bundle", "figures", "checklists"})
"""Inner folders of a run or report, which hold no results of their own, and may hold many files."""

_TRAINED: Final = ("terms.csv", "history.csv")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """Folders by what they hold; `cut` says that there are more than were looked through."""

    root: Path
    runs: tuple[Path, ...] = ()
    evaluations: tuple[Path, ...] = ()
    inspections: tuple[Path, ...] = ()
    predictions: tuple[Path, ...] = ()
    ledgers: tuple[Path, ...] = ()
    cut: bool = False

    def name(self, folder: Path) -> str:
        """How a folder is called on the screen: by its place below the root."""
        place = folder.relative_to(self.root).as_posix()
        return printable(self.root.name or "/" if place == "." else place)


def outputs() -> Outputs | None:
    """What lies in the folder that the app was started with; else None, having said why."""
    root = current_settings().runs
    if root is None or not root.is_dir():
        trouble(
            "There are no runs to show.",
            "" if root is None else "The folder that the app was started with is not there.",
            "Start it with `--runs FOLDER`, the folder in which `medtransfer fit`, `inspect` and `evaluate` wrote.",
        )
        return None
    found = _found(str(root))
    if found.cut:
        plain(
            f"Only the first {MOST_FOLDERS:,} folders were looked through: what lies in the others is not shown. Start "
            "the app with a smaller folder of runs."
        )
    return found


def find_outputs(root: Path) -> Outputs:
    """Look through a folder, in order of names. Links and hidden folders are not entered."""
    root = root.resolve()
    found: dict[str, list[Path]] = {
        name: [] for name in ("runs", "evaluations", "inspections", "predictions", "ledgers")
    }
    for number, (place, below, files) in enumerate(os.walk(root)):
        if number >= MOST_FOLDERS:
            return _outputs(root, found, cut=True)
        folder, names = Path(place), frozenset(files)
        below[:] = sorted(name for name in below if not name.startswith(".") and name not in _ENTERED_NEVER)
        if "plan.toml" in names and (names.intersection(_TRAINED) or (folder / "bundle").is_dir()):
            found["runs"].append(folder)
        for kind, name in (
            ("evaluations", "evaluation.json"),
            ("inspections", "inspection.json"),
            ("predictions", "predictions.csv"),
            ("ledgers", "ledger.csv"),
        ):
            if name in names:
                found[kind].append(folder)
    return _outputs(root, found, cut=False)


def _outputs(root: Path, found: dict[str, list[Path]], *, cut: bool) -> Outputs:
    return Outputs(root=root, cut=cut, **{kind: tuple(folders) for kind, folders in found.items()})


@st.cache_resource(ttl=15, max_entries=4, show_spinner="Looking through the folder of runs …")
def _found(root: str) -> Outputs:
    return find_outputs(Path(root))
