"""A model card: what a bundle is for, how it was made, what was measured with it, and where not to trust it.

Content first (`card_parts`), from the manifest and an evaluation alone; then the same content as Markdown or as a page.

Reference: Mitchell et al. 2019, Model cards for model reporting.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from medtransfer.core.evaluated.spectrum import QUANTILES
from medtransfer.reporting import method_words
from medtransfer.reporting.markdown import inert, table
from medtransfer.reporting.page import render
from medtransfer.reporting.provenance import provenance_facts
from medtransfer.reporting.words import (
    RESEARCH_USE,
    count,
    estimable,
    interval,
    label,
    level,
    number,
    rule,
    slug,
    verdict,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from medtransfer.core.evaluated.evaluation import Evaluation
    from medtransfer.core.evaluated.spectrum import Distribution
    from medtransfer.core.results import Estimate, OperatingPoint
    from medtransfer.models.bundle import Manifest

_UNSAID: Final = (
    "Who is meant to use it, for which patients and at which point of care: a person has to say so.",
    "It answers its question for any picture it can read: it does not know what lies outside of it.",
)
_MOST_VALUES: Final = 6


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of the card: sentences, then a table.

    Attributes:
        heading: Above it.
        sentences: One a line.
        head: Of the table.
        rows: Of the table; empty for none.
    """

    heading: str
    sentences: tuple[str, ...] = ()
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = field(default=())


def model_card(manifest: Manifest, bundle_sha256: str, evaluation: Evaluation | None = None) -> str:
    """The card as Markdown; no string of a user becomes markup."""
    blocks = [f"# {inert(_title(manifest))}\n", f"> {inert(RESEARCH_USE)}\n"]
    for part in card_parts(manifest, bundle_sha256, evaluation):
        blocks.append(f"## {inert(part.heading)}\n")
        if part.sentences:
            blocks.append("".join(f"- {inert(sentence)}\n" for sentence in part.sentences))
        if part.rows:
            blocks.append(table(part.head, part.rows))
    return "\n".join(blocks)


def model_card_page(manifest: Manifest, bundle_sha256: str, evaluation: Evaluation | None = None) -> str:
    """The card as one page that asks for nothing from anywhere."""
    sentence, _, rest = RESEARCH_USE.partition(". ")
    return render(
        "model_card.html.j2",
        title=_title(manifest),
        verdict=verdict(evaluation) if evaluation else "This bundle has not been evaluated.",
        research_use=(sentence, rest),
        parts=card_parts(manifest, bundle_sha256, evaluation),
    )


def card_parts(manifest: Manifest, bundle_sha256: str, evaluation: Evaluation | None) -> tuple[Part, ...]:
    """What the card says, in its order."""
    return (
        Part(heading="What it is for", sentences=(method_words.question(manifest), RESEARCH_USE, *_UNSAID)),
        _training_data(manifest),
        _method(manifest),
        _measured(evaluation, bundle_sha256),
        _operating_point(manifest),
        Part(heading="Calibration", sentences=tuple(_calibration(manifest, evaluation))),
        Part(heading="Limitations", sentences=tuple(_limitations(manifest, evaluation, bundle_sha256))),
        Part(heading="Made from", head=("What", "Which"), rows=tuple(_made_from(manifest, bundle_sha256, evaluation))),
    )


def _title(manifest: Manifest) -> str:
    return f"Model card: {manifest.positive or ', '.join(manifest.classes)}"


def _training_data(manifest: Manifest) -> Part:
    spectrum = manifest.training.spectrum
    sentences = [method_words.data_used(manifest)]
    if spectrum is None:
        sentences.append("How its attributes are spread was not kept.")
        return Part(heading="Training data", sentences=tuple(sentences))
    sentences.append(
        f"Spectrum of {count(spectrum.n_studies, 'labelled study', 'labelled studies')} "
        f"of {count(spectrum.n_patients, 'patient')}:"
    )
    rows = tuple((name, _spread(one), f"{one.missing:,}") for name, one in spectrum.attributes.items())
    return Part(heading="Training data", sentences=tuple(sentences), head=("Attribute", "Spread", "Missing"), rows=rows)


