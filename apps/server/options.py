"""Streamlit's options: those of `options.toml`, which nobody loosens by accident, and those that a proxy needs."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, Final

from apps.settings import current_settings

FILE: Final = Path(__file__).resolve().parents[1] / "options.toml"

THEMES: Final = FILE.with_name("themes.toml")
"""Colours by the name that the clinic's file chooses."""

HOSTS: Final = "STREAMLIT_SERVER_ALLOWED_HOSTS"
BASE: Final = "STREAMLIT_SERVER_BASE_URL_PATH"
PATIENCE: Final = "STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL"
"""What may be said otherwise, in the environment, by the names that Streamlit's own command knows.

Host names with commas between, the path, and for how many seconds a lost connection may come back.
"""


def base_path() -> str:
    """The path that the app is served at, without slashes around it; empty: at the root."""
    return os.environ.get(BASE, "").strip("/")


def options(port: int) -> dict[str, Any]:
    """What the server is started with, over Streamlit's own files and variables."""
    fixed = tomllib.loads(FILE.read_text(encoding="utf-8"))
    fixed |= tomllib.loads(THEMES.read_text(encoding="utf-8"))[current_settings().clinic.theme]
    if hosts := [name.strip() for name in os.environ.get(HOSTS, "").split(",") if name.strip()]:
        fixed["server.allowedHosts"] = hosts
    if (seconds := os.environ.get(PATIENCE, "")).isdecimal():
        fixed["server.disconnectedSessionTTL"] = int(seconds)
    return fixed | {"server.port": port, "server.baseUrlPath": base_path()}
