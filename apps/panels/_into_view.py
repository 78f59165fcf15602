"""Scroll a panel so that what was just said stands whole in view."""

from __future__ import annotations

import time
from typing import Final

from streamlit.components.v2 import component

_SCRIPT: Final = """
const done = new WeakMap();
export default function ({ parentElement, data }) {
  if (done.get(parentElement) === data.at) return;
  done.set(parentElement, data.at);
  const end = parentElement instanceof ShadowRoot ? parentElement.host : parentElement;
  const show = () => end.scrollIntoView({ block: "nearest" });
  requestAnimationFrame(() => requestAnimationFrame(show));
}
"""


def into_view(key: str) -> None:
    """To be drawn behind the last sentence."""
    component("medtransfer_into_view", js=_SCRIPT, html="<span>&nbsp;</span>")(
        key=key, data={"at": time.monotonic_ns()}
    )
