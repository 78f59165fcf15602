"""Counts of a ledger that is not held, and its first failures."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from medtransfer.core.errors import FailedCasesError
from medtransfer.core.inert import one_line

if TYPE_CHECKING:
    from medtransfer.data.ledger_row import LedgerRow

_NAMED: Final = 5


class Tally:
    """How many rows were read, excluded and failed."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._first: list[LedgerRow] = []

    def take(self, row: LedgerRow) -> None:
        """Count a row."""
        self._counts[row.status] += 1
        if row.status == "failed" and len(self._first) < _NAMED:
            self._first.append(row)

    def counts(self) -> dict[str, int]:
        """`inputs`, `read`, `excluded` and `failed`; the last three sum to the first."""
        parts = {status: self._counts[status] for status in ("read", "excluded", "failed")}
        return {"inputs": self._counts.total(), **parts}

    def failure_beyond(self, allow_failures: int | None) -> FailedCasesError | None:
        """The error that names the first failures, where there are more than so many; None means none may fail."""
        failed, allowed = self._counts["failed"], allow_failures or 0
        if failed <= allowed:
            return None
        named = "; ".join(f"{one_line(row.path)} [{row.code}]" for row in self._first)
        more = f"; and {failed - _NAMED} more" if failed > _NAMED else ""
        return FailedCasesError(
            f"{failed} of {self._counts.total()} inputs failed, {allowed} allowed: {named}{more}",
            code="FailedCases",
            hint="Mend or remove these files (`medtransfer inspect` and ledger.csv give each one's cure), "
            f"or accept them: --allow-failures {failed}.",
        )
