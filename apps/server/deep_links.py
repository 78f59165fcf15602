"""A screen's own address answers with Streamlit's page, told where the server is.

Left to itself, the page asks for the server below the screen's own address first: two answers of 404, and half a second
until it tries again.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import streamlit as st
from starlette.responses import HTMLResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request

_INDEX: Final = Path(st.__file__).parent / "static" / "index.html"


def deep_links(screens: Iterable[str], base: str = "") -> list[Route]:
    """An address for every screen.

    Args:
        screens: Their names in addresses.
        base: The path that the app is served at.
    """
    place = f"/{base.strip('/')}".rstrip("/")
    page = told(_INDEX.read_text(encoding="utf-8"), f"{place}/")
    return [Route(f"{place}/{name}", partial(_page, page), methods=["GET"]) for name in screens]


def told(page: str, place: str) -> str:
    """The page, which knows before anything else at which path of its own host the server is."""
    said = f'<script>window.__streamlit = {{ BACKEND_BASE_URL: window.location.origin + "{place}" }}</script>'
    return page.replace("<head>", f"<head>{said}", 1)


async def _page(page: str, request: Request) -> HTMLResponse:
    del request
    return HTMLResponse(page, headers={"Cache-Control": "no-cache"})
