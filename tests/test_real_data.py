"""A small slice of the real chest radiographs, through the whole story, with real ImageNet weights."""

from __future__ import annotations

import csv
import os
import shutil
from collections import Counter
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


def some_of(cohort: Path, out: Path, each: int) -> Path:
    """A cohort of `each` studies a label and split, the first of the table, as files of its own."""
    with (cohort / "cohort.csv").open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    seen: Counter[tuple[str, str]] = Counter()
    kept = []
    for row in rows:
        kind = (row["label"], row.get("split", ""))
        seen[kind] += 1
        if seen[kind] <= each:
            kept.append(row)
            place = out / row["path"]
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(cohort / row["path"], place)
    with (out / "cohort.csv").open("w", encoding="utf-8", newline="") as table:
        writer = csv.DictWriter(table, fieldnames=rows[0])
        writer.writeheader()
        writer.writerows(kept)
    return out / "cohort.csv"


def test_from_nih_to_kermany_with_imagenet_weights(data: Path, tmp_path: Path) -> None:
    """50 labelled per class and 40 steps at 96 pixels: enough to rank better than chance, not enough for more."""
    target = mt.read_cohort(some_of(data / "cohorts/kermany_cxr", tmp_path / "target", 100))
    source = mt.read_cohort(some_of(data / "cohorts/nih_cxr", tmp_path / "source", 100))
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
    assert sum(bundle.manifest.training.studies["source"].values()) == 200
    weights = bundle.manifest.training.instance_weights
    assert 1 <= weights["source"]["effective_size"] <= 200
    test = mt.read_cohort(tmp_path / "run" / "cohort.csv").split("test")
    official = target.table[target.table["split"] == "test"]
    assert len(test) == len(official) == 200
    assert set(test.table["study_id"]) == set(official["study_id"])
    evaluation = mt.evaluate(mt.predict(bundle, test))
    assert evaluation.flow.evaluated == 200
    auroc = evaluation.estimate("AUROC")
    assert auroc.low is not None
    assert auroc.low > 0.5, format(auroc)
