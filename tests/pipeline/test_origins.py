from __future__ import annotations

from manifests import make_manifest, make_plan

from medtransfer.evaluation.provenance import Origins
from medtransfer.pipeline.origins import origins_of


def test_digests_of_plan_and_data() -> None:
    found = origins_of(make_manifest(), cohort_sha256="1" * 64, truth_sha256="2" * 64)
    assert (found.cohort_sha256, found.truth_sha256, found.training_sha256) == ("1" * 64, "2" * 64, "c" * 64)
    assert found.plan_sha256 == origins_of(make_manifest()).plan_sha256
    assert found.plan_sha256 != origins_of(make_manifest(make_plan(seed=12))).plan_sha256


def test_what_nobody_knows_is_empty() -> None:
    assert origins_of(None) == Origins()
    assert origins_of(make_manifest(training={"plan": {}})) == Origins()
