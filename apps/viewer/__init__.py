"""The image viewer: pictures, volumes and frames on a 2-D canvas, moved by mouse and keyboard without the server.

A Streamlit component of a few lines, which loads the modules beside this file from the app's own server
(`medtransfer/viewer/NAME.js`, see `MODULES`). They are plain ES modules: no build step, no WebGL, nothing from
elsewhere. What is on display is told to the server once the reader pauses; nothing that is done here runs a script.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from streamlit.components.v2 import component

from apps.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HERE: Final = Path(__file__).parent

MODULES: Final = tuple(sorted(file.name for file in HERE.glob("*.js")))
"""Names that the server may give out."""

Theme = Literal["", "dark", "light"]

# Where the page's own scripts come from says where the app is mounted, behind whatever proxy and on whichever screen.
# All modules are asked for at once: followed import by import, each level would wait for the one above it.
_START: Final = """
const MODULES = NAMES;
const script = document.querySelector('script[type="module"][src*="static/js/"]');
const base = script ? new URL("../../", script.src) : new URL(".", document.baseURI);
const FAILED = "The image viewer could not be loaded. Reload this page.";
export default async function (component) {
  const parent = component.parentElement;
  let viewer = null;
  try {
    const place = new URL("medtransfer/viewer/", base);
    const all = await Promise.all(MODULES.map((name) => import(new URL(name, place).href)));
    viewer = all[MODULES.indexOf("main.js")];
  } catch {
    if (!parent.querySelector(".unloaded")) {
      parent.append(Object.assign(document.createElement("p"), { className: "unloaded", textContent: FAILED }));
    }
    return undefined;
  }
  parent.querySelector(".unloaded")?.remove();
  return viewer.mount(parent, { ...component.data, base: base.href });
}
""".replace("NAMES", json.dumps(MODULES))

_STYLE: Final = (HERE / "viewer.css").read_text(encoding="utf-8")


def viewer(
    series: Sequence[Mapping[str, Any]], *, key: str, height: int = 720, beside: str = "", theme: Theme = ""
) -> None:
    """Show the series of one study.

    Args:
        series: What each is, as `View.geometry()` gives it, with `url`, `token`, `shown_url`, `banner` (lines),
            `identity` (one line, for small viewports), `attention` and `overlays`. Texts are shown as text, without
            control characters.
        key: Stays the same for the same study, so that the viewer does, too.
        height: CSS pixels of the whole viewer; 0: what the window allows.
        beside: Key of the container beside it, which is to be no taller, and to scroll; for a height of 0.
        theme: Colours of the surroundings; empty: those of the page.
    """
    neighbour = f"st-key-{beside}" if beside else ""  # how Streamlit marks a container of that key for others
    data = {"series": [_inert(one) for one in series], "height": height, "beside": neighbour, "theme": theme}
    component("medtransfer_viewer", js=_START, css=_STYLE)(key=key, data=data)


def _inert(value: Any) -> Any:
    """The same with every text of one printable line, at any depth: names and descriptions come from files."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {name: _inert(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_inert(part) for part in value]
    return value
