"""Makes the sample data: two synthetic hospitals with chest radiographs, heads in CT, and a few damaged files.

    python sample_data/generate.py OUT --seed 0               what `medtransfer demo` uses
    python sample_data/generate.py OUT --variant label        another source hospital, see two_hospitals/shift.py
    python sample_data/generate.py sample_data/studies --committed

The parts are in `two_hospitals/` beside this file; whoever loads this file by its path has to have
its folder on `sys.path` while doing so.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from two_hospitals.damage import write_damaged
from two_hospitals.shift import VARIANT_PATIENTS, VARIANTS
from two_hospitals.work import Job, Site, make

WORKERS = 2
COMMITTED_SEED = 117
"""With it, so few studies show all that the README names: views, markers, missing ages, patients with two studies."""


def generate(
    out: Path,
    *,
    seed: int = 0,
    source_patients: int = 160,
    target_labelled: int = 60,
    target_test: int = 80,
    volumes: int = 40,
    workers: int = WORKERS,
) -> None:
    """Writes `out/riverside/`, `out/hillcrest/`, `out/head_ct/` and `out/damaged/`. Equal arguments give equal bytes.

    Args:
        out: The folder to write into; made where it is missing.
        seed: Everything random follows from it.
        source_patients: Patients of riverside; about 15 % of them have two studies.
        target_labelled: Studies of hillcrest whose split is left open.
        target_test: Studies of hillcrest in its locked test set, of other patients.
        volumes: CT scans of the head; without the folder if 0.
        workers: Processes, 1 or 2; the bytes do not depend on it.

    Raises:
        FileExistsError: A hospital's images are there already: nothing is overwritten.
    """
    sites = (
        Site(name="riverside", patients=source_patients),
        Site(name="hillcrest", studies=target_labelled, test=target_test),
    )
    make(Job(out=str(Path(out).resolve()), seed=seed, sites=sites, volumes=volumes), workers=workers)
    write_damaged(Path(out) / "damaged")


def generate_site(
    out: Path, name: str, *, seed: int = 0, patients: int = 0, studies: int = 0, test: int = 0, workers: int = WORKERS
) -> None:
    """Writes `out/NAME/`, one hospital: riverside, hillcrest, or a source of `two_hospitals/shift.py`.

    Args:
        out: The folder to write into; made where it is missing.
        name: Of the hospital.
        seed: Everything random follows from it.
        patients: So many patients come, outside a locked test.
        studies: After them come as many patients as it takes for so many studies, outside a locked test.
        test: And as many others as it takes for so many studies in the locked test.
        workers: Processes, 1 or 2; the bytes do not depend on it.

    Raises:
        FileExistsError: Its images are there already: nothing is overwritten.
        KeyError: There is no such hospital.
    """
    site = Site(name=name, patients=patients, studies=studies, test=test)
    make(Job(out=str(Path(out).resolve()), seed=seed, sites=(site,)), workers=workers)


def generate_committed(out: Path, *, workers: int = WORKERS) -> None:
    """Writes the few studies and volumes that are kept in git."""
    sites = (Site(name="riverside", patients=9), Site(name="hillcrest", studies=5, test=4))
    make(Job(out=str(Path(out).resolve()), seed=COMMITTED_SEED, sites=sites, volumes=4), workers=workers)


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description="Makes the synthetic two-hospital sample cohort.")
    parser.add_argument("out", type=Path, help="folder to write into")
    parser.add_argument("--seed", type=int, default=0, help="everything random follows from it (default 0)")
    parser.add_argument("--variant", choices=sorted(VARIANTS), help="only this other source hospital")
    parser.add_argument("--committed", action="store_true", help="only the few studies that are kept in git")
    arguments = parser.parse_args()
    if arguments.committed:
        generate_committed(arguments.out)
    elif arguments.variant:
        generate_site(arguments.out, arguments.variant, seed=arguments.seed, patients=VARIANT_PATIENTS)
    else:
        generate(arguments.out, seed=arguments.seed)


if __name__ == "__main__":
    main()
