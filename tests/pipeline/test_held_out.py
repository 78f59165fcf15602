"""Nobody who was trained on judges what came of it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from medtransfer.core.config.data import SplitConfig
from medtransfer.core.errors import CohortError
from medtransfer.core.files import patient_digest
from medtransfer.data.cohort import read_cohort
from medtransfer.data.splits import assign_splits
from medtransfer.pipeline.held_out import digests, held_out

if TYPE_CHECKING:
    from pathlib import Path


def studies(cohort) -> set[str]:
    return set(cohort.table["study_id"])


def refused(cohort, bundles) -> CohortError:
    with pytest.raises(CohortError) as raised:
        held_out(cohort, bundles)
    assert raised.value.hint
    return raised.value


def test_of_their_own_table_their_validation_split_is_drawn_once_more(fitted, hospital: Path) -> None:
    cohort, bundle = read_cohort(hospital), fitted("one")
    found = held_out(cohort, [bundle, fitted("other", shift=1)])
    expected = assign_splits(cohort, seed=0, split=SplitConfig()).split("validation")
    assert 0 < len(found) < len(cohort)
    assert studies(found) == studies(expected)
    assert set(found.table["split"]) == {"validation"}


def test_of_unlike_splits_only_what_validated_everyone_counts(fitted, hospital: Path) -> None:
    cohort = read_cohort(hospital)
    bundles = [fitted(f"{seed}", shift=seed, seed=seed) for seed in range(2)]
    drawn = [assign_splits(cohort, seed=seed, split=SplitConfig()).split("validation") for seed in range(2)]
    assert studies(drawn[0]) != studies(drawn[1])
    both = studies(drawn[0]) & studies(drawn[1])
    assert both
    assert studies(held_out(cohort, bundles)) == both
    many = [*bundles, *(fitted(f"{seed}", shift=seed, seed=seed) for seed in range(2, 6))]
    assert refused(cohort, many).code == "NoHeldOut"


def test_a_table_that_fills_in_every_split_serves_every_seed(fitted, hospital: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(hospital, tmp_path / "filled")
    split = assign_splits(read_cohort(hospital), seed=3, split=SplitConfig())
    columns = ["path", "patient_id", "label", "split"]
    split.table[columns].to_csv(folder / "cohort.csv", index=False)
    cohort = read_cohort(folder)
    bundles = [fitted(f"{seed}", shift=seed, seed=seed, of=cohort) for seed in range(3)]
    assert studies(held_out(cohort, bundles)) == studies(split.split("validation"))


def test_some_rows_of_the_table_draw_no_other_split(fitted, hospital: Path) -> None:
    cohort, bundle = read_cohort(hospital), fitted("one")
    whole = held_out(cohort, [bundle])
    half = cohort.with_rows(cohort.table.iloc[::2])
    assert studies(held_out(half, [bundle])) == studies(whole) & studies(half) != studies(whole)


def test_patients_whom_nobody_has_seen_all_count_but_locked_ones(fitted, elsewhere: Path) -> None:
    cohort = read_cohort(elsewhere)
    assert studies(held_out(cohort, [fitted("one")])) == studies(cohort)
    table = cohort.table.copy()
    table["split"] = ["test"] * 8 + ["train"] * 4 + ["validation"] * 4 + [""] * (len(table) - 16)
    table.loc[20:, "label"] = ""
    found = held_out(replace(cohort, table=table), [fitted("two", shift=1)])
    assert studies(found) == studies(cohort.with_rows(table.iloc[12:20]))


def test_the_cohort_that_a_run_wrote_is_another_table(fitted, hospital: Path, tmp_path: Path) -> None:
    """Whether its splits are those of every bundle, nobody can tell."""
    bundle = fitted("one")
    folder = shutil.copytree(hospital, tmp_path / "here")
    drawn = assign_splits(read_cohort(hospital), seed=0, split=SplitConfig())
    drawn.table[["path", "patient_id", "label", "split", "site"]].to_csv(folder / "cohort.csv", index=False)
    error = refused(read_cohort(folder), [bundle])
    assert error.code == "PatientInTraining"
    assert str(bundle.folder) in error.message


def test_a_soup_does_not_say_how_all_its_members_were_split(fitted, hospital: Path) -> None:
    soup = fitted("soup")
    plan = {**soup.manifest.training.plan, "soup": {"how": "uniform"}}
    record = soup.manifest.training.model_copy(update={"plan": plan})
    soup = replace(soup, manifest=soup.manifest.model_copy(update={"training": record}))
    assert refused(read_cohort(hospital), [soup]).code == "PatientInTraining"


def test_a_table_that_changed_meanwhile_is_refused(fitted, hospital: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(hospital, tmp_path / "here")
    cohort = read_cohort(folder)
    table = pd.read_csv(folder / "cohort.csv", dtype=str, keep_default_na=False)
    table.iloc[:-1].to_csv(folder / "cohort.csv", index=False)
    assert refused(cohort, [fitted("one", of=cohort)]).code == "CohortChanged"


def test_patients_are_named_with_their_site_and_without() -> None:
    table = pd.DataFrame({"patient_id": ["a", "", "a"], "site": ["x", "x", "y"]})
    assert digests(table) == {patient_digest("a"), patient_digest("a", site="x"), patient_digest("a", site="y")}
