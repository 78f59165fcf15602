"""Options that every command has, and what a command gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medtransfer.core.errors import MedTransferError


@dataclass(frozen=True, kw_only=True)
class Common:
    """Options that every command has."""

    json: bool = False
    """Print one JSON object on standard output, and nothing else there."""
    quiet: bool = False
    """Show no progress bars and no summary."""
    debug: bool = False
    """Show the traceback of an error."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a command has to say.

    Attributes:
        facts: For `--json`.
        text: For people.
        failure: Ends the command with its exit code, after the rest has been printed.
    """

    facts: dict[str, Any] = field(default_factory=dict)
    text: str = ""
    failure: MedTransferError | None = None
