"""The files in git are what the generator makes, few enough, and read as a cohort."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter
from pathlib import Path

import generate

import medtransfer as mt

SAMPLE_DATA = Path(generate.__file__).parent
STUDIES = SAMPLE_DATA / "studies"


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_they_are_what_the_generator_makes(tmp_path: Path) -> None:
    """By the command that the README gives."""
    program = [sys.executable, str(SAMPLE_DATA / "generate.py"), str(tmp_path), "--committed"]
    subprocess.run(program, check=True, timeout=300)
    assert digests(tmp_path) == digests(STUDIES)


def test_they_are_small() -> None:
    sizes = [
        p.stat().st_size
        for name in ("studies", "damaged", "messy")
        for p in (SAMPLE_DATA / name).rglob("*")
        if p.is_file()
    ]
    assert sum(sizes) <= 6_000_000


def test_they_show_all_that_the_readme_names() -> None:
    cohorts = {name: mt.read_cohort(STUDIES / name) for name in ("riverside", "hillcrest", "head_ct")}
    chests = [cohorts[name] for name in ("riverside", "hillcrest")]
    assert 18 <= sum(len(cohort.studies()) for cohort in chests) <= 22
    assert len(cohorts["head_ct"].studies()) == 4
    assert set(cohorts["head_ct"].table["format"]) == {"nifti", "dicom"}
    assert set(cohorts["head_ct"].table["label"]) == {"bleed", "no_bleed"}
    for cohort in chests:
        assert cohort.classes == ("normal", "pneumonia")
        assert cohort.positive == "pneumonia"
        for split in set(cohort.table["split"]):
            assert set(cohort.table["label"][cohort.table["split"] == split]) == {"normal", "pneumonia"}
        assert set(cohort.table["view"]) == {"PA", "AP", "LL"}
        assert set(cohort.table["marker"]) == {"", "PORT"}
        kinds = Counter(Path(path).stem.partition("_")[2] for path in cohort.table["path"])
        assert kinds["repeat"] == kinds["copy"] == 1
        assert kinds["lateral"] > 0
    assert len(list((STUDIES / "riverside" / "images").glob("*_raw.dcm"))) == 1
    assert any((cohort.table["age"] == "").any() for cohort in chests)
    assert any(cohort.studies()["patient_id"].duplicated().any() for cohort in chests)
