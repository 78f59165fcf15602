"""What is to be made, shared by one or two processes; the bytes do not depend on how many.

The second process is told the same job, plans the same pictures and writes what the first leaves to it:

    python -m two_hospitals.work      the job as JSON on standard input
                                      the findings of its pictures as JSON on standard output
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from .arrivals import patients, take_studies
from .cohort import Finding, write_picture, write_tables
from .hospitals import HILLCREST, RIVERSIDE
from .shift import VARIANTS
from .shots import plan_shots
from .volumes import write_volumes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .shots import Shot

SITES = {hospital.name: hospital for hospital in (RIVERSIDE, HILLCREST, *VARIANTS.values())}
HOME = Path(__file__).parents[1]
LOCKED_VOLUMES = 0.35
"""Share of the volumes that are in the locked test set."""
VOLUME_COST = 1.7
"""Time that a volume takes, in pictures; only how work is shared depends on it."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """How many come to one of `SITES`: so many patients, or so many studies outside and inside the locked test."""

    name: str
    patients: int = 0
    studies: int = 0
    test: int = 0


@dataclass(frozen=True, kw_only=True)
class Job:
    """Everything that the bytes depend on.

    Attributes:
        out: Folder that gets a folder for each site.
        seed: Everything random follows from it.
        sites: The hospitals.
        volumes: Scans of the head, in `out/head_ct`; without the folder if 0.
    """

    out: str
    seed: int
    sites: tuple[Site, ...]
    volumes: int = 0


def make(job: Job, *, workers: int = 1) -> None:
    """Writes a folder for each site, and the volumes.

    Raises:
        FileExistsError: A hospital's images are there already: nothing is overwritten.
        subprocess.CalledProcessError: The second process failed.
    """
    for site in job.sites:
        (Path(job.out) / site.name / "images").mkdir(parents=True)
    planned = plan(job)
    findings = _write(job, planned) if workers < 2 else _write_with_another(job, planned)
    for site in job.sites:
        made = [(shot, finding) for (name, shot), finding in zip(planned, findings, strict=True) if name == site.name]
        write_tables(Path(job.out) / site.name, hospital=SITES[site.name], made=made)


def plan(job: Job) -> list[tuple[str, Shot]]:
    """Every picture of every site; no patient has studies both in the locked test and outside it."""
    planned = []
    for site in job.sites:
        hospital = SITES[site.name]
        arrivals = patients(hospital, seed=job.seed)
        visits = [visit for studies in islice(arrivals, site.patients) for visit in studies]
        visits += take_studies(arrivals, site.studies)
        visits += take_studies(arrivals, site.test, split="test")
        planned += [(site.name, shot) for shot in plan_shots(hospital, visits, seed=job.seed)]
    return planned


def _write(job: Job, planned: Sequence[tuple[str, Shot]]) -> list[Finding]:
    """Writes some pictures and the volumes; says what lies in each picture."""
    if job.volumes:
        locked = round(LOCKED_VOLUMES * job.volumes)
        write_volumes(Path(job.out) / "head_ct", count=job.volumes, seed=job.seed, test=locked)
    return [
        write_picture(Path(job.out) / name, hospital=SITES[name], shot=shot, seed=job.seed) for name, shot in planned
    ]


def _write_with_another(job: Job, planned: Sequence[tuple[str, Shot]]) -> list[Finding]:
    """Some pictures here, the other ones and the volumes in a second process."""
    with ThreadPoolExecutor(1) as waiting:
        other = waiting.submit(
            subprocess.run,
            [sys.executable, "-m", __name__],
            input=json.dumps(asdict(job)),
            capture_output=True,
            check=True,
            encoding="utf-8",
            cwd=HOME,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(HOME), *sys.path])},
        )
        here = _kept_here(len(planned), job.volumes)
        mine = iter(_write(replace(job, volumes=0), [one for one, kept in zip(planned, here, strict=True) if kept]))
    theirs = iter(json.loads(other.result().stdout))
    return [next(mine) if kept else Finding(**next(theirs)) for kept in here]


def _kept_here(pictures: int, volumes: int) -> list[bool]:
    """Which pictures the first process makes: so many that both take equally long, evenly spread."""
    mine = min(pictures, round((pictures + VOLUME_COST * volumes) / 2))
    return [place * mine % pictures < mine for place in range(pictures)]


def _second_process() -> None:
    """The other pictures and the volumes of the job on standard input."""
    told = json.load(sys.stdin)
    job = Job(sites=tuple(Site(**site) for site in told.pop("sites")), **told)
    planned = plan(job)
    here = _kept_here(len(planned), job.volumes)
    findings = _write(job, [one for one, kept in zip(planned, here, strict=True) if not kept])
    json.dump([asdict(finding) for finding in findings], sys.stdout)


if __name__ == "__main__":
    _second_process()
