"""Whether a bundle has seen a patient: by id and site where the site is known, by the id alone where it is not."""

from __future__ import annotations

import medtransfer as mt
from medtransfer.core.files import patient_digest
from tests.manifests import make_manifest


def test_a_patient_is_recognised_with_and_without_a_site() -> None:
    digests = (patient_digest("P1"), patient_digest("P1", site="hillcrest"))
    training = make_manifest().training.model_copy(update={"patients": digests})
    manifest = make_manifest().model_copy(update={"training": training})
    assert mt.has_seen(manifest, "P1")
    assert mt.has_seen(manifest, "P1", site="hillcrest")
    assert not mt.has_seen(manifest, "P1", site="riverside"), "another hospital's patient of the same number"
    assert not mt.has_seen(manifest, "P2")


def test_nobodys_number_is_nobody() -> None:
    training = make_manifest().training.model_copy(update={"patients": (patient_digest(""),)})
    assert not mt.has_seen(make_manifest().model_copy(update={"training": training}), "")
