"""What is on display: told by the browser as it changes, without a run of the script."""

from __future__ import annotations

import json
import math
from typing import Any, Final

from apps.server.tickets import TICKETS

LARGEST: Final = 4_096
"""Bytes of one message."""

_MOST: Final = 32
_LONGEST: Final = 128


def shown(token: str) -> dict[str, Any]:
    """The last state that the viewer of this token's session has told: series, slice, plane, window, …; else empty."""
    return TICKETS.told(token)


def read_message(body: bytes) -> dict[str, Any] | None:
    """A flat object of short names and scalars, else None: it goes into reviews, and a browser can send anything."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or len(said) > _MOST:
        return None
    return said if all(len(name) <= _LONGEST and _is_scalar(value) for name, value in said.items()) else None


def _is_scalar(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= _LONGEST
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, bool | int)
