from __future__ import annotations

from medtransfer.core.evaluated.evaluation import Evaluation
from medtransfer.reporting.provenance import provenance_facts


def test_what_is_known_is_said_and_nothing_else(evaluation: Evaluation) -> None:
    given = evaluation.provenance
    facts = {fact.name: fact for fact in provenance_facts(given)}
    assert set(facts) == {"Bundle", "Predictions", "Software", "Seed", "Code"}
    assert facts["Bundle"].value == f"sha256:{given.bundle_sha256}"
    assert facts["Bundle"].digest
    assert facts["Seed"].value == "17"
    assert f"torch {given.packages['torch']}" in facts["Software"].value
    fuller = given.model_copy(update={"cohort_sha256": "1" * 64, "code_sha256": "2" * 64})
    assert {fact.value for fact in provenance_facts(fuller)} >= {f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"}
