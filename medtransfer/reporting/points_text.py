"""Operating points in the lines that `fit` and `soup` print."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medtransfer.models.bundle import Manifest


def point_lines(manifest: Manifest) -> Iterator[str]:
    """One line a point; none without one."""
    point = manifest.operating_point
    for one in manifest.operating_points.values() if point is None else (point,):
        yield (
            f"operating point, chosen on {one.chosen_on}: probability of {one.positive} ≥ {one.threshold:.3f}; there "
            f"sensitivity {one.sensitivity}, specificity {one.specificity}"
        )


def point_facts(manifest: Manifest) -> dict[str, Any]:
    """For programs: `operating_point`, or null, and `operating_points` by label."""
    point = manifest.operating_point
    return {
        "operating_point": None if point is None else point.as_json(),
        "operating_points": {name: one.as_json() for name, one in manifest.operating_points.items()},
    }
