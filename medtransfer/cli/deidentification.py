"""Options that take names away on the way in, for the commands that read patients' files."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import UseAppendAction, arg

from medtransfer.core.errors import ConfigError, MedTransferError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medtransfer.data.deidentify import Deidentifier


@dataclass(frozen=True, kw_only=True)
class Deidentification:
    """What `--deidentify` takes."""

    deidentify: bool = False
    """Name no patient in anything that is written or said: pseudonyms, moved dates (see deidentification.json)."""
    key: Path | None = None
    """File with the key of the pseudonyms, made where there is none; default ~/.config/medtransfer/pseudonyms.key."""
    keep_column: UseAppendAction[Annotated[tuple[str, ...], arg(metavar="NAME")]] = ()
    """Column of the cohort's table that stays as it is with --deidentify; may be given several times."""
    allow_burned_in: bool = False
    """With --deidentify: let images through that declare text in their pixels, or whose kind often has it."""


def deidentifier(arguments: Deidentification, *outputs: Path | None) -> tuple[Deidentifier | None, str]:
    """What takes the names away, and a line on the key where it is new; None where nobody asked for it.

    Args:
        arguments: Of the command.
        outputs: Folders that are written to: the key may not lie in them.

    Raises:
        ConfigError: `NeedsDeidentify`: an option that means nothing without `--deidentify`.
        KeyFileError: The key cannot be used.
    """
    if not arguments.deidentify:
        given = {
            "--key": arguments.key is not None,
            "--keep-column": bool(arguments.keep_column),
            "--allow-burned-in": arguments.allow_burned_in,
        }
        for option, is_given in given.items():
            if is_given:
                raise ConfigError(
                    "means nothing without --deidentify",
                    code="NeedsDeidentify",
                    path=option,
                    hint="Add --deidentify, or leave it out.",
                )
        return None, ""
    from medtransfer.core.keys import default_key_place, key_at
    from medtransfer.data.deidentify import Deidentifier

    place = arguments.key or default_key_place()
    key, is_new = key_at(place, outputs=[folder for folder in outputs if folder is not None])
    found = Deidentifier(key=key, keep_columns=arguments.keep_column, allow_burned_in=arguments.allow_burned_in)
    said = f"new key of the pseudonyms: {place}; keep a copy in a safe place, and never beside the outputs"
    return found, said if is_new else ""


@contextmanager
def unnamed_errors(of: Deidentifier | None, place: Path) -> Iterator[None]:
    """Let errors leave the block without names of patients: no path, no value of a file, no message of a library.

    The traceback that `--debug` prints keeps its lines of code and loses the errors that led to the last one.

    Args:
        of: What takes the names away; None lets errors through as they are.
        place: The file or folder that the user named.
    """
    if of is None:
        yield
        return
    try:
        yield
    except MedTransferError as error:
        raise of.error(error, root=place if place.is_dir() else place.parent).with_traceback(
            error.__traceback__
        ) from None
    except Exception as error:  # noqa: BLE001  (a library's message may quote what it read)
        raise MedTransferError(
            f"unexpected {type(error).__name__}",
            code="Unexpected",
            hint="Run it again without --deidentify to see what it says.",
        ).with_traceback(error.__traceback__) from None
