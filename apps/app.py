"""Router: the notice that stands on every screen, and the way to those screens that a person's roles open.

medtransfer app --bundle BUNDLE [--studies FOLDER] [--predictions P] [--key FILE] [--clinic FILE]
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import streamlit as st

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamlit.navigation.page import Page

    from apps.people import Person

HERE: Final = Path(__file__).resolve().parent
if str(HERE.parent) not in sys.path:  # so that `apps.…` can be imported wherever the folder is installed
    sys.path.insert(0, str(HERE.parent))


class Screen(NamedTuple):
    """One file of `views/`, and whom it is for."""

    name: str
    title: str
    icon: str
    roles: frozenset[str]


SIDEBAR: Final = 220
"""CSS pixels: the names of the screens, and the rest is for pictures."""

READER, RESEARCHER = frozenset({"reader"}), frozenset({"researcher"})
SCREENS: Final = (
    Screen("worklist", "Worklist", ":material/list_alt:", READER),
    Screen("study", "Study", ":material/radiology:", READER | RESEARCHER),
    Screen("report", "Report", ":material/description:", READER),
    Screen("model", "Model", ":material/network_node:", READER | RESEARCHER),
    Screen("reviews", "Reviews", ":material/rate_review:", RESEARCHER),
    Screen("runs", "Runs", ":material/show_chart:", RESEARCHER),
    Screen("cohort", "Cohort", ":material/groups:", RESEARCHER),
    Screen("evaluation", "Evaluation", ":material/analytics:", RESEARCHER),
)


def main() -> None:
    """Draw what all screens share, then the screen that was asked for."""
    from apps.people import current_person
    from apps.server.connection import watch_connection
    from apps.settings import current_settings
    from apps.studies.choice import follow_address
    from apps.studies.pictures import icon

    # An icon of our own: for a page's icon, browsers would be sent to a font server elsewhere.
    st.set_page_config(page_title="medtransfer", page_icon=icon(), layout="wide", initial_sidebar_state=SIDEBAR)
    person = current_person()
    pages = {screen.name: _page(screen) for screen in SCREENS if _is_open(screen, person.roles)}
    closed = [_closed(screen) for screen in SCREENS if screen.name not in pages]
    chosen = st.navigation([*pages.values(), *closed])
    if person.signed_in and person.roles:
        _way_out(person)
    if chosen is pages.get("worklist"):
        follow_address()
    with st.container(gap=None):
        st.info(
            "**Research use only. Not a medical device.** Not for diagnosis, triage or treatment of any patient.",
            icon=":material/science:",
        )
        watch_connection()
    settings = current_settings()
    if settings.closed and person.name:
        _say_closed(person, settings.problem)
    else:
        chosen.run()


def _say_closed(person: Person, problem: str) -> None:
    """By a clinic's file that cannot be used nobody has a role, and no rule holds: it is said on every screen.

    What is wrong with it is told to who sits at the machine; who signs in may be anybody.
    """
    from apps.text import trouble

    trouble(
        "The app is closed until the clinic's file can be used.",
        "" if person.signed_in else problem,
        "Tell who runs this server." if person.signed_in else "Mend the file, then load the page again.",
    )


def _is_open(screen: Screen, roles: Iterable[str]) -> bool:
    return not screen.roles.isdisjoint(roles) and (HERE / "views" / f"{screen.name}.py").is_file()


def _page(screen: Screen) -> Page:
    return st.Page(f"views/{screen.name}.py", title=screen.title, icon=screen.icon)


def _way_out(person: Person) -> None:
    """Who is signed in, below the screens, and the end of it: a workstation has several readers."""
    from apps.text import plain

    with st.sidebar:
        plain(person.name)
        st.button("Sign out", icon=":material/logout:", on_click=st.logout)


def _closed(screen: Screen) -> Page:
    """Not listed; a link that leads there is answered calmly."""
    return st.Page(_not_open, title=screen.title, icon=screen.icon, url_path=screen.name, visibility="hidden")


def _not_open() -> None:
    """To who has not signed in, or has no role, or another one."""
    from apps.people import current_person
    from apps.text import plain

    person = current_person()
    if person.roles:
        st.title("This screen is not open to you")
        st.text("Those that are stand at the left.")
        return
    st.title("No screen is open to you")
    if person.name:
        plain(f"Signed in as {person.name}.")
        st.text("The clinic's file names neither a reader nor a researcher of this address.")
        st.button("Sign out", on_click=st.logout)
    else:
        st.text("Sign in with the account that your clinic's file names.")
        st.button("Sign in", on_click=st.login)


main()
