"""The operating points of several labels on the page: all of them beside each other, then each as if it were alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from medtransfer.reporting.section import Section, section
from medtransfer.reporting.sections.operating_point import operating_point_section
from medtransfer.reporting.words import level, rule

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from markupsafe import Markup

    from medtransfer.core.evaluated.operating import OperatingFigures
    from medtransfer.core.results import Estimate

_SHOWN: Final = ("sensitivity", "specificity", "PPV", "NPV", "alert rate")
"""Figures beside each other; the rest stands with each label."""


@dataclass(frozen=True, kw_only=True)
class LabelPoint:
    """One label: what is shown of it in the row, and the whole below."""

    name: str
    record: OperatingFigures
    rule: str
    figures: tuple[Estimate, ...]
    whole: Markup


def operating_points_section(each: Mapping[str, OperatingFigures], labels: Sequence[str]) -> Section:
    """The part of the page.

    Args:
        each: Label → its figures; those without an operating point are not in it.
        labels: All of them, in their order.
    """
    rows = [_row(name, each[name]) for name in labels if name in each]
    levels = {level(one) for row in rows for one in row.figures if one.low is not None}
    made = section(
        "operating_points",
        "Operating points",
        rows=rows,
        without=[name for name in labels if name not in each],
        heads=[name[:1].upper() + name[1:] for name in _SHOWN],
        stated=any(row.record.stated_prevalence is not None for row in rows),
        one_rule=len({(row.rule, row.record.point.chosen_on) for row in rows}) == 1,
        common_level=levels.pop() if len(levels) == 1 else "Interval",
    )
    return replace(made, name="operating_point")  # one anchor, whatever the question


def _row(name: str, record: OperatingFigures) -> LabelPoint:
    return LabelPoint(
        name=name,
        record=record,
        rule=rule(record.point),
        figures=tuple(record.estimate(one) for one in _SHOWN),
        whole=operating_point_section(record).body,
    )
