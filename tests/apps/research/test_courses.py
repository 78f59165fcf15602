"""The courses of terms as they are drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from apps.research.courses import term_chart
from medtransfer.reporting.training_log import TermCourse


def scale_of(weights: list[float]) -> dict[str, Any]:
    """That of the strip of weights."""
    steps = np.arange(float(len(weights)))
    course = TermCourse(
        name="coral",
        steps=steps,
        values=steps,
        weights=np.array(weights, dtype=np.float64),
        epochs=np.array([0.0]),
        gradients=np.array([1.0]),
    )
    return term_chart(course).to_dict()["vconcat"][1]["encoding"]["y"].get("scale", {})


@pytest.mark.parametrize("weight", [0.5, 1e-6, 40.0])
def test_a_weight_that_never_changes_is_seen_apart_from_the_edge(weight: float) -> None:
    low, high = scale_of([weight] * 9)["domain"]
    assert low == 0
    assert 1.1 * weight < high < 2 * weight


@pytest.mark.parametrize("weights", [[], [0.0] * 4])
def test_a_term_without_weight_is_drawn(weights: list[float]) -> None:
    assert "domain" not in scale_of(weights)
