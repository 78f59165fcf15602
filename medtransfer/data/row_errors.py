"""An error of a cohort table that names the first of the rows, or values, it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from medtransfer.core.errors import CohortError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_SHOWN: Final = 5


def rows_error(message: str, code: str, rows: Iterable[object], source: Path, hint: str) -> CohortError:
    """`MESSAGE: 'a', 'b' and 3 more`."""
    values = list(rows)
    shown = ", ".join(f"'{value}'" for value in values[:_SHOWN])
    more = f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else ""
    return CohortError(f"{message}: {shown}{more}", code=code, path=source, hint=hint)
