"""What a page or a card says it was made from: one row a fact, digests told from words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medtransfer.core.results import Provenance


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A name and what it says; `digest` where that is a SHA-256."""

    name: str
    value: str
    digest: bool = False


def provenance_facts(provenance: Provenance) -> tuple[Fact, ...]:
    """Data, bundle, plan, code, versions and seed; what is not known is not there."""
    return tuple(_facts(provenance))


def _facts(p: Provenance) -> Iterator[Fact]:
    digests = {
        "Bundle": p.bundle_sha256,
        "Predictions": p.predictions_sha256,
        "Cohort": p.cohort_sha256,
        "Truth table": p.truth_sha256,
        "Training cohort": p.training_sha256,
        "Plan": p.plan_sha256,
        "Code": p.code_sha256,
    }
    for name, value in digests.items():
        if value:
            yield Fact(name=name, value=f"sha256:{value}", digest=True)
    packages = "".join(f", {name} {version}" for name, version in p.packages.items())
    yield Fact(name="Software", value=f"medtransfer {p.medtransfer_version}{packages}")
    yield Fact(name="Seed", value=str(p.seed))
