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

HERE: Final = Path(__file__).resolve().parent
if str(HERE.parent) not in sys.path:  # so that `apps.…` can be imported wherever the folder is installed
    sys.path.insert(0, str(HERE.parent))


class Screen(NamedTuple):
    """One file of `views/`, and whom it is for."""

    name: str
    title: str
    icon: str
    roles: frozenset[str]


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
    from apps.choice import follow_address
    from apps.people import current_person
    from apps.pictures import icon

    # An icon of our own: for a page's icon, browsers would be sent to a font server elsewhere.
    st.set_page_config(page_title="medtransfer", page_icon=icon(), layout="wide")
    person = current_person()
    pages = {screen.name: _page(screen) for screen in SCREENS if _is_open(screen, person.roles)}
    chosen = st.navigation(list(pages.values()) or [_no_role])
    if chosen is pages.get("worklist"):
        follow_address()
    st.info(
        "**Research use only. Not a medical device.** Not for diagnosis, triage or treatment of any patient.",
        icon=":material/science:",
    )
    chosen.run()


def _is_open(screen: Screen, roles: Iterable[str]) -> bool:
    return not screen.roles.isdisjoint(roles) and (HERE / "views" / f"{screen.name}.py").is_file()


def _page(screen: Screen) -> Page:
    return st.Page(f"views/{screen.name}.py", title=screen.title, icon=screen.icon)


def _no_role() -> None:
    """Who is known, or not, but has no role in the clinic's file."""
    from apps.people import current_person
    from apps.text import plain

    st.title("No screen is open to you")
    if name := current_person().name:
        plain(f"Signed in as {name}.")
        st.text("The clinic's file names neither a reader nor a researcher of this address.")
        st.button("Sign out", on_click=st.logout)
    else:
        st.text("Sign in with the account that your clinic's file names.")
        st.button("Sign in", on_click=st.login, type="primary")


main()
