"""Answers to the items of checklists: each a function of what is known, None where the tool does not know.

Items name them in their TOML files. An answer states what was derived from the evaluation or the manifest, never what
is likely.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from medtransfer.reporting import method_words
from medtransfer.reporting.checklists.known import Answer, Known
from medtransfer.reporting.words import count, estimable, figure, number, rule, slug

if TYPE_CHECKING:
    from medtransfer.core.results import Confusion, OperatingPoint
    from medtransfer.models.bundle import Manifest

Answering = Callable[[Known], Answer | None]

CARD: Final = "Model card"
ESTIMATES: Final = "All overall figures"
FLOW: Final = "Where every input ended"
POINT: Final = "Operating point"
POINTS: Final = "Operating points"
CALIBRATION: Final = "Calibration"
MADE_FROM: Final = "Made from"
WARNINGS: Final = "Warnings"

_FROM_MANIFEST: Final[dict[str, Callable[[Manifest], str]]] = {
    "architecture": method_words.architecture,
    "data_used": method_words.data_used,
    "ensemble": method_words.ensemble,
    "imbalance": method_words.imbalance,
    "initialisation": method_words.initialisation,
    "objective": lambda manifest: " ".join(method_words.objective(manifest)),
    "partition": method_words.partition,
    "preprocessing": method_words.preprocessing,
    "recalibration": method_words.recalibration,
    "selection": method_words.selection,
    "training": method_words.training,
}
"""Answers that are sentences about the manifest."""


def answer(name: str, known: Known) -> Answer | None:
    """The answer of that name.

    Raises:
        KeyError: There is none such.
    """
    if name in _FROM_MANIFEST:
        said = _FROM_MANIFEST[name](known.manifest) if known.manifest is not None else ""
        return Answer(text=said, where=CARD) if said else None
    return _FROM_EVALUATION[name](known)


def names() -> tuple[str, ...]:
    """Every answer there is."""
    return tuple(sorted({*_FROM_MANIFEST, *_FROM_EVALUATION}))


def outputs(known: Known) -> Answer:
    """What comes out, and where it is cut."""
    evaluation = known.evaluation
    said = f"A probability for each of {', '.join(evaluation.classes)}."
    cut = threshold(known)
    return Answer(text=f"{said} {cut.text}" if cut else said, where=_point(known))


def threshold(known: Known) -> Answer | None:
    """The operating point and the split it was chosen on."""
    found = known.evaluation.operating_by_finding.values()
    return Answer(text=" ".join(_cut(one.point) for one in found), where=_point(known)) if found else None


def _cut(point: OperatingPoint) -> str:
    met = "" if point.met else " No threshold reached that goal; the nearest was taken."
    return (
        f"{point.positive} is called from probability {number(point.threshold)} on, chosen beforehand on "
        f"{point.chosen_on} for {rule(point)} and locked in the bundle.{met}"
    )


def _point(known: Known) -> str:
    return POINTS if known.evaluation.task == "multilabel" else POINT


def flow(known: Known) -> Answer:
    """Where every input ended."""
    f = known.evaluation.flow
    return Answer(
        text=f"{count(f.inputs, 'input')} = {sum(f.excluded.values()):,} excluded + {sum(f.failed.values()):,} failed "
        f"+ {f.unlabelled:,} unlabelled + {f.evaluated:,} evaluated.",
        where=FLOW,
    )


def exclusions(known: Known) -> Answer | None:
    """Reasons why inputs were excluded or could not be read."""
    f = known.evaluation.flow
    reasons = [f"{name} {n:,}" for name, n in (f.excluded | f.failed).items()]
    said = (
        f"By rule or because unreadable: {', '.join(reasons)}." if reasons else "No input was excluded or unreadable."
    )
    return Answer(text=said, where=FLOW)


def missing(known: Known) -> Answer:
    """What was done about missing data."""
    f = known.evaluation.flow
    left_out = sum(f.excluded.values()) + sum(f.failed.values())
    return Answer(
        text=f"Nothing was imputed: {left_out:,} inputs without usable images and {f.unlabelled:,} without a "
        "reference standard are counted and left out.",
        where=FLOW,
    )


def sample(known: Known) -> Answer:
    """Studies, patients and events."""
    evaluation = known.evaluation
    answers = ", ".join(f"{n:,} {name}" for name, n in evaluation.flow.per_class.items()) or "; ".join(
        f"{name}: {n.present:,} with, {n.absent:,} without, {n.unknown:,} unknown"
        for name, n in evaluation.flow.per_label.items()
    )
    who = f"{count(evaluation.n_studies, 'study', 'studies')} of {count(evaluation.n_patients, 'patient')}"
    return Answer(text=f"{who}: {answers}.", where=FLOW)


def cross_table(known: Known) -> Answer | None:
    """Counts at the operating point."""
    found, several = known.evaluation.operating_by_finding, bool(known.evaluation.operating_per_label)
    said = [f"{name}: {_counts(one.confusion)}" if several else _counts(one.confusion) for name, one in found.items()]
    return Answer(text=" ".join(said), where=_point(known)) if said else None


def _counts(c: Confusion) -> str:
    return (
        f"True positive {c.true_positive:,}, false positive {c.false_positive:,}, false negative "
        f"{c.false_negative:,}, true negative {c.true_negative:,}."
    )


def performance(known: Known) -> Answer | None:
    """The headline, and the figures at the operating point, with their intervals; of several labels the first two."""
    evaluation = known.evaluation
    each = evaluation.operating_per_label
    there = [e for one in each.values() for e in one.estimates[:2]] if each else evaluation.at_operating_point
    shown = [one for one in (*evaluation.estimates[:1], *there) if estimable(one)]
    said = [f"{figure(one)}{f' ({one.of})' if one.of and each else ''}" for one in shown]
    return Answer(text="; ".join(said) + ".", where=ESTIMATES) if shown else None


def measures(known: Known) -> Answer | None:
    """What was estimated."""
    evaluation = known.evaluation
    found = dict.fromkeys(one.name for one in (*evaluation.estimates, *evaluation.at_operating_point))
    return Answer(text=f"{', '.join(found)}.", where=ESTIMATES) if found else None


def intervals(known: Known) -> Answer | None:
    """How uncertainty was expressed."""
    evaluation = known.evaluation
    with_interval = [
        one for one in (*evaluation.estimates, *evaluation.at_operating_point) if None not in {one.low, one.high}
    ]
    if not with_interval:
        return None
    levels = sorted({one.level for one in with_interval})
    methods = dict.fromkeys(one.method for one in with_interval)
    return Answer(
        text=f"{' and '.join(f'{100 * one:g} %' for one in levels)} confidence intervals with the patient as the "
        f"independent unit: {'; '.join(methods)}.",
        where=ESTIMATES,
    )


def disjoint(known: Known) -> Answer | None:
    """At which level training and evaluation are apart; without the patients of the bundle nobody can tell."""
    if known.manifest is None or not known.manifest.training.patients:
        return None
    doubts = [one for one in known.evaluation.warnings if "patient" in one.lower()]
    said = "By patient: patients that the weights or the threshold have seen are refused."
    return Answer(text=" ".join([said, *(f"But: {one}." for one in doubts)]), where=WARNINGS if doubts else MADE_FROM)


def development_size(known: Known) -> Answer | None:
    """Studies in every analysis: development and evaluation."""
    if known.manifest is None:
        return None
    development = method_words.data_used(known.manifest)
    return Answer(text=f"{development} Evaluated: {sample(known).text}", where=CARD)


def trained_spectrum(known: Known) -> Answer | None:
    """Which attributes of the training cohort are summarised."""
    spectrum = known.manifest.training.spectrum if known.manifest else None
    if spectrum is None or not spectrum.attributes:
        return None
    return Answer(
        text=f"Training cohort of {count(spectrum.n_studies, 'study', 'studies')} by {', '.join(spectrum.attributes)}.",
        where=CARD,
    )


def calibrated(known: Known) -> Answer | None:
    """Calibration figures, where there are any."""
    every = known.evaluation.calibration.estimates()
    found = [one for one in every if slug(one.name).startswith(("calibration", "classwise")) and estimable(one)]
    said = [f"{figure(one)}{f' ({one.of})' if one.of and len(known.evaluation.findings) > 1 else ''}" for one in found]
    return Answer(text="; ".join(said) + ".", where=CALIBRATION) if found else None


def software(known: Known) -> Answer:
    """Versions."""
    p = known.evaluation.provenance
    packages = ", ".join(f"{name} {version}" for name, version in p.packages.items())
    return Answer(text=f"medtransfer {p.medtransfer_version}; {packages}.", where=MADE_FROM)


def identity(known: Known) -> Answer:
    """Which model predicted, and what the figures can be made again from."""
    p = known.evaluation.provenance
    code = f", code sha256:{p.code_sha256}" if p.code_sha256 else ""
    return Answer(
        text=f"Bundle sha256:{p.bundle_sha256}, predictions sha256:{p.predictions_sha256}{code}, seed {p.seed}.",
        where=MADE_FROM,
    )


def cautions(known: Known) -> Answer | None:
    """What the evaluation itself warns of."""
    found = known.evaluation.warnings
    return Answer(text=" ".join(f"{one.rstrip('.')}." for one in found), where=WARNINGS) if found else None


def reference(known: Known) -> Answer | None:
    """How the reference standard came about."""
    if known.evaluation.readers is None:
        return None
    account = known.evaluation.readers.account
    who = count(len(account.readers), "reader")
    return Answer(
        text=f"{who}; the truth is {account.rule.words()}. Settled {account.settled:,} of {account.predictions:,}.",
        where=_readers_heading(known),
    )


def indeterminate(known: Known) -> Answer | None:
    """What became of studies without a definite reference standard."""
    if known.evaluation.readers is None:
        return None
    a = known.evaluation.readers.account
    return Answer(
        text=f"{a.uncertain:,} studies are uncertain, {a.tied:,} tied and {a.unread + a.without_truth:,} without an "
        "answer: they are counted as unlabelled. Every study that was read has a probability.",
        where=_readers_heading(known),
    )


def variability(known: Known) -> Answer | None:
    """How far the readers agree."""
    readers = known.evaluation.readers
    found = [one for asked in readers.agreement for one in asked.estimates if estimable(one)] if readers else []
    return Answer(text="; ".join(map(figure, found)) + ".", where=_readers_heading(known)) if found else None


def _readers_heading(known: Known) -> str:
    return known.sections.get("readers", "Reference standard and readers")


_FROM_EVALUATION: Final[dict[str, Answering]] = {
    one.__name__: one
    for one in (
        calibrated,
        cautions,
        cross_table,
        development_size,
        disjoint,
        exclusions,
        flow,
        identity,
        indeterminate,
        intervals,
        measures,
        missing,
        outputs,
        performance,
        reference,
        sample,
        software,
        threshold,
        trained_spectrum,
        variability,
    )
}
