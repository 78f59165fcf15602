"""Look at predictions of a model in use: inputs, spectrum, drift. No study needs a truth."""

from __future__ import annotations

from collections.abc import Iterator

from medtransfer.core.evaluated.drift import Drift
from medtransfer.core.evaluated.monitoring import Monitoring
from medtransfer.core.results import Predictions
from medtransfer.evaluation.accounting.drift import drift
from medtransfer.evaluation.accounting.missing import missing_table
from medtransfer.evaluation.accounting.spectrum import spectrum_table
from medtransfer.evaluation.flow import flow
from medtransfer.evaluation.provenance import provenance


def monitor(
    predictions: Predictions, *, reference: Predictions | None = None, title: str = "", seed: int = 0
) -> Monitoring:
    """Everything that can be said without a truth, and figures over time where some studies have one.

    Args:
        predictions: Of the model in use.
        reference: Earlier ones of the same bundle; default: attributes are held against the training cohort.
        title: Of the page.
        seed: Of permutations.

    Raises:
        PredictionsError: A table cannot be trusted (`cases.checked_table`).
    """
    moved = drift(predictions, reference=reference, seed=seed)
    return Monitoring(
        title=title,
        flow=flow(predictions),
        missing=missing_table(predictions),
        spectrum=spectrum_table(predictions),
        drift=moved,
        outside=tuple(_outside(moved)),
        provenance=provenance(predictions, seed=seed),
    )


def _outside(found: Drift) -> Iterator[str]:
    yield from (f"{one.name} ({one.measure})" for one in found.attributes if one.outside)
    if found.embedding.outside:
        yield "embeddings"
    for over_time in found.over_time:
        for course in over_time.courses:
            if course.outside:
                yield f"{course.figure} of {over_time.of} in {', '.join(course.outside)}"
