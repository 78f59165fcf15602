"""One file of a cohort, read and prepared, or the reason why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medtransfer.core.errors import MedTransferError, ReadError
from medtransfer.core.types import PreparedPicture
from medtransfer.data.ingest import ingest, read
from medtransfer.data.ledger import LedgerRow
from medtransfer.data.preprocess import prepare

if TYPE_CHECKING:
    from pathlib import Path

    from medtransfer.data.found import Item


def prepared_file(file: Path, *, size: int) -> tuple[PreparedPicture | None, LedgerRow, str]:
    """Read one image and prepare it.

    Args:
        file: The image.
        size: Side of the prepared picture.

    Returns:
        The picture, `channel row column` (None where it was not read), what became of the file, and its modality.
    """
    item, row = one_file(file)
    if item is None:
        return None, row, ""
    try:
        scan = read(item)
        picture = prepare(scan, size=size)
    except MedTransferError as error:
        return None, failed_row(file, error), ""
    notes = (*row.notes, *scan.notes)
    return picture, LedgerRow(path=str(file), loader=item.loader, notes=notes), scan.modality


def one_file(file: Path) -> tuple[Item | None, LedgerRow]:
    """Look at one image without decoding it: what can be read (None where it cannot), and its row."""
    try:
        if file.is_dir():
            raise ReadError("is a folder", code="NotAFile", path=file, hint="Name one image a row.")
        items, ledger = ingest(file)
    except MedTransferError as error:
        return None, failed_row(file, error)
    (row,) = ledger.rows
    return (items[0] if items else None), row


def failed_row(file: Path, error: MedTransferError) -> LedgerRow:
    """The ledger's row for a file that failed."""
    return LedgerRow(path=str(file), status="failed", code=error.code, reason=error.message, hint=error.hint or "")
