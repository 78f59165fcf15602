"""Router: the notice that stands on every screen, the choice of a study, and the way to the screens.

streamlit run apps/app.py -- --bundle BUNDLE [--studies FOLDER] [--key FILE]
"""

from __future__ import annotations

import sys
from pathlib import Path

import streamlit as st

HOME = str(Path(__file__).resolve().parents[1])
if HOME not in sys.path:  # so that `apps.…` can be imported wherever the folder is installed
    sys.path.insert(0, HOME)


def main() -> None:
    """Draw what all screens share, then the screen that was asked for."""
    from apps.choice import choose_study
    from apps.settings import current_settings

    st.set_page_config(page_title="medtransfer", layout="wide")
    screen = st.navigation(
        [
            st.Page("views/study.py", title="Study", default=True),
            st.Page("views/model.py", title="Model"),
        ]
    )
    st.info(
        "**Research use only. Not a medical device.** Not for diagnosis, triage or treatment of any patient.",
        icon=":material/science:",
    )
    with st.sidebar:
        choose_study(current_settings().studies)
    screen.run()


main()
