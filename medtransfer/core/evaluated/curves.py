"""Curves with their bands, and how probabilities are spread."""

from __future__ import annotations

from pydantic import model_validator

from medtransfer.core.records import Record


class BandedCurve(Record):
    """Points of a curve in drawing order, and the ends of the pointwise interval of `y` at each of them."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    """Empty, as `high` is, where there is no band."""
    high: tuple[float, ...] = ()
    level: float = 0.95
    method: str = ""
    """How the band was made; empty where there is none."""

    @model_validator(mode="after")
    def _fits(self) -> BandedCurve:
        lengths = {len(self.x), len(self.y), *(len(end) for end in (self.low, self.high) if end)}
        if len(lengths) > 1 or bool(self.low) != bool(self.high):
            msg = f"x, y, low and high have {len(self.x)}, {len(self.y)}, {len(self.low)} and {len(self.high)} points"
            raise ValueError(msg)
        return self


class Histogram(Record):
    """How many studies of each true class have which probability of the positive one."""

    edges: tuple[float, ...]
    """Of the bins, ascending; the last bin holds its upper edge, the others do not."""
    counts: dict[str, tuple[int, ...]]
