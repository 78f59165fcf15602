"""Who is sitting there, and what they may do.

Where `[auth]` is configured (Streamlit's own OpenID Connect login), a person is the e-mail address that the provider
vouches for, and the clinic's file says which of them read and which do research. Somebody it does not name has no role
and sees nothing. Where nobody signs in, the app serves the one machine that it runs on: its user has both roles.
"""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import streamlit as st

from apps.settings import current_settings

if TYPE_CHECKING:
    from apps.settings import Clinic

READER: Final = "reader"
RESEARCHER: Final = "researcher"
ROLES: Final = frozenset({READER, RESEARCHER})


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody, and their roles; without a name where nobody has signed in yet."""

    name: str
    roles: frozenset[str]
    signed_in: bool = False
    """By a provider, not by sitting at this machine."""


def current_person() -> Person:
    """Whoever this session belongs to."""
    said = st.user.to_dict()
    if "is_logged_in" not in said:
        return Person(name=_login(), roles=ROLES)
    email = str(said.get("email") or "").strip().casefold()
    if not said["is_logged_in"] or not email:
        return Person(name="", roles=frozenset())
    roles = frozenset() if said.get("email_verified") is False else roles_of(email, current_settings().clinic)
    return Person(name=email, roles=roles, signed_in=True)


def roles_of(email: str, clinic: Clinic) -> frozenset[str]:
    """What the clinic's file lets an e-mail address do."""
    lists = {READER: clinic.readers, RESEARCHER: clinic.researchers}
    return frozenset(role for role, named in lists.items() if email.casefold() in {one.casefold() for one in named})


def roles_now(person: Person) -> frozenset[str]:
    """The person's roles by the clinic's file as it is now, for requests that come from outside of a script."""
    return roles_of(person.name, current_settings().clinic) if person.signed_in else person.roles


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container whose user has no name
        return "local"
