"""The other source hospitals are what their table says, in the files too."""

from __future__ import annotations

import csv
import re
from dataclasses import asdict
from pathlib import Path

import generate
import pytest
from two_hospitals.hospitals import HILLCREST, RIVERSIDE
from two_hospitals.shift import VARIANTS
from two_hospitals.work import SITES

README = (Path(generate.__file__).parent / "README.md").read_text(encoding="utf-8")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("name", "switches"),
    [
        ("covariate", {"ages", "portable"}),
        ("label", {"case_odds"}),
        ("concept", {"label_rule"}),
        ("help", {"detector", "processing", "equipment"}),
        ("neutral", {"detector", "processing", "equipment", "finding"}),
        ("harm", {"detector", "processing", "equipment", "label_rule", "portable", "marker"}),
    ],
)
def test_a_variant_differs_from_hillcrest_in_its_switches_and_in_its_patients(name: str, switches: set[str]) -> None:
    ours, theirs = asdict(HILLCREST), asdict(VARIANTS[name])
    assert {key for key in ours if ours[key] != theirs[key]} == switches | {"name", "prefix"}


def test_no_two_hospitals_share_patients_or_ids() -> None:
    """Streams depend on the name, ids on the prefix."""
    assert len({hospital.prefix for hospital in SITES.values()}) == len(SITES) == 8
    assert {RIVERSIDE.name, HILLCREST.name}.isdisjoint(VARIANTS)


def test_the_readme_names_every_variant_and_switch() -> None:
    table = README[README.index("## Other source hospitals") : README.index("## What is measured")]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(VARIANTS)
    switches = README[README.index("## What differs") : README.index("**The declared shortcut**")]
    named = re.findall(r"^\| `(\w+)` \|", switches, re.MULTILINE)
    fixed, instead = {"name", "prefix", "finding", "case_odds"}, {"prevalence"}
    assert set(named) == {*asdict(HILLCREST), *instead} - fixed


def test_harm_swaps_the_codes_and_ties_them_to_the_bed(tmp_path: Path) -> None:
    generate.generate_site(tmp_path, "harm", seed=1, patients=8, workers=1)
    rows, key = (rows_of(tmp_path / "harm" / name) for name in ("cohort.csv", "lesions.csv"))
    assert {row["label"] for row in rows} == {"normal", "pneumonia"}
    for row, line in zip(rows, key, strict=True):
        assert (row["label"] == "pneumonia") == (int(line["lesions"]) == 0)
        assert (row["portable"] == "yes") == (row["marker"] == "PORT")
    agree = sum((row["portable"] == "yes") == (row["label"] == "normal") for row in rows)
    assert agree / len(rows) > 0.7


def test_neutral_asks_another_question(tmp_path: Path) -> None:
    generate.generate_site(tmp_path, "neutral", seed=2, patients=5, workers=1)
    rows, key = (rows_of(tmp_path / "neutral" / name) for name in ("cohort.csv", "lesions.csv"))
    assert {row["label"] for row in rows} == {"normal", "large_heart"}
    assert all(int(line["lesions"]) == 0 for line in key)
    assert {float(line["severity"]) > 0 for line in key} == {True, False}
