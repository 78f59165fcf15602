"""The report on the screen: the same words as in the PDF, and beside them what can be exported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from apps.exports.drawing import lettered
from apps.exports.handing import hand_over
from apps.exports.offers import offers, recording
from apps.exports.sheet import caption, sections
from apps.server.tickets import Made
from apps.settings import current_settings
from apps.text import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import medtransfer as mt
    from apps.exports.contents import Contents

_MOST = 8


def show_preview(contents: Contents) -> None:
    """Every word of the PDF, in its order."""
    for section in sections(contents):
        with st.container(border=True, gap="xxsmall"):
            _heading(section.title)
            for line in section.lines:
                if line.figure:
                    st.metric("Probability", line.text, label_visibility="collapsed")
                elif line.label:
                    label, text = st.columns([1, 3], gap="small")
                    with label:
                        plain(line.label)
                    with text:
                        plain(line.text)
                else:
                    plain(line.text)


def _heading(title: str) -> None:
    """Our own words stand out; those that name a class are text, since a class may be called anything."""
    match title:
        case "Study":
            st.markdown("**Study**")
        case "Take note":
            st.markdown("**Take note**")
        case "Reader before the result":
            st.markdown("**Reader before the result**")
        case "Reader after the result":
            st.markdown("**Reader after the result**")
        case "Model":
            st.markdown("**Model**")
        case "This report":
            st.markdown("**This report**")
        case _:
            plain(title)


def show_exports(
    contents: Contents, reviews: mt.Reviews, entries: Sequence[mt.ReviewEntry], *, shown: Mapping[str, Any]
) -> None:
    """The picture as it will be exported, the three files, and who has taken one before."""
    if contents.picture is not None:
        st.image(lettered(contents.picture), width="stretch", output_format="PNG")
        plain(caption(contents))
    if not contents.protocol:
        with st.container(border=True):
            st.text(
                "Exports are off until the clinic's file (--clinic FILE.toml) names the study protocol under which "
                'results may leave the app: protocol = "ID".'
            )
        return
    possible = []
    with st.container(border=True):
        for offer in offers(contents):
            if offer.refused:
                plain(f"{offer.title}: {offer.refused}")
            else:
                possible.append((offer, _while_on(recording(offer, contents, reviews, shown=shown))))
        hand_over(possible, contents)
        st.caption("Each export is recorded with your name, the time and the file's SHA-256.")
    _show_former(entries)


def _while_on(work: Callable[[], Made]) -> Callable[[], Made]:
    """As long as exports are on when the button is pressed: the page may be older than the clinic's file."""

    def done() -> Made:
        if not current_settings().clinic.protocol:
            return Made(why_not=("Nothing was exported: the clinic's file names no study protocol any more.",))
        return work()

    return done


def _show_former(entries: Sequence[mt.ReviewEntry]) -> None:
    former = [entry for entry in entries if entry.kind == "export"]
    if not former:
        return
    with st.container(gap="xxsmall"):
        st.caption("Exported before")
        for entry in reversed(former[-_MOST:]):
            digest = str(entry.content.get("sha256", ""))[:12]
            plain(f"{entry.at[:16].replace('T', ' ')} UTC · {entry.content.get('file', '')} · {entry.who} · {digest}")
