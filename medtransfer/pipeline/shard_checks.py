"""What shards must be before they are put together: of one run, and every study of its cohort in exactly one row."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from medtransfer.core.errors import PredictionsError
from medtransfer.prediction.finished import Part
from medtransfer.prediction.identity import RunIdentity
from medtransfer.prediction.shard import Shard

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

_SHOWN: Final = 5
_LONGEST: Final = 40
_SAME: Final = {
    "OtherBundle": ("bundle_sha256",),
    "OtherCohort": ("cohort_sha256", "patients_unknown"),
    "OtherSettings": ("columns", "runtime", "stored", "shards", "batch"),
}
"""Code of the error → what of a run's identity all shards must share."""


@dataclass(frozen=True, kw_only=True)
class OpenShard:
    """A shard's folder, and the files in it."""

    folder: Path
    identity: RunIdentity
    part: Part


def check_same_run(shards: Sequence[OpenShard]) -> None:
    """Refuse shards of another run than the first one's.

    Raises:
        PredictionsError: `OtherBundle`, `OtherCohort` or `OtherSettings`, naming the folder and what differs.
    """
    ours = shards[0].identity
    for shard in shards:
        if shard.part.listing.about.sha256 != shard.identity.cohort_sha256:
            raise _other("OtherCohort", shard.folder, "its list of studies is of another cohort than its rows")
        for code, names in _SAME.items():
            for name in names:
                one, other = getattr(ours, name), getattr(shard.identity, name)
                if one != other:
                    said = f"its {name} is {_short(other)}, that of {shards[0].folder} is {_short(one)}"
                    raise _other(code, shard.folder, said)


def check_every_row_once(shards: Sequence[OpenShard]) -> None:
    """Refuse rows that are there twice, of no study of the shard, or missing.

    Raises:
        PredictionsError: `DoubledRows`, `ForeignRows` or `MissingRows`, naming the first studies.
    """
    homes: dict[int, OpenShard] = {}
    for shard in shards:
        twin = homes.setdefault(shard.identity.shard, shard)
        if twin is not shard:
            hint = f"Name every shard once: {twin.folder} holds shard {shard.part.shard}, too."
            _refuse("DoubledRows", "have two rows", _own(shard.part), shard.folder, hint)
        hint = "Predict this shard again, into a new folder: something else has written here."
        _refuse("ForeignRows", "do not belong to this shard", _foreign(shard.part), shard.folder, hint)
    of = shards[0].identity.shards
    absent = ", ".join(f"{number}/{of}" for number in range(1, of + 1) if number not in homes)
    hint = (
        f"Name the folders of these shards, too: {absent}."
        if absent
        else "Run `medtransfer predict` for this shard again: it goes on where it stopped."
    )
    for number in range(1, of + 1):
        part = homes[number].part if number in homes else None
        place = shards[0].folder.parent if part is None else homes[number].folder
        _refuse("MissingRows", "have no row", _missing(shards[0].part, part, number, of), place, hint)


def _own(part: Part) -> Iterator[str]:
    """The studies that a shard ought to have."""
    return chain.from_iterable(map(part.listing.names, part.shard.batches(part.listing.about.studies)))


def _foreign(part: Part) -> Iterator[str]:
    """Studies of rows that are not its own; a study that was predicted again has several rows."""
    for key in part.journal.each_key():
        study = key.rpartition(" ")[0]
        number = part.listing.number(study)
        if number is None or not part.shard.has(number):
            yield study


def _missing(any_part: Part, part: Part | None, number: int, of: int) -> Iterator[str]:
    """Studies of a shard that have no row as their files are; all of them where the shard is not there."""
    for batch in Shard(number=number, of=of).batches(any_part.listing.about.studies):
        names = any_part.listing.names(batch)
        keys = [""] * len(names) if part is None else part.listing.keys(batch)
        found: Mapping[str, object] = {} if part is None else part.journal.found(keys)
        yield from (study for study, key in zip(names, keys, strict=True) if key not in found)


def _refuse(code: str, what: str, studies: Iterable[str], folder: Path, hint: str) -> None:
    """Raise where there are such studies, naming the first and counting the others without holding them."""
    rest = iter(studies)
    shown = list(islice(rest, _SHOWN))
    if shown:
        others = sum(1 for _ in rest)
        more = f" and {others} more" if others else ""
        raise PredictionsError(
            f"{len(shown) + others} studies {what}: {', '.join(map(repr, shown))}{more}",
            code=code,
            path=folder,
            hint=hint,
        )


def _other(code: str, folder: Path, what: str) -> PredictionsError:
    return PredictionsError(
        f"is a shard of another run: {what}",
        code=code,
        path=folder,
        hint="Predict all shards with one bundle, one table and the same options.",
    )


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
