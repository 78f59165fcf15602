"""What a soup says of itself: what became of every bundle, and whom its weights and its threshold have seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from medtransfer.pipeline.choosing import NO_POINT
from medtransfer.pipeline.held_out import digests
from medtransfer.pipeline.ingredients import changes

if TYPE_CHECKING:
    from medtransfer.data.cohort import Cohort
    from medtransfer.models.bundle import Bundle, TrainingRecord


def story_of(
    how: str, given: Sequence[Bundle], chosen: Sequence[Bundle], losses: Sequence[float] = ()
) -> dict[str, Any]:
    """What became of every bundle, and how its plan differs from that of the soup's first member."""
    ours = chosen[0].manifest.training.plan
    members = [
        {
            "sha256": bundle.sha256,
            "kept": bundle in chosen,
            "changes": {key: theirs for key, (_, theirs) in changes(ours, bundle.manifest.training.plan).items()},
        }
        for bundle in given
    ]
    for member, loss in zip(members, losses, strict=False):
        member["log_loss"] = loss
    return {"how": how, "members": members}


def merged_record(bundles: Sequence[Bundle], story: dict[str, Any], validation: Cohort | None = None) -> TrainingRecord:
    """What the soup has seen: all that any of its members has, and the studies that chose members and threshold.

    Steps and seconds add up. Studies are mostly the same ones in all members: of each class the most that one had.
    """
    records = [bundle.manifest.training for bundle in bundles]
    first = records[0]
    noted = (note for record in records for note in record.notes if NO_POINT not in note)  # points are chosen anew
    said = [f"The weights are the average of those of {len(bundles)} bundles."]
    patients = {digest for record in records for digest in record.patients}
    if validation is not None:
        studies = validation.table["study_id"].nunique()
        said.append(f"It was judged on {studies} studies that none of them was trained on.")
        patients |= digests(validation.table)
    return first.model_copy(
        update={
            "plan": {**first.plan, "soup": story},
            "epochs": sum(record.epochs for record in records),
            "steps": sum(record.steps for record in records),
            "best_epoch": None,
            "arithmetic": {key: _all(record.arithmetic.get(key, "") for record in records) for key in first.arithmetic},
            "seconds": round(sum(record.seconds for record in records), 1),
            "studies": _most(record.studies for record in records),
            "unlabelled": max(record.unlabelled for record in records),
            "sites": tuple(sorted({site for record in records for site in record.sites})),
            "modalities": tuple(sorted({kind for record in records for kind in record.modalities})),
            "notes": tuple(dict.fromkeys([*said, *noted])),
            "patients": tuple(sorted(patients)),
        }
    )


def _all(words: Iterable[str]) -> str:
    return " or ".join(sorted(set(words) - {""}))


def _most(parts: Iterable[dict[str, dict[str, int]]]) -> dict[str, dict[str, int]]:
    """Domain → class → the largest number."""
    found: dict[str, dict[str, int]] = {}
    for domains in parts:
        for domain, counts in domains.items():
            ours = found.setdefault(domain, {})
            ours |= {name: max(count, ours.get(name, 0)) for name, count in counts.items()}
    return found
