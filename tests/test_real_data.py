"""A small slice of the real chest radiographs, through the whole story, with real ImageNet weights."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import medtransfer as mt

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def data() -> Path:
    place = os.environ.get("MEDTRANSFER_DATA")
    if not place:
        pytest.skip("MEDTRANSFER_DATA does not point to the real data")
    return Path(place)


def test_from_nih_to_kermany_with_imagenet_weights(data: Path, tmp_path: Path) -> None:
    """50 labelled per class and 40 steps at 96 pixels: enough to rank better than chance, not enough for more."""
    target = mt.read_cohort(data / "cohorts/kermany_cxr/cohort.csv")
    source = mt.read_cohort(data / "cohorts/nih_cxr/cohort.csv")
    plan = mt.plan(
        target,
        source=source,
        backbone="squeezenet1_1",
        weights=str(data / "weights/squeezenet1_1_imagenet.pth"),
        labels_per_class=50,
        changes=("preprocess.size=96", "training.epochs=1", "training.min_steps=40", "training.precision=fp32"),
    )
    bundle = mt.fit(plan, out=tmp_path / "run")
    assert sum(bundle.manifest.training.studies["target"].values()) <= 100
    assert sum(bundle.manifest.training.studies["source"].values()) == 1000
    weights = bundle.manifest.training.instance_weights
    assert 1 <= weights["source"]["effective_size"] <= 1000
    test = mt.read_cohort(tmp_path / "run" / "cohort.csv").split("test")
    official = target.table[target.table["split"] == "test"]
    assert len(test) == len(official) == 624
    assert set(test.table["study_id"]) == set(official["study_id"])
    evaluation = mt.evaluate(mt.predict(bundle, test))
    assert evaluation.flow.evaluated == 624
    auroc = evaluation.estimate("AUROC")
    assert auroc.low is not None
    assert auroc.low > 0.5, format(auroc)
