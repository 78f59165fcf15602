"""A study's place among the scored ones."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from medtransfer.core.results import ScoredStudies
from medtransfer.evaluation.roc import roc_curve
from medtransfer.evaluation.roc_place import roc_place


def scored(studies: list[tuple[float, bool]]) -> ScoredStudies:
    ordered = sorted(studies)
    return ScoredStudies(
        split="validation",
        of="pneumonia",
        probabilities=tuple(p for p, _ in ordered),
        present=tuple(y for _, y in ordered),
        patients=tuple(range(len(ordered))),
    )


def test_its_place_is_what_a_threshold_there_would_do() -> None:
    found = roc_place(scored([(0.1, False), (0.4, False), (0.4, True), (0.7, False), (0.9, True)]), 0.40001)
    assert (found.sensitivity.value, found.sensitivity.n) == (1.0, 2)  # 0.4 is at or above its own 0.4
    assert found.specificity.value == 1 / 3
    assert (found.of, found.split) == ("pneumonia", "validation")


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=60), st.integers(0, 20))
@settings(deadline=None, max_examples=100)
def test_the_dot_lies_on_the_curve(studies: list[tuple[int, bool]], score: int) -> None:
    found = roc_place(scored([(s / 20, y) for s, y in studies]), score / 20)
    truth = np.array([y for _, y in sorted(studies)])
    if truth.all() or not truth.any():
        assert found.curve.x == ()
        assert None in {found.sensitivity.value, found.specificity.value}
        return
    assert found.curve == roc_curve(truth, np.array([s for s, _ in sorted(studies)]) / 20)
    assert found.sensitivity.value is not None
    assert found.specificity.value is not None
    x, y = 1 - found.specificity.value, found.sensitivity.value
    gaps = [
        np.hypot(x - (a + t * (c - a)), y - (b + t * (d - b)))
        for (a, b), (c, d) in zip(
            zip(found.curve.x, found.curve.y, strict=True),
            zip(found.curve.x[1:], found.curve.y[1:], strict=True),
            strict=False,
        )
        for t in [np.clip(((x - a) * (c - a) + (y - b) * (d - b)) / ((c - a) ** 2 + (d - b) ** 2), 0, 1)]
    ]
    assert min(gaps) < 1e-9
