"""Who comes to a hospital: one patient after the other, once or twice, ill or not, standing or in bed.

Every fact has a random stream of its own, keyed by (seed, site, patient, …): a switch changes what it names, and with
another prevalence the same patients come, fewer of them recruited.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING

from .exact import Stream
from .person import draw_person
from .population import risk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .hospitals import Hospital
    from .person import Person

TWICE = 0.15
"""Share of patients who have two studies, four weeks apart."""
AGE_MISSING = 0.04
"""Share of patients whose age nobody entered."""
FIRST_DAY = datetime.date(2024, 1, 1)


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One study to be made.

    Attributes:
        patient: Number of the patient among all who could have come.
        number: 1, or 2 for the second study.
        person: Who it is; the age is the true one.
        age_known: Did somebody enter the age?
        ill: Whether there is a finding; what `positive` says is the label.
        severity: Of the finding, if there is one.
        portable: In bed, AP; otherwise standing, PA.
        marked: Do the lead letters lie in the picture?
        positive: The label.
        lateral: Is there a lateral picture besides?
        date: Of the study.
        split: `test`, or empty.
    """

    patient: int
    number: int
    person: Person
    age_known: bool
    ill: bool
    severity: float
    portable: bool
    marked: bool
    positive: bool
    lateral: bool
    date: datetime.date
    split: str = ""


def patients(hospital: Hospital, *, seed: int) -> Iterator[tuple[Visit, ...]]:
    """The studies of one recruited patient after the other, without end.

    Of those who could come, the ill are recruited with probability min(1, κ) and the well with min(1, 1/κ). The
    illness at a second study is drawn by p(ill | age) of those recruited, so that every study, first or second, is
    distributed as `population.joint` says.
    """
    for number in count(1):
        stream = Stream(seed, hospital.name, number)
        person = draw_person(stream.child("person"), ages=hospital.ages)
        ill = bool(stream.child("illness", 1).uniform() < risk(person.age))
        kept = hospital.case_odds if ill else 1 / hospital.case_odds
        if stream.child("recruited").uniform() >= kept:
            continue
        visits = [_visit(hospital, stream, person, patient=number, number=1, ill=ill)]
        if stream.child("returns").uniform() < TWICE:
            ill_again = bool(stream.child("illness", 2).uniform() < risk(person.age, odds=hospital.case_odds))
            visits.append(_visit(hospital, stream, person, patient=number, number=2, ill=ill_again))
        yield tuple(visits)


def take_studies(arrivals: Iterator[tuple[Visit, ...]], studies: int, *, split: str = "") -> list[Visit]:
    """The next patients' studies, exactly so many; a last patient's second study is left out where it is too many."""
    taken: list[Visit] = []
    while len(taken) < studies:
        taken += [replace(visit, split=split) for visit in next(arrivals)]
    return taken[:studies]


def _visit(hospital: Hospital, of_patient: Stream, person: Person, *, patient: int, number: int, ill: bool) -> Visit:
    """Everything about one study but its pictures."""
    stream = of_patient.child("visit", number)
    low, high = hospital.severity
    severity = float(stream.child("severity").uniform(low, high))
    share = hospital.portable.ill if ill else hospital.portable.well
    portable = bool(stream.child("portable").uniform() < share)
    marks = hospital.marker.portable if portable else hospital.marker.standing
    day = of_patient.child("day").integers(0, 330) + 28 * (number - 1)
    return Visit(
        patient=patient,
        number=number,
        person=person,
        age_known=bool(of_patient.child("age known").uniform() >= AGE_MISSING),
        ill=ill,
        severity=severity,
        portable=portable,
        marked=bool(stream.child("marker").uniform() < marks),
        positive=hospital.label_rule.positive(ill=ill, severity=severity),
        lateral=not portable and bool(stream.child("lateral").uniform() < hospital.laterals),
        date=FIRST_DAY + datetime.timedelta(days=day),
    )
