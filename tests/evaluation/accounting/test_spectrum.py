from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from medtransfer.core.evaluated.spectrum import Difference
from medtransfer.data.spectrum import spectrum_of
from medtransfer.evaluation.accounting.spectrum import spectrum_table


def training(**columns: list[str]) -> pd.DataFrame:
    n = len(columns["label"])
    ids = [f"t{i}" for i in range(n)]
    return pd.DataFrame({"study_id": ids, "patient_id": ids, "site": "north"} | columns, dtype=object)


def test_the_cohort_stands_beside_the_training_cohort(made) -> None:
    """Older, from another hospital, with another share of the finding; equally many women."""
    generator = np.random.default_rng(0)
    n = 200
    here = made(
        np.where(np.arange(n) < 50, "pneumonia", "normal"),
        np.full(n, 0.5),
        attributes={
            "age": [f"{int(a):03d}Y" for a in generator.normal(70, 8, n).clip(1, 99)],
            "sex": ["F", "M"] * (n // 2),
            "kvp": ["80"] * n,
            "detector": ["new"] * n,
        },
        site=["south"] * n,
    )
    then = training(
        label=["pneumonia"] * 100 + ["normal"] * 100,
        age=[str(int(a)) for a in generator.normal(50, 8, n)],
        sex=["M", "F"] * (n // 2),
        kvp=["eighty"] * n,
        stage=["1"] * n,
    )
    spectrum = spectrum_of(then, classes=("normal", "pneumonia"), task="multiclass")
    found = spectrum_table(replace(here, spectrum=spectrum))
    by_name: dict[str, Difference] = {one.name: one for one in found.differences}
    assert list(by_name)[-1] == "label"
    assert by_name["age"].value is not None
    assert by_name["age"].marked
    assert abs(by_name["age"].value - 20 / 8) < 0.5
    assert by_name["sex"].value == 0
    assert not by_name["sex"].marked
    assert by_name["label"].marked
    assert by_name["site"].value is None
    assert by_name["site"].marked, "no common value is the largest difference there is"
    assert by_name["kvp"].marked
    assert by_name["detector"].note == "not recorded in the other cohort"
    assert by_name["stage"].note == "not recorded in this cohort"
    assert found.here.n_studies == 200


def test_without_a_training_spectrum_and_without_labels(made) -> None:
    found = spectrum_table(made([""] * 3, np.full(3, 0.5), attributes={"sex": ["F", "", "M"]}))
    assert found.training is None
    assert found.differences == ()
    assert found.here.n_studies == 3
    assert found.here.attributes["sex"].missing == 1
    nobody = spectrum_table(made([], np.empty(0)))
    assert nobody.here.n_studies == 0
