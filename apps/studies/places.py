"""Which study of the server's folder a study of a table is, so that it can be opened.

The command line names studies as the cohort does (`HC0001-1`), the folder by their files (`images/HC0001-1.dcm`): the
last part of the path will do, with or without its suffix, where only one study bears it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from apps.studies.folder import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterable


def places_of(names: Iterable[str]) -> dict[str, str]:
    """Every way to call a study that means one study only → its name in the folder."""
    names = tuple(names)
    short = Counter(_short(name) for name in names)
    return {_short(name): name for name in names if short[_short(name)] == 1} | {name: name for name in names}


def place_of(study_id: str, places: dict[str, str]) -> str | None:
    """The name of a table's study in the folder; None where it is not there."""
    return places.get(study_id) or places.get(_short(study_id))


def _short(name: str) -> str:
    """`images/HC0001-1.dcm` → `HC0001-1`."""
    last = name.rsplit("/", 1)[-1]
    suffix = max((one for one in SUFFIXES if last.lower().endswith(one)), key=len, default="")
    return last[: len(last) - len(suffix)]
