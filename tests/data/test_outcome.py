"""A row of a cohort names exactly one thing to read, or its row in the ledger says what is the matter."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from medtransfer.core.config.data import PreprocessConfig, ReadConfig
from medtransfer.core.errors import ReadError
from medtransfer.data import outcome
from medtransfer.data.found import Excluded, Failed, Item
from medtransfer.data.ledger import ledger_of
from medtransfer.data.outcome import SINGLE_SLICE, one_item, prepared_item
from medtransfer.data.places import View
from medtransfer.data.scan import Identifiers, Presentation, Scan

if TYPE_CHECKING:
    from collections.abc import Callable

    Write = Callable[..., Path]

SMALL = PreprocessConfig(size=32)


def series(uid: str, *names: str, part: str = "", modality: str = "CT") -> Item:
    facts = {"series_uid": uid, "study_uid": "1.9", "modality": modality, "matrix": "8 × 8 × 3", "body_part": "HEAD"}
    return Item(paths=tuple(Path("f") / name for name in names), loader="dicom", facts=facts, part=part)


@pytest.fixture
def holding(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let the folder `f` hold these."""

    def let(*items: Item, excluded: tuple[str, ...] = (), failed: tuple[str, ...] = ()) -> None:
        out = [("dicom", Excluded(path=Path("f") / n, rule="localizer", reason="a localizer")) for n in excluded]
        bad = [
            (
                "dicom",
                Failed(path=Path("f") / n, error=ReadError(f"{n} is cut", code="Truncated", hint="Copy it again.")),
            )
            for n in failed
        ]
        monkeypatch.setattr(outcome, "ingest", lambda *_, **__: (items, ledger_of(items, out, bad)))

    return let


def test_one_series_is_the_case_whatever_was_excluded_beside_it(holding: Callable[..., None]) -> None:
    item = series("1.1", "a", "b")
    holding(item, excluded=("scout", "report"))
    found, row = one_item(Path("f"))
    assert found is item
    assert (row.path, row.status, row.series_uid, row.study_id) == ("f", "read", "1.1", "1.9")


def test_several_series_are_listed_and_one_can_be_picked(holding: Callable[..., None]) -> None:
    first, second = series("1.1", "a"), series("1.2", "b", modality="MR")
    holding(first, second)
    found, row = one_item(Path("f"))
    assert found is None
    assert (row.status, row.code, row.stage, row.path) == ("failed", "SeveralSeries", "series", "f")
    for word in ("1.1", "1.2", "CT", "MR", "8 × 8 × 3", "HEAD"):
        assert word in row.reason
    assert "series_uid" in row.hint
    assert one_item(Path("f"), series="1.2")[0] is second
    found, row = one_item(Path("f"), series="1.3")
    assert (found, row.code) == (None, "UnknownSeries")
    assert "1.3" in row.reason


def test_parts_of_one_series_are_told_apart(holding: Callable[..., None]) -> None:
    parts = [series("1.1", "a", part="stack 1 of 2"), series("1.1", "b", part="stack 2 of 2")]
    holding(*parts)
    assert "stack 2 of 2" in one_item(Path("f"), series="1.1")[1].reason
    assert one_item(Path("f"), series="1.1", part="stack 2 of 2")[0] is parts[1]


def test_a_file_that_failed_fails_the_case_and_the_others_are_counted(holding: Callable[..., None]) -> None:
    holding(series("1.1", "a", "b"), failed=("x", "y", "z"))
    found, row = one_item(Path("f"))
    assert found is None
    assert (row.status, row.code, row.hint) == ("failed", "Truncated", "Copy it again.")
    assert row.reason == f"{Path('f') / 'x'}: x is cut (and 2 more files failed)"


def test_where_everything_was_excluded_the_rule_is_named(holding: Callable[..., None]) -> None:
    holding(excluded=("scout",))
    found, row = one_item(Path("f"))
    assert found is None
    assert (row.status, row.code, row.path, row.loader) == ("excluded", "localizer", "f", "dicom")


def scan_of(kind: str, planes: int, modality: str = "CT") -> Scan:
    voxels = np.arange(planes * 64, dtype=np.int16).reshape(planes, 8, 8)
    return Scan(
        voxels=voxels[0] if kind == "picture" else voxels,
        affine=None,
        modality=modality,
        presentation=Presentation(stored_range=(0, 4095)),
        identifiers=Identifiers(),
        path=Path("f"),
        attributes={},
        kind=kind,  # type: ignore[arg-type]
        notes=("ANote",),
    )


def test_a_volume_is_all_its_planes(holding: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    holding(series("1.1", "a", "b", "c"))
    monkeypatch.setattr(outcome, "read", lambda *_, **__: scan_of("volume", 3))
    found = prepared_item(Path("f"), preprocess=SMALL)
    assert found.prepared is not None
    assert found.prepared.planes.shape == (3, 1, 32, 32)
    assert found.prepared.views == (View("", 3),)
    assert (found.row.status, found.modality, found.row.notes) == ("read", "CT", ("ANote",))


def test_what_cannot_be_prepared_failed(holding: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    holding(series("1.1", "a", "b", "c"))
    monkeypatch.setattr(outcome, "read", lambda *_, **__: scan_of("volume", 3))
    refused = prepared_item(Path("f"), preprocess=PreprocessConfig(slices="coronal"))
    assert refused.prepared is None
    assert (refused.row.status, refused.row.code, refused.row.stage) == ("failed", "OrientationUnknown", "prepare")
    assert "acquired" in refused.row.hint


def test_a_slice_named_alone_is_a_picture_and_says_so(holding: Callable[..., None], monkeypatch: Any) -> None:
    holding(series("1.1", "a"))
    for modality, noted in (("CT", True), ("MR", True), ("DX", False)):
        monkeypatch.setattr(outcome, "read", lambda *_, m=modality, **__: scan_of("picture", 1, m))
        assert (SINGLE_SLICE in prepared_item(Path("f"), preprocess=SMALL).row.notes) is noted


def test_one_file_is_read_or_says_why_not(tmp_path: Path) -> None:
    Image.fromarray(np.full((32, 32), 51, np.uint8)).save(tmp_path / "a.png")
    found = prepared_item(tmp_path / "a.png", preprocess=SMALL)
    assert found.prepared is not None
    assert (found.prepared.planes == 13107).all()  # 51 / 255 of 65,535
    assert (found.row.status, found.row.loader, found.modality) == ("read", "raster", "OT")
    absent = prepared_item(tmp_path / "none.png", preprocess=SMALL)
    assert absent.prepared is None
    assert (absent.row.status, absent.row.code, absent.row.stage) == ("failed", "NotFound", "find")
    assert absent.row.path == str(tmp_path / "none.png")
    assert absent.row.reason
    assert absent.row.hint


def test_settings_reach_the_loaders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(np.full((32, 32), 51, np.uint8)).save(tmp_path / "a.png")
    seen: list[ReadConfig] = []
    original = outcome.ingest
    monkeypatch.setattr(outcome, "ingest", lambda place, settings: (seen.append(settings), original(place))[1])
    prepared_item(tmp_path / "a.png", preprocess=SMALL, settings=ReadConfig(force=True))
    assert seen == [ReadConfig(force=True)]
