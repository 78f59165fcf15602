from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from medtransfer.core.errors import PredictionsError
from medtransfer.core.results import Predictions
from medtransfer.evaluation.accounting import embedding_drift as module
from medtransfer.evaluation.accounting.embedding_drift import embedding_drift


def cohort(made, n: int, *, seed: int, shift: float = 0.0, each: int = 1) -> Predictions:
    generator = np.random.default_rng(seed)
    points = generator.normal(size=(n * each, 16)) + shift
    predictions = made(
        ["normal"] * (n * each), np.full(n * each, 0.5), patients=np.repeat(np.arange(n), each).astype(str)
    )
    features = pd.DataFrame({"study_id": predictions.table["study_id"], "embedding": list(points.astype(np.float32))})
    return replace(predictions, features=features)


def test_shifted_embeddings_are_found_and_unmoved_ones_are_not(made) -> None:
    reference = cohort(made, 120, seed=0)
    moved = embedding_drift(cohort(made, 80, seed=1, shift=0.4), reference, permutations=200)
    still = embedding_drift(cohort(made, 80, seed=1), reference, permutations=200)
    assert moved.outside
    assert not still.outside
    assert moved.value is not None
    assert still.value is not None
    assert moved.value > still.value
    assert (still.studies, still.patients, still.permutations) == ((80, 120), (80, 120), 200)


def test_many_patients_are_drawn_from_and_the_record_says_so(made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PATIENTS", 60)
    found = embedding_drift(cohort(made, 20, seed=1, each=2), cohort(made, 200, seed=0), permutations=50)
    assert found.patients == (20, 40)
    assert found.studies == (40, 40)
    assert found.note == "drawn from 20 and 200 patients"
    assert found == embedding_drift(cohort(made, 20, seed=1, each=2), cohort(made, 200, seed=0), permutations=50)


def test_what_cannot_be_compared_says_why(made) -> None:
    here, reference = cohort(made, 30, seed=1), cohort(made, 30, seed=0)
    assert "no reference" in embedding_drift(here, None).note
    other = replace(reference, bundle_sha256="c" * 64, table=reference.table.assign(bundle_sha256="c" * 64))
    assert "another bundle" in embedding_drift(here, other).note
    none = embedding_drift(replace(here, features=None), reference)
    assert (none.value, none.without) == (None, (30, 0))
    assert "--store" in none.note
    few = embedding_drift(replace(here, table=here.table.iloc[:5]), reference)
    assert few.value is None
    assert "fewer than 10 patients" in few.note


def test_studies_without_an_embedding_are_counted(made) -> None:
    here, reference = cohort(made, 30, seed=1), cohort(made, 30, seed=0)
    assert here.features is not None
    found = embedding_drift(replace(here, features=here.features.iloc[:25]), reference, permutations=20)
    assert found.without == (5, 0)
    assert found.studies == (25, 30)


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ([[1.0, 2.0], [1.0]], "RaggedFeatures"),
        ([[1.0, np.nan], [1.0, 2.0]], "NotFinite"),
    ],
)
def test_damaged_features_are_refused(made, cells: list[list[float]], code: str) -> None:
    here = made(["normal"] * 2, np.full(2, 0.5))
    features = pd.DataFrame({"study_id": here.table["study_id"], "embedding": cells})
    with pytest.raises(PredictionsError) as error:
        embedding_drift(replace(here, features=features), here)
    assert error.value.code == code


def test_a_study_with_two_rows_of_features_is_refused(made) -> None:
    here = cohort(made, 3, seed=0)
    assert here.features is not None
    twice = pd.concat([here.features, here.features.iloc[:1]])
    with pytest.raises(PredictionsError) as error:
        embedding_drift(replace(here, features=twice), here)
    assert error.value.code == "DuplicateStudy"
