"""Laws of the fingerprint: its counts are those of the table, and it names nobody."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from medtransfer.data.cohort import Cohort
from medtransfer.data.fingerprint import fingerprint

COLUMNS = ["path", "patient_id", "study_id", "site", "date", "label", "split"]


def test_counts_are_those_of_the_table() -> None:
    rows = [
        ["a", "Jane Roe", "s1", "north", "", "x", "train"],
        ["b", "Jane Roe", "s1", "north", "", "x", "train"],
        ["c", "Jane Roe", "s2", "north", "", "y", "train"],
        ["d", "Lee", "s3", "south", "", "x", "test"],
        ["e", "", "s4", "south", "", "", ""],
        ["f", "", "s5", "south", "", "x", ""],
    ]
    cohort = Cohort(
        table=pd.DataFrame(rows, columns=COLUMNS),
        root=Path(),
        source=Path("t.csv"),
        sha256="",
        label="label",
        classes=("x", "y", "z"),
        positive=None,
    )
    counts = fingerprint(cohort)
    assert (counts.images, counts.studies, counts.patients) == (6, 5, 4)
    assert counts.per_class == {"x": 3, "y": 1, "z": 0}
    assert counts.per_split == {
        "": {"x": 1, "y": 0, "z": 0},
        "test": {"x": 1, "y": 0, "z": 0},
        "train": {"x": 1, "y": 1, "z": 0},
    }
    assert counts.labelled_per_split == {"": 1, "test": 1, "train": 2}
    assert counts.events_per_split == {"": 0, "test": 0, "train": 0}
    assert (counts.unlabelled, counts.repeated_patients) == (1, 1)
    assert counts.sites == ("north", "south")
    assert counts.studies == sum(counts.per_class.values()) + counts.unlabelled
    text = counts.model_dump_json()
    assert not any(name in text for name in ("Jane", "Lee", "s1"))


def test_several_labels_are_counted_where_they_are_there() -> None:
    cells = ["a=1;b=1", "a=1;b=0", "a=0", "a=0;b=0", ""]
    rows = [[f"{i}", f"p{i}", f"s{i}", "north", "", cell, "train"] for i, cell in enumerate(cells)]
    counts = fingerprint(
        Cohort(
            table=pd.DataFrame(rows, columns=COLUMNS),
            root=Path(),
            source=Path("t.csv"),
            sha256="",
            label="a,b",
            classes=("a", "b"),
            positive=None,
            task="multilabel",
        )
    )
    assert counts.per_class == {"a": 2, "b": 1}
    assert counts.per_split == {"train": counts.per_class}
    assert (counts.studies, counts.unlabelled) == (5, 1)
    assert (counts.labelled_per_split, counts.events_per_split) == ({"train": 4}, {"train": 1})
