"""From an open reading and what its reader recorded to the one record that every export is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import medtransfer as mt
from apps import words
from apps.evidence import frequencies
from apps.evidence.findings import findings
from apps.evidence.seen import SEEN, seen
from apps.evidence.trained_on import outside
from apps.exports.contents import Contents, Finding, Model, Statement, Subject
from apps.exports.taking import taken
from apps.notices import noticed
from apps.studies.patients import may_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from apps.evidence.findings import Finding as Asked
    from apps.readers.reading import Reading

_MOST_VIEWS: Final = 4
_LIMITS: Final = (
    "diagnosis, triage or treatment; findings other than its classes; "
    "modalities, sites or patients it was not trained on, before it has been evaluated there."
)


def gathered(
    reading: Reading, entries: Sequence[mt.ReviewEntry], *, shown: Mapping[str, Any], at: datetime
) -> Contents:
    """The report.

    Args:
        reading: Revealed: there is a result, and this person may see it.
        entries: What was recorded of the study.
        shown: What is on display, as the viewer last said; empty where nobody looked.
        at: UTC.
    """
    unread = {one.path for one in reading.views.unread}
    instances = mt.instances_of(
        [file for file in reading.study.files if file not in unread], settings=reading.bundle.manifest.read
    )
    own = [
        entry for entry in entries if entry.bundle_sha256 == reading.bundle.sha256 and entry.who == reading.person.name
    ]
    asked = findings(reading.bundle.manifest, reading.result)
    prevalence = reading.settings.clinic.prevalence if len(asked) == 1 else None
    caution = SEEN if seen(reading) else ""
    return Contents(
        protocol=reading.settings.clinic.protocol,
        exported_by=reading.person.name,
        drawn_up=at.replace(microsecond=0),
        study=reading.study.name,
        study_sha256=reading.views.sha256,
        study_date=_date(_agreed(one.study_date for one in instances)),
        images=_images(reading),
        subject=_subject(instances, named=may_name(reading.settings)),
        model=_model(reading.bundle),
        findings=tuple(_finding(found, prevalence, caution) for found in asked),
        flags=_flags(reading),
        impressions=_last(own, "impression"),
        feedback=_last(own, "feedback"),
        picture=taken(reading, shown),
        instances=instances,
    )


def _finding(found: Asked, prevalence: float | None, caution: str) -> Finding:
    point, probability = found.point, found.probability
    return Finding(
        name=found.name,
        probability=probability,
        said=words.number(probability),
        caution=caution,
        uncalibrated=found.uncalibrated,
        threshold=None if point is None else point.threshold,
        called=None if point is None else probability >= point.threshold,
        decision="" if point is None else words.decision(point, probability),
        frequency=_frequency(found, prevalence),
        performance=() if point is None else _performance(point, probability, prevalence),
    )


def _frequency(found: Asked, prevalence: float | None) -> str:
    """`Of 100 calibration patients scored like this, 62–78 had pneumonia.`"""
    if found.scored is None:
        return "For the probability of a single study this bundle gives no interval."
    here = mt.natural_frequency(found.scored, found.probability)
    there = here if prevalence is None else mt.natural_frequency(found.scored, found.probability, prevalence=prevalence)
    known = here.estimate.value is not None and here.estimate.note
    return f"{frequencies.natural(there)}{f' Take care: {here.estimate.note}.' if known else ''}"


def _performance(point: mt.OperatingPoint, probability: float, prevalence: float | None) -> tuple[str, ...]:
    rates = (("Sensitivity", point.sensitivity), ("specificity", point.specificity))
    said = ", ".join(f"{rate} {words.value(estimate)} ({words.interval(estimate)})" for rate, estimate in rates)
    worth = (
        ()
        if prevalence is None
        else (frequencies.worth(point, mt.predictive_values_at(point, prevalence), probability),)
    )
    return (f"{said}.", words.optimism(point), *worth)


def _flags(reading: Reading) -> tuple[str, ...]:
    """What a reader should know of this very study, without the names of its files."""
    manifest, views = reading.bundle.manifest, reading.views.views
    said = [words.flag(flag, manifest.training.modalities) for flag in reading.result.flags]
    said += [noticed(note) for view in views for note in view.notes]
    return tuple(dict.fromkeys((*said, *outside(manifest, views))))


def _model(bundle: mt.Bundle) -> Model:
    manifest, training = bundle.manifest, bundle.manifest.training
    backbones = ", ".join(dict.fromkeys(member.backbone for member in manifest.members))
    modalities, sites = (", ".join(names) or "not stated" for names in (training.modalities, training.sites))
    return Model(
        name=f"{manifest.positive or ', '.join(manifest.classes)} · {backbones}",
        version=manifest.medtransfer_version,
        sha256=bundle.sha256,
        scope=(
            ("Trained on", f"{modalities} · sites: {sites}"),
            ("Not for", _LIMITS),
        ),
    )


def _subject(instances: Sequence[mt.Instance], *, named: bool) -> Subject:
    """As the files say. What points at a person, name, number and day of birth, only where the app has the key."""
    pointing = instances if named else ()
    return Subject(
        named=named,
        name=_agreed(one.patient_name for one in pointing),
        number=_agreed(one.patient_id for one in pointing),
        birth_date=_date(_agreed(one.birth_date for one in pointing)),
        sex=_agreed(one.sex for one in instances),
        deidentified=any(one.identity_removed for one in instances),
    )


def _images(reading: Reading) -> str:
    labels = [view.label or view.modality for view in reading.views.views]
    more = [f"{len(labels) - _MOST_VIEWS} more"] if len(labels) > _MOST_VIEWS else []
    lost = len(reading.views.unread)
    read = f"{lost} of them not read" if lost else "all read"
    return f"{'; '.join([*labels[:_MOST_VIEWS], *more])} · {words.files(len(reading.study.files))}, {read}"


def _last(entries: Sequence[mt.ReviewEntry], kind: str) -> tuple[Statement, ...]:
    """What the reader said last, alone: what others said of the study is theirs to report."""
    said = [entry for entry in entries if entry.kind == kind][-1:]
    return tuple(Statement(who=entry.who, at=_minute(entry.at), said=_said(entry.content)) for entry in said)


def _said(content: Mapping[str, Any]) -> tuple[str, ...]:
    opinion = mt.opinion_of(content)
    return (
        opinion.as_text(),
        "" if opinion.confidence is None else f"confidence {opinion.confidence} of 100",
        f"{opinion.agreement} with the model" if opinion.agreement in {"agree", "disagree"} else opinion.agreement,
        ", ".join(opinion.reasons),
        f"image quality {opinion.image_quality}" if opinion.image_quality else "",
        opinion.remarks,
    )


def _minute(at: str) -> str:
    """`2026-07-21 09:20 UTC` of an entry's time."""
    return f"{at[:10]} {at[11:16]} UTC"


def _agreed(texts: Any) -> str:
    """What all say, or that they differ."""
    several = sorted({text for text in texts if text})
    return "the files disagree" if len(several) > 1 else "".join(several)


def _date(day: str) -> str:
    """A DICOM date as people write it; anything else as it is."""
    digits = day.replace(".", "")
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}" if len(digits) == 8 and digits.isdecimal() else day
