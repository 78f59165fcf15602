"""What a set of scans is made of: counts of patients, studies and series, facts, and identifiers found."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from medtransfer.core.inert import one_line
from medtransfer.data.geometry import orientation_letters, spacing_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from medtransfer.data.found import Item
    from medtransfer.data.scan import Scan

FACTS: Final = (
    "modality", "body_part", "view", "kind", "matrix", "spacing", "orientation", "bit_depth", "polarity", "syntax",
    "manufacturer", "loader",
)  # fmt: skip
"""What is counted of each scan, in the order in which it is shown."""

BURNED_IN: Final = "BurnedInAnnotation"
_DIGITS: Final = 4


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What is kept of a scan once its voxels have gone.

    Attributes:
        facts: `FACTS` of it; absent where nobody says.
        patient: Its patient, empty where unknown; so are study and series.
        paths: Its files.
        identifiers: Names of header elements that say who the patient is.
        burned_in: The header says that the pixels hold annotation.
    """

    facts: dict[str, str]
    patient: str = ""
    study: str = ""
    series: str = ""
    paths: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()
    burned_in: bool = False


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Counts of what was read.

    Attributes:
        patients: Different patients that are known; so are studies and series.
        items: Scans: pictures, series, stacks of a series.
        files: Files that they came from.
        without_patient: Scans whose patient is not known.
        facts: Fact → value → number of scans, the commonest first, each adding up to `items`; an empty value counts
            those that do not say. Facts that none says are left out.
        identifiers: Header element → number of files that have it.
        identified: Files with at least one of them.
        burned_in: Scans whose header says that the pixels hold annotation.
    """

    patients: int = 0
    studies: int = 0
    series: int = 0
    items: int = 0
    files: int = 0
    without_patient: int = 0
    facts: dict[str, dict[str, int]] = field(default_factory=dict)
    identifiers: dict[str, int] = field(default_factory=dict)
    identified: int = 0
    burned_in: int = 0


def summary(seen: Sequence[Seen]) -> Summary:
    """Count them; a file that serves several scans counts once as a file."""
    holding: dict[str, set[str]] = defaultdict(set)
    for scan in seen:
        for element in scan.identifiers:
            holding[element].update(scan.paths)
    tallies = {fact: Counter(scan.facts.get(fact, "") for scan in seen) for fact in FACTS}
    return Summary(
        patients=len({scan.patient for scan in seen} - {""}),
        studies=len({scan.study for scan in seen} - {""}),
        series=len({scan.series for scan in seen} - {""}),
        items=len(seen),
        files=len({path for scan in seen for path in scan.paths}),
        without_patient=sum(not scan.patient for scan in seen),
        facts={fact: dict(tally.most_common()) for fact, tally in tallies.items() if set(tally) - {""}},
        identifiers=dict(Counter({element: len(paths) for element, paths in holding.items()}).most_common()),
        identified=len(set[str]().union(*holding.values())),
        burned_in=sum(scan.burned_in for scan in seen),
    )


def facts_of(item: Item, scan: Scan) -> dict[str, str]:
    """`FACTS` of one scan: what its headers say, and what decoding shows where they say nothing."""
    low, high = scan.presentation.stored_range
    shown = {
        "modality": scan.modality,
        "kind": scan.kind,
        "matrix": matrix(scan),
        "spacing": spacing(scan),
        "orientation": "" if scan.affine is None else orientation_letters(scan.affine),
        "bit_depth": str(int(high - low).bit_length()),
        "polarity": "inverted" if scan.presentation.inverted else "as stored",
        "loader": item.loader,
    }
    attributes = {fact: scan.attributes.get(fact, "") for fact in FACTS}
    said = {fact: item.facts.get(fact, "") for fact in FACTS if fact not in {"kind", "polarity", "loader"}}
    merged = {fact: said.get(fact) or shown.get(fact) or attributes[fact] for fact in FACTS}
    return {fact: one_line(value) for fact, value in merged.items() if value}


def matrix(scan: Scan) -> str:
    """Rows × columns, and × slices or frames where there are such."""
    rows, columns = scan.voxels.shape[-3:-1] if scan.is_colour else scan.voxels.shape[-2:]
    planes = "" if scan.kind == "picture" else f" × {scan.voxels.shape[0]}"
    return f"{rows} × {columns}{planes}"


def spacing(scan: Scan) -> str:
    """Millimetres between rows, columns and slices; of a projection, between rows and columns; empty where unknown."""
    if scan.affine is not None:
        between_slices, *in_plane = spacing_of(scan.affine)
        steps = in_plane if scan.kind == "picture" else (*in_plane, between_slices)
    elif scan.pixel_size is not None:
        steps = scan.pixel_size
    else:
        return ""
    return " × ".join(f"{step:.{_DIGITS}g}" for step in steps)
