"""Imported weights, by name: NAME.safetensors with its sidecar NAME.json in one folder of the user's."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from medtransfer.core.catalogue import did_you_mean
from medtransfer.core.errors import WeightsError

FOLDER_VARIABLE: Final = "MEDTRANSFER_WEIGHTS"
"""Names the library's folder where it is not the usual one."""

RESERVED: Final = ("none", "imagenet")
SUFFIXES: Final = (".safetensors", ".pth", ".pt", ".ckpt", ".bin", ".h5", ".hdf5", ".json")

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def library_folder() -> Path:
    """$MEDTRANSFER_WEIGHTS, else `medtransfer/weights` in $XDG_DATA_HOME, else in ~/.local/share."""
    if named := os.environ.get(FOLDER_VARIABLE):
        return Path(named)
    shared = Path(os.environ.get("XDG_DATA_HOME", ""))
    if not shared.is_absolute():  # as its specification says of an empty or relative one
        shared = Path.home() / ".local" / "share"
    return shared / "medtransfer" / "weights"


def imported_names(folder: Path | None = None) -> tuple[str, ...]:
    """The names in the library, sorted; the sidecar is written last, so that what has one is whole."""
    sidecars = (folder or library_folder()).glob("*.json")
    return tuple(sorted(path.stem for path in sidecars if is_name(path.stem)))


def imported_file(name: str, folder: Path | None = None) -> Path:
    """Where the weights of that name are, or would be."""
    return (folder or library_folder()) / f"{name}.safetensors"


def is_name(text: str) -> bool:
    """Can weights be imported under it? A name is neither a path nor the name of a weight file."""
    return bool(_NAME.fullmatch(text)) and text not in RESERVED and not text.lower().endswith(SUFFIXES)


def require_name(text: str) -> None:
    """Refuse what cannot be the name of imported weights.

    Raises:
        WeightsError: `BadName`.
    """
    if not is_name(text):
        raise WeightsError(
            f"{text!r} cannot be a name for weights",
            code="BadName",
            path="--as",
            hint="Use letters, digits, '.', '_' and '-', begin with a letter or digit, and leave out suffixes; "
            f"{' and '.join(RESERVED)} mean something else.",
        )


def located(weights: str | Path) -> Path:
    """The file of imported weights by their name, else of a local file by its path.

    Raises:
        WeightsError: `UnknownWeights` or `NotFound`.
    """
    name = str(weights)
    imported = is_name(name) and name in imported_names()
    path = imported_file(name) if imported else Path(weights)
    if path.is_file():
        return path
    if is_name(name) and not imported:
        names = (*RESERVED, *imported_names())
        raise WeightsError(
            f"no weights were imported under the name '{name}'.{did_you_mean(name, names)}",
            code="UnknownWeights",
            path=library_folder(),
            hint=f"There are: {', '.join(names)}. Import others: medtransfer weights import FILE --as {name}.",
        )
    raise WeightsError(
        "there is no such weight file",
        code="NotFound",
        path=path,
        hint="Give `none`, `imagenet`, the name of imported weights, or the path of a local file with its sidecar.",
    )
