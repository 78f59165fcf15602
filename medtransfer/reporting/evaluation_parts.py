"""The parts of an evaluation's page, in the order in which they are read: does it work, for whom, and on what."""

from __future__ import annotations

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


def parts(evaluation: Evaluation, *, images: str = "") -> tuple[Section, ...]:
    """Every part that the evaluation has something to say in.

    Args:
        evaluation: What was measured.
        images: Address, relative to the page, of the cohort's folder: what names studies links to their images.
    """
    return tuple(_parts(evaluation, images))


def _parts(evaluation: Evaluation, images: str) -> Iterator[Section]:
    if evaluation.shortcuts:
        yield shortcuts_section(evaluation.shortcuts)
    yield discrimination_section(evaluation.discrimination, operating=evaluation.operating_by_finding)
    if evaluation.task == "multilabel":
        yield operating_points_section(evaluation.operating_per_label, evaluation.classes)
    else:
        yield operating_point_section(evaluation.operating)
    yield calibration_section(evaluation.calibration, before=evaluation.uncalibrated)
    several = len(evaluation.usefulness) > 1
    for index, (name, record) in enumerate(list(evaluation.usefulness.items())[:MOST_USEFULNESS]):
        yield net_benefit_section(record, of=name if several else "", index=index)
    if evaluation.readers is not None:
        yield readers_section(evaluation.readers, roc=None if several else evaluation.findings[0].roc)
    if evaluation.subgroups:
        yield subgroups_section(evaluation.subgroups)
    if evaluation.sites:
        yield sites_section(evaluation.sites)
    yield flow_section(evaluation.flow, reconciliation=evaluation.reconciliation)
    yield missing_section(evaluation.missing)
    yield spectrum_section(evaluation.spectrum)
    yield drift_section(evaluation.drift)
    if evaluation.errors:
        yield errors_section(evaluation.errors, images=images)
