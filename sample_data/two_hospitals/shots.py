"""Which pictures a hospital's studies have: the frontal one, laterals, and what goes wrong in any archive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .exact import Stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .arrivals import Visit
    from .hospitals import Hospital

KINDS = {
    "frontal": "the picture that the study was made for",
    "lateral": "a second view",
    "repeat": "a second exposure, since the first was not good enough",
    "copy": "the first picture once more, sent through another archive that scaled the grey values",
    "raw": "the first picture before processing, FOR PROCESSING; it is in the folder, not in the table",
}


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One picture of a study; `kind` is one of `KINDS`."""

    visit: Visit
    kind: str

    @property
    def view(self) -> str:
        """`PA`, `AP` (in bed) or `LL` (left lateral)."""
        if self.kind == "lateral":
            return "LL"
        return "AP" if self.visit.portable else "PA"


def plan_shots(hospital: Hospital, visits: Sequence[Visit], *, seed: int) -> list[Shot]:
    """Every study's pictures; outside the locked test, one study has a repeat, one a copy and one a raw twin.

    Only Digital X-Ray has a raw twin: the Computed Radiography object knows no FOR PROCESSING.
    """
    extra = _oddities(hospital, visits, seed=seed)
    shots = []
    for place, visit in enumerate(visits):
        kinds = ["frontal", *(["lateral"] if visit.lateral else []), *(k for k, at in extra.items() if at == place)]
        shots += [Shot(visit=visit, kind=kind) for kind in kinds]
    return shots


def _oddities(hospital: Hospital, visits: Sequence[Visit], *, seed: int) -> dict[str, int]:
    """Where in the list of studies each odd picture belongs; nowhere while fewer than three studies are open."""
    kinds = ["repeat", "copy", *(["raw"] if hospital.equipment.modality == "DX" else [])]
    places = [place for place, visit in enumerate(visits) if visit.split != "test"]
    if len(places) < len(kinds):
        return {}
    order = Stream(seed, hospital.name, "oddities").permutation(len(places))
    return {kind: places[order[rank]] for rank, kind in enumerate(kinds)}
