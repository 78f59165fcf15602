"""What can be watched of a model in use, before anybody knows the truth."""

from __future__ import annotations

from typing import Literal

from medtransfer.core.evaluated.accounts import MissingTable
from medtransfer.core.evaluated.drift import Drift
from medtransfer.core.evaluated.spectrum import SpectrumTable
from medtransfer.core.records import Record
from medtransfer.core.results import Flow, Provenance


class Monitoring(Record):
    """Inputs, who they are of, and what has moved."""

    schema_version: Literal[1] = 1
    title: str
    flow: Flow
    missing: MissingTable
    spectrum: SpectrumTable
    drift: Drift
    outside: tuple[str, ...]
    """What lies outside of its band or limits, each a phrase."""
    provenance: Provenance
