"""Who has which role: by the provider's word and the clinic's file; whoever sits at the machine has both."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from apps.people import ROLES, Person, roles_now, roles_of
from apps.settings import Clinic

CLINIC = Clinic(
    readers=("Anna@Hospital.org", "both@hospital.org"), researchers=("eva@hospital.org", "both@hospital.org")
)


def seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: dict[str, Any]) -> tuple[str, list[str]]:
    """What a script learns of the person for whom it runs."""
    file = tmp_path / "clinic.toml"
    file.write_text(f"readers = {list(CLINIC.readers)}\nresearchers = {list(CLINIC.researchers)}\n")
    monkeypatch.setattr("sys.argv", ["app.py", "--bundle", "b", "--clinic", str(file)])

    def script() -> None:
        import streamlit as st

        from apps.people import current_person

        person = current_person()
        st.session_state["seen"] = (person.name, sorted(person.roles))

    app = AppTest.from_function(script)
    app.user = user
    app.run()
    assert not app.exception
    return app.session_state["seen"]


def test_without_a_login_the_machines_user_has_both_roles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert seen(tmp_path, monkeypatch, {}) == (getpass.getuser(), ["reader", "researcher"])


@pytest.mark.parametrize(
    ("email", "roles"),
    [
        ("anna@hospital.org", ["reader"]),
        (" EVA@hospital.org ", ["researcher"]),
        ("both@hospital.org", ["reader", "researcher"]),
        ("nobody@hospital.org", []),
        ("anna@hospital.org.evil.net", []),
    ],
)
def test_with_a_login_the_clinics_file_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, email: str, roles: list[str]
) -> None:
    user = {"is_logged_in": True, "email": email}
    assert seen(tmp_path, monkeypatch, user) == (email.strip().casefold(), roles)


@pytest.mark.parametrize(
    "user",
    [
        {"is_logged_in": False},
        {"is_logged_in": False, "email": "anna@hospital.org"},
        {"is_logged_in": True},
        {"is_logged_in": True, "email": ""},
        {"is_logged_in": True, "email": "anna@hospital.org", "email_verified": False},
    ],
)
def test_who_has_not_signed_in_has_no_role(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: dict[str, Any]
) -> None:
    assert seen(tmp_path, monkeypatch, user)[1] == []


@given(st.text(max_size=40))
def test_nobody_is_on_a_list_by_accident(email: str) -> None:
    named = {one.casefold() for one in (*CLINIC.readers, *CLINIC.researchers)}
    assert bool(roles_of(email, CLINIC)) == (email.casefold() in named)
    assert not roles_of(email, Clinic())


def test_roles_are_looked_up_anew_for_who_signed_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "clinic.toml"
    monkeypatch.setattr("sys.argv", ["app.py", "--bundle", "b", "--clinic", str(file)])
    anna = Person(name="anna@hospital.org", roles=frozenset({"reader"}), signed_in=True)
    assert roles_now(anna) == frozenset(), "a file that cannot be read names nobody"
    file.write_text('readers = ["anna@hospital.org"]\n')
    assert roles_now(anna) == {"reader"}
    assert roles_now(Person(name="local", roles=ROLES)) == ROLES
