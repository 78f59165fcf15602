"""The app's own addresses: who may ask, and what everybody else gets."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from nifti_files import write_nifti
from starlette.applications import Starlette
from starlette.testclient import TestClient

import medtransfer as mt
from apps.people import Person
from apps.server import queue
from apps.server.routes import VIEWER, routes
from apps.server.shown import LARGEST, read_message, shown
from apps.server.tickets import TICKETS, Made
from apps.server.voxels import SHELF
from medtransfer.core.config.data import ReadConfig

if TYPE_CHECKING:
    from medtransfer.models.bundle import Bundle

ANNA = Person(name="anna", roles=frozenset({"reader"}))


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(Starlette(routes=routes())) as client:
        yield client


@pytest.fixture
def view(tmp_path: Path) -> mt.View:
    file = write_nifti(tmp_path / "a.nii", np.random.default_rng(0).integers(0, 99, (6, 5, 4)).astype(np.int16))
    found = mt.view_study([file], ReadConfig()).views[0]
    SHELF.put(found)
    return found


@pytest.fixture
def token(view: mt.View) -> Iterator[str]:
    token = TICKETS.issue("session", ANNA)
    TICKETS.grant(token, view.key)
    yield token
    TICKETS.revoke(token)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_session_gets_its_own_voxels(client: TestClient, view: mt.View, token: str) -> None:
    answer = client.get(f"/medtransfer/voxels/{view.key}", headers=bearer(token))
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "private, no-store"
    assert int(answer.headers["content-length"]) == len(answer.content) == view.voxels.nbytes
    sent = np.frombuffer(answer.content, dtype=view.voxels.dtype).reshape(view.voxels.shape)
    assert np.array_equal(sent[0], view.voxels[view.slices // 2])


def test_nobody_else_does(client: TestClient, view: mt.View, token: str) -> None:
    address = f"/medtransfer/voxels/{view.key}"
    other = TICKETS.issue("another session", ANNA)
    wrong = [
        {},
        bearer(""),
        bearer("x" * 43),
        bearer(token[:-1]),
        bearer(other),
        {"Authorization": f"Basic {token}"},
        {"Authorization": token},
        {"Cookie": f"token={token}"},
    ]
    for headers in wrong:
        answer = client.get(address, headers=headers)
        assert (answer.status_code, answer.content) == (403, b""), headers
    assert client.get(f"{address}?token={token}").status_code == 403
    assert client.get("/medtransfer/voxels/" + "0" * 64, headers=bearer(token)).status_code == 403
    TICKETS.revoke(token)
    assert client.get(address, headers=bearer(token)).status_code == 403
    TICKETS.revoke(other)


def test_one_session_never_gets_anothers_study(client: TestClient, view: mt.View, token: str, tmp_path: Path) -> None:
    file = write_nifti(tmp_path / "b.nii", np.random.default_rng(1).integers(0, 99, (6, 5, 4)).astype(np.int16))
    hers = mt.view_study([file], ReadConfig()).views[0]
    SHELF.put(hers)
    her_token = TICKETS.issue("hers", Person(name="eva", roles=frozenset({"reader"})))
    TICKETS.grant(her_token, hers.key)
    found = {
        (who, key): client.get(f"/medtransfer/voxels/{key}", headers=bearer(t)).status_code
        for who, t in (("anna", token), ("eva", her_token))
        for key in (view.key, hers.key)
    }
    TICKETS.revoke(her_token)
    assert found == {
        ("anna", view.key): 200,
        ("anna", hers.key): 403,
        ("eva", view.key): 403,
        ("eva", hers.key): 200,
    }


def test_who_is_taken_off_the_list_gets_nothing_more(
    client: TestClient, view: mt.View, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic = tmp_path / "clinic.toml"
    clinic.write_text('readers = ["Anna@Hospital.org"]\n')
    monkeypatch.setattr(sys, "argv", ["serve.py", "--bundle", "b", "--clinic", str(clinic)])
    token = TICKETS.issue("s", Person(name="anna@hospital.org", roles=frozenset({"reader"}), signed_in=True))
    TICKETS.grant(token, view.key)
    ask = lambda: client.get(f"/medtransfer/voxels/{view.key}", headers=bearer(token)).status_code  # noqa: E731
    tell = lambda: client.post("/medtransfer/shown", headers=bearer(token), content="{}").status_code  # noqa: E731
    assert (ask(), tell()) == (200, 204)
    clinic.write_text('researchers = ["anna@hospital.org"]\n')
    assert (ask(), tell()) == (200, 204)
    for text in ('readers = ["eva@hospital.org"]\n', "", "no toml at all ["):
        clinic.write_text(text)
        assert (ask(), tell()) == (403, 403), text
    TICKETS.revoke(token)


def test_a_person_without_a_role_gets_nothing(client: TestClient, view: mt.View) -> None:
    token = TICKETS.issue("s", Person(name="eve", roles=frozenset()))
    TICKETS.grant(token, view.key)
    assert client.get(f"/medtransfer/voxels/{view.key}", headers=bearer(token)).status_code == 403
    TICKETS.revoke(token)


def test_voxels_that_are_gone_are_said_to_be(client: TestClient, token: str) -> None:
    TICKETS.grant(token, "f" * 64)
    assert client.get(f"/medtransfer/voxels/{'f' * 64}", headers=bearer(token)).status_code == 410


def test_a_file_is_made_for_the_session_that_it_was_offered_to(client: TestClient) -> None:
    one, other = TICKETS.issue("s1", ANNA), TICKETS.issue("s2", ANNA)
    calls: list[int] = []

    def work() -> Made:
        calls.append(1)
        return (
            Made(content=b"%PDF", name="a.pdf", mime="application/pdf") if len(calls) < 3 else Made(why_not=("Full.",))
        )

    TICKETS.offer(one, "k", work)
    ask = lambda headers, key="k": client.post(f"/medtransfer/files/{key}", headers=headers)  # noqa: E731
    refused = [
        ask({}),
        ask(bearer("x" * 43)),
        ask({"Cookie": f"token={one}"}),
        ask(bearer(other)),
        ask(bearer(one), "l"),
    ]
    assert [answer.status_code for answer in refused] == [403, 403, 403, 410, 410]
    assert client.get("/medtransfer/files/k", headers=bearer(one)).status_code == 405
    assert not calls
    for number in (1, 2):
        answer = ask(bearer(one))
        assert (answer.status_code, answer.content, len(calls)) == (200, b"%PDF", number)
        assert answer.headers["content-type"] == "application/pdf"
        assert answer.headers["cache-control"] == "private, no-store"
    answer = ask(bearer(one))
    assert (answer.status_code, answer.json()) == (422, {"why": ["Full."]})
    TICKETS.revoke(one)
    TICKETS.revoke(other)
    assert ask(bearer(one)).status_code == 403


def test_only_a_reader_is_given_a_file(client: TestClient) -> None:
    token = TICKETS.issue("s", Person(name="eva", roles=frozenset({"researcher"})))
    TICKETS.offer(token, "k", lambda: Made(content=b"%PDF"))
    assert client.post("/medtransfer/files/k", headers=bearer(token)).status_code == 403
    TICKETS.revoke(token)


def test_what_is_on_display_is_kept_for_its_session(client: TestClient, token: str) -> None:
    assert shown(token) == {}
    said = {"series": "ab", "slice": 3, "plane": "axial", "centre": 40.5, "width": 400, "inverted": False, "zoom": None}
    assert client.post("/medtransfer/shown", headers=bearer(token), json=said).status_code == 204
    assert shown(token) == said
    assert client.post("/medtransfer/shown", headers=bearer("x"), json={}).status_code == 403
    assert client.get("/medtransfer/shown", headers=bearer(token)).status_code == 405
    assert shown(token) == said
    assert shown("x") == {}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"a": [1]}',
        b'{"a": {"b": 1}}',
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b"\xff",
        b'{"a": "%s"}' % (b"x" * 200),
        b'{"%s": 1}' % (b"n" * 200),
        b"[" * 3000,
        b"{" + b",".join(b'"%d": 1' % n for n in range(40)) + b"}",
    ],
)
def test_a_message_that_is_no_state_is_refused(client: TestClient, token: str, body: bytes) -> None:
    assert read_message(body) is None
    assert client.post("/medtransfer/shown", headers=bearer(token), content=body).status_code == 400
    assert shown(token) == {}


def test_a_long_message_is_cut_off(client: TestClient, token: str) -> None:
    answer = client.post("/medtransfer/shown", headers=bearer(token), content=b" " * (LARGEST + 1))
    assert answer.status_code == 413


def test_modules_of_the_viewer_are_served_and_nothing_else(client: TestClient) -> None:
    names = sorted(file.name for file in VIEWER.iterdir() if file.suffix == ".js")
    assert names
    for name in names:
        answer = client.get(f"/medtransfer/viewer/{name}")
        assert answer.content == (VIEWER / name).read_bytes()
        assert answer.headers["content-type"].startswith("text/javascript")
    for name in ("__init__.py", "..%2fapp.py", "../app.py", "%2e%2e/app.py", "", "x.js", ".js", "order.js%00"):
        assert client.get(f"/medtransfer/viewer/{name}").status_code == 404, name


def test_addresses_stand_below_the_path_of_a_proxy(view: mt.View, token: str) -> None:
    with TestClient(Starlette(routes=routes("/clinic/reading/"))) as client:
        assert client.get(f"/clinic/reading/medtransfer/voxels/{view.key}", headers=bearer(token)).status_code == 200
        assert client.get(f"/medtransfer/voxels/{view.key}", headers=bearer(token)).status_code == 404


def test_health_names_the_bundle_and_nobody(
    client: TestClient, bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["serve.py", "--bundle", str(bundle.folder), "--reviews", str(tmp_path / "new" / "reviews.sqlite")]
    monkeypatch.setattr(sys, "argv", arguments)
    answer = client.get("/medtransfer/health")
    said = answer.json()
    assert answer.status_code == 200
    assert (said["status"], said["bundle_sha256"], said["reviews_writable"]) == ("ok", bundle.sha256, True)
    assert said["queue"] == queue.INFERENCE.length()
    assert set(said) == {
        "status",
        "bundle_sha256",
        "queue",
        "queue_limit",
        "reviews_writable",
        "sessions",
        "voxel_bytes",
    }
    assert str(tmp_path) not in answer.text


def test_health_says_when_something_is_wrong(
    client: TestClient, bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    wrong = [
        ["--bundle", str(tmp_path), "--reviews", str(tmp_path / "reviews.sqlite")],
        ["--reviews", str(tmp_path / "reviews.sqlite")],
    ]
    for arguments in wrong:
        monkeypatch.setattr(sys, "argv", ["serve.py", *arguments])
        answer = client.get("/medtransfer/health")
        assert (answer.status_code, answer.json()["status"]) == (503, "trouble")
    monkeypatch.setattr(sys, "argv", ["serve.py", "--bundle", str(bundle.folder), "--reviews", str(tmp_path / "r")])
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Full", (), {"free": 0})())
    answer = client.get("/medtransfer/health")
    assert (answer.status_code, answer.json()["reviews_writable"]) == (503, False)