def _spread(one: Distribution) -> str:
    """Counts of the most frequent values, or where the numbers lie."""
    if one.counts:
        shown = list(one.counts.items())[:_MOST_VALUES]
        more = sum(one.counts.values()) + one.others - sum(n for _, n in shown)
        return ", ".join(f"{value} {n:,}" for value, n in shown) + (f", others {more:,}" if more else "")
    if not one.quantiles:
        return "–"
    mean = "" if one.mean is None else f"mean {one.mean:.4g}"
    spread = "" if one.standard_deviation is None else f" (SD {one.standard_deviation:.3g})"
    middle = one.quantiles[len(one.quantiles) // 2]
    share = f"{100 * (QUANTILES[-1] - QUANTILES[0]):.0f} % between"
    said = f"{mean}{spread}; median {middle:.4g}; {share} {one.quantiles[0]:.4g} and {one.quantiles[-1]:.4g}"
    return said.lstrip("; ")


def _method(manifest: Manifest) -> Part:
    said = (
        method_words.architecture(manifest),
        method_words.ensemble(manifest),
        method_words.initialisation(manifest),
        *method_words.objective(manifest),
        method_words.training(manifest),
        method_words.selection(manifest),
        method_words.imbalance(manifest),
        method_words.partition(manifest),
        method_words.preprocessing(manifest),
    )
    return Part(heading="Method", sentences=tuple(filter(None, said)))


def _measured(evaluation: Evaluation | None, bundle_sha256: str) -> Part:
    if evaluation is None:
        return Part(heading="What was measured", sentences=("Nothing yet: this bundle has not been evaluated.",))
    shown = (*evaluation.estimates, *evaluation.at_operating_point)
    sentences = [verdict(evaluation)]
    if evaluation.title:
        sentences.insert(0, f"Evaluated as: {evaluation.title}.")
    if evaluation.provenance.bundle_sha256 != bundle_sha256:
        sentences.insert(0, "These figures are of another bundle than this card's.")
    return Part(
        heading="What was measured",
        sentences=tuple(sentences),
        head=("Figure", "Value", "Interval", "n", "Note"),
        rows=tuple(map(_figure_row, shown)),
    )


def _figure_row(one: Estimate) -> tuple[str, ...]:
    of = f", {one.of}" if one.of else ""
    ends = f"{level(one)} {interval(one)}" if interval(one) else "–"
    return (label(one.name) + of, number(one.value), ends, f"{one.n:,}", one.note)


def _operating_point(manifest: Manifest) -> Part:
    point = manifest.operating_point
    if manifest.operating_points:
        return _operating_points(manifest)
    if point is None:
        return Part(heading="Operating point", sentences=("None was chosen: the bundle gives probabilities only.",))
    met = "" if point.met else " No threshold reached that goal; the nearest was taken."
    return Part(
        heading="Operating point",
        sentences=(
            f"{point.positive} is called from probability {number(point.threshold)} on.",
            f"Chosen on {point.chosen_on} for {rule(point)}.{met}",
            "There, and therefore optimistic:",
        ),
        head=("Figure", "Value", "Interval", "n", "Note"),
        rows=(_figure_row(point.sensitivity), _figure_row(point.specificity)),
    )


def _operating_points(manifest: Manifest) -> Part:
    points = manifest.operating_points
    without = [name for name in manifest.classes if name not in points]
    sentences = [f"{name} is called from probability {number(one.threshold)} on." for name, one in points.items()]
    for (chosen_on, said, met), names in _alike(points).items():
        unmet = "" if met else " No threshold reached that goal; the nearest was taken."
        sentences.append(f"Chosen on {chosen_on} for {said}: {', '.join(names)}.{unmet}")
    if without:
        sentences.append(f"Without an operating point, probabilities only: {', '.join(without)}.")
    rates = ((name, one) for name, point in points.items() for one in (point.sensitivity, point.specificity))
    return Part(
        heading="Operating points",
        sentences=(*sentences, "There, and therefore optimistic:"),
        head=("Figure", "Value", "Interval", "n", "Note"),
        rows=tuple(_figure_row(one.model_copy(update={"of": name})) for name, one in rates),
    )


def _alike(points: Mapping[str, OperatingPoint]) -> dict[tuple[str, str, bool], list[str]]:
    """Labels by where and how their points were chosen, and whether the goal was reached."""
    found: dict[tuple[str, str, bool], list[str]] = {}
    for name, one in points.items():
        found.setdefault((one.chosen_on, rule(one), one.met), []).append(name)
    return found


def _calibration(manifest: Manifest, evaluation: Evaluation | None) -> Iterator[str]:
    yield method_words.recalibration(manifest)
    if evaluation is None:
        yield "It has not been measured."
        return
    every = evaluation.calibration.estimates()
    found = [one for one in every if slug(one.name).startswith(("calibration", "classwise", "brier"))]
    found = [one for one in found if "bootstrap" not in one.name]
    for one in found:
        ends = f", {level(one)} {interval(one)}" if interval(one) else ""
        said = f"{number(one.value)}{ends}" if estimable(one) else f"not estimable ({one.note})"
        yield f"{label(one.name)}{f', {one.of}' if one.of and len(evaluation.findings) > 1 else ''}: {said}."
    if not found:
        yield "No figure of it was estimated."


def _limitations(manifest: Manifest, evaluation: Evaluation | None, bundle_sha256: str) -> Iterator[str]:
    yield "It has only been shown what its training data hold: other scanners, ages and hospitals may differ."
    yield from (f"Of training: {note.rstrip('.')}." for note in manifest.training.notes)
    if not manifest.training.patients:
        yield "The bundle does not know its training patients: that they are not evaluated on cannot be checked."
    if evaluation is None:
        yield "Nobody has measured how well it does."
        return
    yield from (f"Of evaluation: {warning.rstrip('.')}." for warning in evaluation.warnings)
    if evaluation.provenance.bundle_sha256 != bundle_sha256:
        yield "The evaluation is of another bundle."


def _made_from(manifest: Manifest, bundle_sha256: str, evaluation: Evaluation | None) -> Iterator[tuple[str, str]]:
    yield "This bundle", f"sha256:{bundle_sha256}"
    yield from ((f"Parameters, {member.file}", f"sha256:{member.sha256}") for member in manifest.members)
    target = method_words.from_plan(manifest.training.plan, "target", "sha256")
    if target:
        yield "Target cohort's table", f"sha256:{target}"
    for name, source in (method_words.from_plan(manifest.training.plan, "sources") or {}).items():
        if isinstance(source, dict) and source.get("sha256"):
            yield f"Source {name}'s table", f"sha256:{source['sha256']}"
    yield "Made with", f"medtransfer {manifest.medtransfer_version}"
    seed = method_words.from_plan(manifest.training.plan, "seed")
    if seed is not None:
        yield "Seed of training", str(seed)
    if evaluation is not None:
        yield from (
            (f"Evaluation: {fact.name.lower()}", fact.value) for fact in provenance_facts(evaluation.provenance)
        )
