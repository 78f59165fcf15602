"""Makes the sample data: two synthetic hospitals with chest radiographs, and a few damaged files.

    python sample_data/generate.py OUT --seed 0

The parts are in `two_hospitals/` beside this file; whoever loads this file by its path has to have
its folder on `sys.path` while doing so.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from two_hospitals.cohort import Visit, plan_visits, write_hospital
from two_hospitals.damage import write_damaged
from two_hospitals.hospitals import HILLCREST, RIVERSIDE


def generate(
    out: Path,
    *,
    seed: int = 0,
    source_studies: int = 160,
    target_labelled: int = 60,
    target_test: int = 80,
) -> None:
    """Writes `out/riverside/`, `out/hillcrest/` and `out/damaged/`. Equal arguments give equal bytes.

    Args:
        out: The folder to write into; made where it is missing.
        seed: Everything random follows from it.
        source_studies: Studies of riverside, half of them with pneumonia.
        target_labelled: Studies of hillcrest whose split is left open, two fifths with pneumonia.
        target_test: Studies of hillcrest in its locked test set, two fifths with pneumonia.

    Raises:
        FileExistsError: If a hospital's images are there already: nothing is overwritten.
    """
    out = Path(out)
    rng = np.random.default_rng(seed)
    source = plan_visits(source_studies, prevalence=RIVERSIDE.prevalence, split="", first_patient=1, rng=rng)
    target: list[Visit] = []
    for count, split in ((target_labelled, ""), (target_test, "test")):
        first = 1 + max((visit.patient for visit in target), default=0)
        target += plan_visits(count, prevalence=HILLCREST.prevalence, split=split, first_patient=first, rng=rng)
    write_hospital(out / "riverside", hospital=RIVERSIDE, visits=source, seed=seed)
    write_hospital(out / "hillcrest", hospital=HILLCREST, visits=target, seed=seed)
    write_damaged(out / "damaged")


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description="Makes the synthetic two-hospital sample cohort.")
    parser.add_argument("out", type=Path, help="folder to write into")
    parser.add_argument("--seed", type=int, default=0, help="everything random follows from it (default 0)")
    arguments = parser.parse_args()
    generate(arguments.out, seed=arguments.seed)


if __name__ == "__main__":
    main()
