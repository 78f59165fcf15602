"""Which study of the server's folder a study of a table is, so that it can be opened.

The command line names studies as the cohort does (`HC0001-1`), the folder by their files (`images/HC0001-1.dcm`): the
last part of the path of any of its files will do, with or without its suffix, where only one study bears it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.studies.walk import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterable


def places_of(studies: Iterable[tuple[str, Iterable[str]]]) -> dict[str, str]:
    """Every way to call a study that means one study only → its name in the folder.

    Args:
        studies: The name of each, and those of its files.
    """
    short: dict[str, str | None] = {}
    whole: dict[str, str] = {}
    for name, files in studies:
        whole[name] = name
        for called in {_short(one) for one in (name, *files)}:
            short[called] = name if short.get(called, name) == name else None
        for file in files:
            whole.setdefault(file, name)
    return {called: name for called, name in short.items() if name is not None} | whole


def place_of(study_id: str, places: dict[str, str]) -> str | None:
    """The name of a table's study in the folder; None where it is not there."""
    return places.get(study_id) or places.get(_short(study_id))


def _short(name: str) -> str:
    """`images/HC0001-1.dcm` → `HC0001-1`."""
    last = name.rsplit("/", 1)[-1]
    suffix = max((one for one in SUFFIXES if last.lower().endswith(one)), key=len, default="")
    return last[: len(last) - len(suffix)]
