"""The parts of an evaluation's page, in the order in which they are read: does it work, for whom, and on what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from medtransfer.reporting.sections.calibration import calibration_section
from medtransfer.reporting.sections.discrimination import discrimination_section
from medtransfer.reporting.sections.drift import drift_section
from medtransfer.reporting.sections.errors import errors_section
from medtransfer.reporting.sections.flow import flow_section
from medtransfer.reporting.sections.missing import missing_section
from medtransfer.reporting.sections.net_benefit import net_benefit_section
from medtransfer.reporting.sections.operating_point import operating_point_section
from medtransfer.reporting.sections.operating_points import operating_points_section
from medtransfer.reporting.sections.readers import readers_section
from medtransfer.reporting.sections.shortcuts import shortcuts_section
from medtransfer.reporting.sections.sites import sites_section
from medtransfer.reporting.sections.spectrum import spectrum_section
from medtransfer.reporting.sections.subgroups import subgroups_section

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medtransfer.core.evaluated.evaluation import Evaluation
    from medtransfer.reporting.section import Section

MOST_USEFULNESS: Final = 6
"""Findings whose decision curves are drawn; the JSON has all."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part that is not drawn yet."""

    heading: str
    draw: Callable[[], Section]


def parts(evaluation: Evaluation, *, images: str = "") -> tuple[Section, ...]:
    """Every part that the evaluation has something to say in.

    Args:
        evaluation: What was measured.
        images: Address, relative to the page, of the cohort's folder: what names studies links to their images.
    """
    return tuple(part.draw() for part in undrawn_parts(evaluation, images=images))


def undrawn_parts(evaluation: Evaluation, *, images: str = "") -> tuple[Part, ...]:
    """The same with their headings, for those who look at one after the other: drawing takes time."""
    return tuple(Part(heading=heading, draw=draw) for heading, draw in _parts(evaluation, images))


def _parts(evaluation: Evaluation, images: str) -> Iterator[tuple[str, Callable[[], Section]]]:
    one = evaluation
    if one.shortcuts:
        yield "Could it be a shortcut?", partial(shortcuts_section, one.shortcuts)
    yield "Discrimination", partial(discrimination_section, one.discrimination, operating=one.operating_by_finding)
    if one.task == "multilabel":
        yield "Operating points", partial(operating_points_section, one.operating_per_label, one.classes)
    else:
        yield "Operating point", partial(operating_point_section, one.operating)
    yield "Calibration", partial(calibration_section, one.calibration, before=one.uncalibrated)
    several = len(one.usefulness) > 1
    for index, (name, record) in enumerate(list(one.usefulness.items())[:MOST_USEFULNESS]):
        of = name if several else ""
        heading = f"Clinical usefulness: {of}" if of else "Clinical usefulness"
        yield heading, partial(net_benefit_section, record, of=of, index=index)
    if one.readers is not None:
        roc = None if several else one.findings[0].roc
        yield "Reference standard and readers", partial(readers_section, one.readers, roc=roc)
    if one.subgroups:
        yield "Subgroups", partial(subgroups_section, one.subgroups)
    if one.sites:
        yield "Sites", partial(sites_section, one.sites)
    yield "Where every input ended", partial(flow_section, one.flow, reconciliation=one.reconciliation)
    yield "Missing data", partial(missing_section, one.missing)
    yield "Who the studies are of", partial(spectrum_section, one.spectrum)
    yield "Drift", partial(drift_section, one.drift)
    if one.errors:
        yield "The most confident errors", partial(errors_section, one.errors, images=images)
