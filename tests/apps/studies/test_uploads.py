"""Uploaded files."""

from __future__ import annotations

import gc
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.studies.uploads import Spool


@dataclass
class Upload:
    name: str
    content: bytes
    file_id: str = "1"

    @property
    def size(self) -> int:
        return len(self.content)

    def getbuffer(self) -> memoryview:
        return memoryview(self.content)


@given(st.text(max_size=60))
@settings(deadline=None, max_examples=100)
def test_an_uploaded_name_is_never_a_path(name: str) -> None:
    spool = Spool([Upload(name, b"x"), Upload(f"{name}x.PNG", b"y")])
    try:
        inside = sorted(path.name for path in spool.folder.iterdir())
        assert len(inside) == 2
        assert inside[0].startswith("0001")
        assert inside[1] == "0002.png"
        assert [file.parent for file in spool.study.files] == [spool.folder] * 2
    finally:
        spool.remove()
    assert not spool.folder.exists()


def test_uploads_go_with_the_session() -> None:
    state = {"spool": Spool([Upload("a.dcm", b"x")])}
    folder = state["spool"].folder
    assert folder.exists()
    state.clear()
    gc.collect()
    assert not folder.exists()


@pytest.mark.parametrize(
    ("name", "kept"),
    [("head.nii.gz", "0001.nii.gz"), ("HEAD.NII", "0001.nii"), ("../a.exe", "0001"), ("x.gz", "0001"), ("IM1", "0001")],
)
def test_of_an_uploaded_name_only_a_known_suffix_is_kept(name: str, kept: str) -> None:
    assert [file.name for file in Spool([Upload(name, b"x")]).study.files] == [kept]
