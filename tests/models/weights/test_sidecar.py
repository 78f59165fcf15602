"""Weights serve the kinds of scans that they were made for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from medtransfer.core.errors import WeightsError
from medtransfer.models.weights.sidecar import check_modalities, read_sidecar

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("made_for", "found"),
    [
        ((), ("CT", "US")),
        (("CR", "DX"), ("DX",)),
        (("CR", "DX"), ("CR", "DX", "OT", "")),
        (("CR",), ()),
        (("CT", "MR"), ("OT",)),
    ],
)
def test_what_they_were_made_for_or_what_says_nothing_is_let_through(
    made_for: tuple[str, ...], found: tuple[str, ...]
) -> None:
    check_modalities(made_for, found, weights="xrv")


def test_other_scans_are_refused_by_name() -> None:
    with pytest.raises(WeightsError) as caught:
        check_modalities(("CR", "DX"), ("DX", "MR", "CT"), weights="xrv")
    assert (caught.value.code, caught.value.path) == ("OtherModality", "xrv")
    assert "made for CR, DX" in caught.value.message
    assert "CT, MR" in caught.value.message
    assert "modalities" in str(caught.value.hint)


def test_a_file_that_is_too_large_for_a_sidecar_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "w.json").write_text(" " * (2**20 + 1))
    with pytest.raises(WeightsError) as caught:
        read_sidecar(tmp_path / "w.pth")
    assert caught.value.code == "BadSidecar"
    assert "1,048,577 bytes" in caught.value.message
