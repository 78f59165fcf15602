"""Who takes part in a fit: the rows of each domain, and for every other row the rule that leaves it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from medtransfer.core.config.plan import Plan
from medtransfer.core.evaluated.spectrum import Spectrum
from medtransfer.core.files import patient_digest
from medtransfer.core.types import Task
from medtransfer.data.cache import PreparedCohort
from medtransfer.data.cohort import Cohort, patients
from medtransfer.data.dataset import StudySet
from medtransfer.data.ledger import Ledger, LedgerRow
from medtransfer.data.names import case_names
from medtransfer.data.spectrum import spectrum_of
from medtransfer.data.splits import BUDGET_RULE
from medtransfer.data.targets import targets_of
from medtransfer.training.refusals import active, refuse_shared_patients
from medtransfer.transfer.types import TARGET

VALIDATION = "validation"
LOCKED = (VALIDATION, "calibration", "test")
"""Splits that are not trained on."""


def participants(plan: Plan, target: Cohort, sources: Mapping[str, Cohort]) -> dict[str, Cohort]:
    """The rows that take part: `target`, `validation` and each source by its name, where the plan has it.

    Where features are aligned or source cases weighed, the target's rows without a label take part, too: those of
    patients who are in no locked split, and labelled ones beyond the label budget, whose labels are not looked at.

    Raises:
        CohortError: Source and target share patients.
    """
    training = _labelled(target.split("train"))
    if active(plan.objective.features) or plan.objective.instances:
        training = training.with_rows(pd.concat([training.table, unlabelled_rows(target.table)]))
    seen = {TARGET: training}
    if (target.table["split"] == VALIDATION).any():
        seen[VALIDATION] = _labelled(target.split(VALIDATION))
    if not np.isinf(plan.objective.trade_off):
        for name, source in sources.items():
            refuse_shared_patients(target, source)
            rows = source.table[source.table["split"].isin(["", "train"]) & (source.table["label"] != "")]
            seen[name] = source.with_table(rows)
    return seen


def unlabelled_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of a target cohort, splits assigned, that may be trained on without a label; their labels are blanked."""
    owners = patients(table)
    locked = set(owners[table["split"].isin(LOCKED)])
    free = table["split"].isin(["", "train"]) & ((table["label"] == "") | (table["split"] == ""))
    return table[free & ~owners.isin(locked)].assign(label="")


def study_set(prepared: PreparedCohort, classes: tuple[str, ...], task: Task) -> StudySet:
    """Studies as the training loop wants them: each with all of its rows that could be read."""
    table = prepared.table.reset_index(drop=True)
    rows = tuple(tuple(part.index.tolist()) for _, part in table.groupby("study_id", sort=False))
    first, names = table.iloc[[study[0] for study in rows]], case_names(table)
    return StudySet(
        arrays=prepared.arrays,
        rows=rows,
        labels=targets_of(first["label"], classes, task),
        patients=pd.factorize(patients(first), sort=True)[0].astype(np.int64),
        names=tuple(names[study[0]] for study in rows),
    )


def ledger_of(
    prepared: Mapping[str, PreparedCohort], seen: Mapping[str, Cohort], target: Cohort, sources: Mapping[str, Cohort]
) -> Ledger:
    """One row for every row of all cohorts: what was read, and by which rule the others were left out."""
    rows = [
        replace(row, path=str(seen[name].file(row.path))) for name, part in prepared.items() for row in part.ledger.rows
    ]
    done = {row.path for row in rows}
    for name, cohort in ((TARGET, target), *sources.items()):
        columns = cohort.table[["study_id", "label", "split"]].itertuples(index=False)
        for case, (study, label, split) in zip(case_names(cohort.table), columns, strict=True):
            place = str(cohort.file(case))
            if place not in done:
                rule, reason = _left_out(label, split, is_target=name == TARGET, skipped=name not in seen)
                rows.append(LedgerRow(path=place, status="excluded", code=rule, reason=reason, study_id=study))
    return Ledger(tuple(sorted(rows, key=lambda row: row.path)))


def digests(prepared: Mapping[str, PreparedCohort]) -> tuple[str, ...]:
    """Pseudonyms of every patient who takes part, with their site and without one; sorted."""
    found = set()
    for part in prepared.values():
        for patient, site in zip(part.table["patient_id"], part.table["site"], strict=True):
            if patient:
                found |= {patient_digest(patient, site=site), patient_digest(patient)}
    return tuple(sorted(found))


def training_spectrum(prepared: PreparedCohort, cohort: Cohort) -> Spectrum:
    """Who is in the training cohort: its labelled studies that could be read."""
    studies = prepared.table[prepared.table["label"] != ""].drop_duplicates("study_id")
    return spectrum_of(studies, classes=cohort.classes, task=cohort.task)


def _labelled(cohort: Cohort) -> Cohort:
    return cohort.with_rows(cohort.table[cohort.table["label"] != ""])


def _left_out(label: str, split: str, *, is_target: bool, skipped: bool) -> tuple[str, str]:
    """The rule by which a row takes no part in training, and its words."""
    if not is_target and skipped:
        return "source_skipped", "λ = inf: the source is not looked at"
    if not label:
        return "unlabelled", "training needs a label"
    if split in LOCKED:
        return f"locked_{split}", f"split {split} is not trained on"
    return BUDGET_RULE, "beyond labels_per_class"
