"""A session's token is its own, of the person who sits there; what it had goes when it is over."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import medtransfer as mt
from apps.server.tickets import TICKETS
from apps.studies import uploads
from apps.studies.uploads import PREFIX, Spool, remove_leftovers


class Upload:
    """As Streamlit hands it over."""

    def __init__(self, size: int) -> None:
        self.file_id, self.name = "id", "a.dcm"
        self._content = b"x" * size

    def getbuffer(self) -> memoryview:
        return memoryview(self._content)


def tells_its_token() -> None:
    import streamlit as st

    from apps.server.session import at_session_end, current_token

    st.session_state["token"] = current_token()
    st.session_state.setdefault("ended", [])
    if not st.session_state["ended"]:
        at_session_end(lambda ended=st.session_state["ended"]: ended.append("over"))


def session(**user: object) -> AppTest:
    app = AppTest.from_function(tells_its_token)
    app.user = dict(user)
    return app.run()


def test_sessions_have_tokens_of_their_own_and_keep_them() -> None:
    one, other = session(), session()
    token = one.session_state["token"]
    assert token != other.session_state["token"]
    assert one.run().session_state["token"] == token
    assert TICKETS.holder(token)


def test_a_token_that_was_revoked_is_replaced() -> None:
    app = session()
    token = app.session_state["token"]
    TICKETS.revoke(token)
    assert app.session_state["ended"] == ["over"]
    assert app.run().session_state["token"] != token
    assert TICKETS.holder(token) is None


def test_whoever_signs_in_next_does_not_inherit_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "clinic.toml"
    file.write_text('readers = ["anna@h.org", "eva@h.org"]\n')
    monkeypatch.setattr("sys.argv", ["app.py", "--bundle", "b", "--clinic", str(file)])
    app = session(is_logged_in=True, email="anna@h.org")
    token = app.session_state["token"]
    TICKETS.grant(token, "key")
    app.user = {"is_logged_in": True, "email": "eva@h.org"}
    new = app.run().session_state["token"]
    assert new != token
    assert not TICKETS.allows(token, "key")
    assert not TICKETS.allows(new, "key")
    assert app.session_state["ended"] == ["over"]


def test_images_are_published_to_those_who_have_a_role(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image

    Image.new("L", (8, 8), 7).save(tmp_path / "a.png")
    file = tmp_path / "clinic.toml"
    file.write_text('readers = ["anna@h.org"]\n')
    monkeypatch.setattr("sys.argv", ["app.py", "--bundle", str(tmp_path / "a.png"), "--clinic", str(file)])

    def script() -> None:
        import sys
        from pathlib import Path

        import streamlit as st

        import medtransfer as mt
        from apps.server.voxels import forget, publish
        from medtransfer.core.config.data import ReadConfig

        (view,) = mt.view_study([Path(sys.argv[2])], ReadConfig()).views
        st.session_state["key"] = view.key
        try:
            st.session_state["ticket"] = publish(view)
        except mt.MedTransferError as error:
            st.session_state["ticket"] = error.code
        if st.session_state.get("leave"):
            forget()

    app = AppTest.from_function(script)
    app.user = {"is_logged_in": True, "email": "anna@h.org"}
    url, token = app.run().session_state["ticket"]
    key = app.session_state["key"]
    assert url == f"medtransfer/voxels/{key}"
    assert token not in url
    assert TICKETS.allows(token, key)
    app.session_state["leave"] = True
    app.run()
    assert not TICKETS.allows(token, key)
    app.user = {"is_logged_in": True, "email": "eve@h.org"}
    assert app.run().session_state["ticket"] == "NoRole"


def test_an_upload_over_the_cap_is_refused_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    before = set(Path(tempfile.gettempdir()).glob(f"{PREFIX}*"))
    monkeypatch.setattr(uploads, "MOST_BYTES", 100)
    Spool([Upload(50), Upload(50)]).remove()
    with pytest.raises(mt.MedTransferError) as caught:
        Spool([Upload(50), Upload(51)])
    assert caught.value.code == "TooLarge"
    assert "--studies" in str(caught.value.hint)
    monkeypatch.setattr(uploads, "MOST_BYTES", 10**15)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: type("Full", (), {"free": uploads.ROOM + 10})())
    with pytest.raises(mt.MedTransferError, match="MiB"):
        Spool([Upload(11)])
    assert set(Path(tempfile.gettempdir()).glob(f"{PREFIX}*")) == before


def test_uploads_of_servers_that_are_no_more_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dead = next(number for number in range(2**22 - 1, 0, -1) if not Path(f"/proc/{number}").exists())
    folders = [tmp_path / f"{PREFIX}{owner}-x" for owner in (dead, os.getpid(), 1)]
    for folder in (*folders, tmp_path / "other", tmp_path / f"{PREFIX}name"):
        folder.mkdir()
        (folder / "a.dcm").touch()
    remove_leftovers()
    assert [folder.exists() for folder in folders] == [False, True, True]
    assert (tmp_path / "other" / "a.dcm").exists()
