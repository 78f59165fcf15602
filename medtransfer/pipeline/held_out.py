"""On whom something made of several bundles may be judged: studies that none of them was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from medtransfer.core.config.data import SplitConfig
from medtransfer.core.errors import CohortError
from medtransfer.core.files import patient_digest
from medtransfer.data.cohort import Cohort, read_cohort
from medtransfer.data.splits import assign_splits

if TYPE_CHECKING:
    import pandas as pd

    from medtransfer.models.bundle import Bundle


def held_out(cohort: Cohort, bundles: Sequence[Bundle]) -> Cohort:
    """The labelled studies of a cohort that no bundle was trained on, all as its `validation` split.

    A bundle names the patients it has seen, but not which of them only validated it. So where the cohort is the very
    table that a bundle was fitted on, its splits are drawn once more, and its validation studies count. In any other
    cohort the bundle may know nobody; there, rows of the splits `train`, `calibration` and `test` stay locked.

    Raises:
        CohortError: `NoHeldOut`: nothing is left; `PatientInTraining`.
    """
    table = cohort.table
    own = [bundle for bundle in bundles if _fitted_on(bundle, cohort)]
    kept = table["label"] != ""
    if own:
        whole = _whole(cohort)
        for bundle in own:
            kept &= table["study_id"].isin(_validating(bundle, whole))
    else:
        kept &= table["split"].isin(["", "validation"])
    if not kept.any():
        raise CohortError(
            f"no labelled study was held out by all of the {len(bundles)} bundles",
            code="NoHeldOut",
            path=cohort.source,
            hint="Fit all of them with one split: the same seed, or a table whose column `split` is filled in, such as "
            "the cohort.csv that `fit` writes. Or judge on patients that none of them has seen.",
        )
    found = cohort.with_rows(table[kept].assign(split="validation"))
    for bundle in bundles:
        if bundle not in own:
            _refuse_known(found, bundle)
    return found


def digests(table: pd.DataFrame) -> set[str]:
    """As bundles name patients: with their site, and without one."""
    pairs = _patients(table)
    return {patient_digest(name, site=site) for name, site in pairs} | {patient_digest(name) for name, _ in pairs}


def _fitted_on(bundle: Bundle, cohort: Cohort) -> bool:
    """Was it, and only on it? Of a soup we know one member's plan alone."""
    plan = bundle.manifest.training.plan
    target = plan.get("target")
    if "soup" in plan or not isinstance(target, dict):
        return False
    return (target.get("sha256"), target.get("label")) == (cohort.sha256, cohort.label)


def _whole(cohort: Cohort) -> Cohort:
    """The whole table that a cohort comes from: drawn from some of its rows, splits would be others.

    Raises:
        CohortError: It is another one by now.
    """
    whole = read_cohort(
        cohort.source,
        label=cohort.label,
        task=cohort.task,
        classes=cohort.classes,
        positive=cohort.positive,
        patients_unknown=True,
        allow_missing=True,
    )
    if whole.sha256 != cohort.sha256:
        raise CohortError(
            "the table has changed since it was read", code="CohortChanged", path=cohort.source, hint="Read it again."
        )
    return whole


def _validating(bundle: Bundle, whole: Cohort) -> set[str]:
    """The studies that validated a bundle, and trained nothing of it."""
    plan = bundle.manifest.training.plan
    drawn = assign_splits(
        whole,
        SplitConfig.model_validate(plan["split"]),
        seed=plan["seed"],
        labels_per_class=plan["target"].get("labels_per_class"),
    )
    return set(drawn.table.loc[drawn.table["split"] == "validation", "study_id"])


def _refuse_known(cohort: Cohort, bundle: Bundle) -> None:
    seen, pairs = set(bundle.manifest.training.patients), _patients(cohort.table)
    if known := sum(patient_digest(name, site=site) in seen for name, site in pairs):
        raise CohortError(
            f"{known} of {len(pairs)} patients are known to {bundle.folder}, perhaps from training",
            code="PatientInTraining",
            path=cohort.source,
            hint="Give the very table that all bundles were fitted on, so that their splits can be drawn once more; or "
            "patients that none of them has seen.",
        )


def _patients(table: pd.DataFrame) -> set[tuple[str, str]]:
    """Known ones, each with a site."""
    known = table[table["patient_id"] != ""]
    return set(zip(known["patient_id"], known["site"], strict=True))
