"""The STARD flow on the page, and whether the ledger of the images tells the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medtransfer.reporting.section import Section, section
from medtransfer.reporting.words import count

if TYPE_CHECKING:
    from medtransfer.core.evaluated.accounts import Reconciliation
    from medtransfer.core.results import Flow


def flow_section(record: Flow, *, reconciliation: Reconciliation | None = None) -> Section:
    """The part of the page.

    Args:
        record: Where every study ended.
        reconciliation: With the ledger of the run, where that lies beside the predictions.
    """
    return section(
        "flow",
        "Where every input ended",
        flow=record,
        reconciliation=reconciliation,
        summary=summary(reconciliation) if reconciliation else "",
    )


def summary(record: Reconciliation) -> str:
    """What the ledger says of the images, in a sentence."""
    images, studies = record.images, record.studies
    return (
        f"The ledger has {count(images['inputs'], 'image')} of {count(studies['inputs'], 'study', 'studies')}: "
        f"{images['read']:,} read, {images['excluded']:,} excluded by rule, {images['failed']:,} failed."
    )
