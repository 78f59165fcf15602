"""A cohort's rows by their headers: one ledger row each, and nothing is decoded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medtransfer.data import ingest
from medtransfer.data.cohort import read_cohort
from medtransfer.data.rows import ledger_of, looked_at


def test_every_row_has_its_row_and_nothing_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def decoding(*_: object, **__: object) -> None:
        pytest.fail("it decoded")

    monkeypatch.setattr(ingest, "read", decoding)
    for name in ("d.png", "a.png"):
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / name)
    (tmp_path / "b.png").write_bytes(b"")
    (tmp_path / "c.txt").write_text("words")
    names = ["d.png", "a.png", "b.png", "c.txt", "absent.png"]
    lines = "".join(f"{name},P{i},x\n" for i, name in enumerate(names))
    (tmp_path / "cohort.csv").write_text(f"path,patient_id,label\n{lines}")
    cohort = read_cohort(tmp_path, allow_missing=True)
    looks = looked_at(cohort)
    assert [Path(row.path).name for _, row in looks] == names
    assert [item is not None for item, _ in looks] == [True, True, False, False, False]
    ledger = ledger_of(looks)
    assert ledger.counts() == {"inputs": 5, "read": 2, "excluded": 1, "failed": 2}
    assert [(Path(row.path).name, row.code) for row in ledger.rows] == [
        ("a.png", ""),
        ("absent.png", "NotFound"),
        ("b.png", "EmptyFile"),
        ("c.txt", "not_an_image_file"),
        ("d.png", ""),
    ]
