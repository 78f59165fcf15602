"""Everything that may have moved, in one record: attributes, embeddings, and figures over time."""

from __future__ import annotations

from medtransfer.core.evaluated.drift import Drift
from medtransfer.core.results import Predictions
from medtransfer.data.spectrum import spectrum_of
from medtransfer.evaluation.accounting.attribute_drift import drift_from_spectrum, drift_from_table
from medtransfer.evaluation.accounting.embedding_drift import embedding_drift
from medtransfer.evaluation.accounting.over_time import over_time
from medtransfer.evaluation.accounting.rows import read_rows

TRAINING = "training cohort"


def drift(
    predictions: Predictions, *, reference: Predictions | None = None, called: str = "reference", seed: int = 0
) -> Drift:
    """Compare the studies that were read, labelled or not, with a reference, or else with the training spectrum.

    Args:
        predictions: What is looked at.
        reference: An earlier table of the same bundle: attributes, embeddings and control limits come from it.
        called: What the reports call it.
        seed: Of permutations and of what is drawn.

    Raises:
        PredictionsError: A table cannot be trusted (`cases.checked_table`).
    """
    attributes, against = (), ""
    if reference is not None:
        attributes, against = drift_from_table(predictions, reference, seed=seed), called
    elif predictions.spectrum is not None:
        here = spectrum_of(read_rows(predictions), classes=predictions.classes, task=predictions.task)
        attributes, against = drift_from_spectrum(here, predictions.spectrum, seed=seed), TRAINING
    return Drift(
        against=against,
        attributes=attributes,
        embedding=embedding_drift(predictions, reference, seed=seed),
        over_time=over_time(predictions, reference=reference),
        seed=seed,
    )
