"""Whether a bundle was made from studies of a patient, by the digests that it keeps of theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medtransfer.core.files import patient_digest

if TYPE_CHECKING:
    from medtransfer.models.bundle import Manifest


def has_seen(manifest: Manifest, patient_id: str, *, site: str = "") -> bool:
    """Whether weights, operating point or recalibration have seen this patient: what is said of them then flatters.

    Args:
        manifest: Of the bundle.
        patient_id: As the cohort that it was fitted on had it: a pseudonym where that was de-identified. An empty one
            is nobody's.
        site: Where the patient was seen; where it is not known, an equal id of any site counts, as in `evaluate`.
    """
    return bool(patient_id) and patient_digest(patient_id, site=site) in manifest.training.patients
