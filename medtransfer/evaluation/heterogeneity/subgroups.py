"""Does it hold for these patients: figures of each group of an attribute, and their differences from all other studies.

A group is compared with its complement, not with the whole that it is a part of, so that the difference is between two
sets of studies. p-values are adjusted by Holm over all differences tested for one attribute; of an attribute with two
groups the second's are the first's turned round, and count once. Groups with fewer than ten patients with the finding,
or ten without it, are not estimated.

Reference: Holm 1979; Wang et al. 2007, Statistics in Medicine: reporting of subgroup analyses (NEJM 357:2189).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from medtransfer.core.evaluated.heterogeneity import Contrast, Figure, Subgroup, Subgroups
from medtransfer.core.results import Estimate, OperatingPoint
from medtransfer.core.types import Truths
from medtransfer.evaluation.comparison.multiplicity import holm
from medtransfer.evaluation.heterogeneity.differences import difference
from medtransfer.evaluation.heterogeneity.grouping import Grouping, groups_of
from medtransfer.evaluation.heterogeneity.measured import Measured, figure_names, measured, patients_of, too_few
from medtransfer.evaluation.positive import Positive
from medtransfer.evaluation.proportions import proportion


def subgroups(
    view: Positive,
    table: pd.DataFrame,
    by: Sequence[str],
    *,
    point: OperatingPoint | None = None,
    prespecified: Sequence[str] = (),
    of: str | None = None,
    level: float = 0.95,
) -> tuple[Subgroups, ...]:
    """Figures by each attribute, the pre-specified first.

    Args:
        view: The studies, as one finding against the rest.
        table: Of each study of the view, **in the view's order**, its row of the prediction table.
        by: Attributes: `site`, `date`, `split`, or a cohort's own (`grouping.groups_of`).
        point: The locked threshold of this finding; None for a finding without one.
        prespecified: Attributes that were named before the data were seen, measured whether or not they are in `by`;
            the others are exploratory.
        of: The class or label, where there are several.
        level: Of the intervals.

    Raises:
        PredictionsError: `UnknownAttribute`.
    """
    groupings = [groups_of(table, name) for name in dict.fromkeys([*prespecified, *by])]
    view = coded(view)
    return tuple(
        by_groups(view, one, point=point, prespecified=one.attribute in prespecified, of=of, level=level)
        for one in groupings
    )


def by_groups(
    view: Positive,
    grouping: Grouping,
    *,
    point: OperatingPoint | None,
    prespecified: bool,
    of: str | None,
    level: float,
) -> Subgroups:
    """Figures of a `coded` view by groups that are made already."""
    threshold = point.threshold if point else None
    masks = [grouping.codes == code for code in range(len(grouping.names))]
    merged = [0] * len(masks) if not grouping.merged else [0] * (len(masks) - 1) + [grouping.merged]
    groups = [
        _subgroup(view, inside, name=name, merged=count, threshold=threshold, level=level)
        for inside, name, count in zip(masks, grouping.names, merged, strict=True)
    ]
    groups, tests = _adjusted(groups)
    return Subgroups(
        attribute=grouping.attribute,
        of=of,
        rule=grouping.rule,
        prespecified=prespecified,
        tests=tests,
        family=_family(groups, figure_names(threshold), tests),
        everyone=_everyone(view, threshold=threshold, level=level),
        groups=tuple(groups),
    )


def coded(view: Positive) -> Positive:
    """The same studies, their patients coded from 0 on."""
    position = np.unique(view.groups, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return Positive(truth=view.truth, probability=view.probability, groups=position)


def part_of(view: Positive, inside: Truths) -> Positive:
    """Some of the studies, still in ascending order of probability."""
    return Positive(truth=view.truth[inside], probability=view.probability[inside], groups=view.groups[inside])


def _everyone(view: Positive, *, threshold: float | None, level: float) -> Subgroup:
    own, why = _measured(view, view, threshold=threshold, level=level)
    return _described(
        "all", view, figures=[Figure(estimate=one.estimate) for one in own] or _none(view, threshold, why)
    )


def _subgroup(
    view: Positive, inside: Truths, *, name: str, merged: int, threshold: float | None, level: float
) -> Subgroup:
    """One group, and how it differs from the rest; p-values as yet for themselves."""
    group, rest = part_of(view, inside), part_of(view, ~inside)
    shared = patients_of(group.groups) + patients_of(rest.groups) - patients_of(view.groups)
    own, why = _measured(group, view, threshold=threshold, level=level)
    others, why_rest = _measured(rest, view, threshold=threshold, level=level)
    if not own:
        return _described(name, group, figures=_none(group, threshold, why), merged=merged, shared=shared)
    why_rest = f"of all other studies, {why_rest}" if rest.truth.size else "there are no other studies"
    figures = [
        Figure(estimate=one.estimate, contrast=_contrast(one, other, why_rest, level=level))
        for one, other in zip(own, others or [None] * len(own), strict=True)
    ]
    return _described(name, group, figures=figures, merged=merged, shared=shared)


def _measured(
    group: Positive, view: Positive, *, threshold: float | None, level: float
) -> tuple[tuple[Measured, ...], str]:
    """Its figures, or none and why."""
    why = too_few(group)
    patients = int(view.groups.max(initial=-1)) + 1
    return (() if why else measured(group, patients=patients, threshold=threshold, level=level)), why


def _contrast(one: Measured, other: Measured | None, why: str, *, level: float) -> Contrast:
    if other is None:
        name = f"difference in {one.estimate.name}"
        return Contrast(difference=Estimate(name=name, value=None, method="none", n=one.estimate.n, note=why))
    estimate, p = difference(one, other, level=level)
    return Contrast(difference=estimate, p=p)


def _none(group: Positive, threshold: float | None, why: str) -> list[Figure]:
    n = int(group.truth.size)
    return [
        Figure(estimate=Estimate(name=name, value=None, method="none", n=n, note=why))
        for name in figure_names(threshold)
    ]


def _described(name: str, group: Positive, *, figures: Sequence[Figure], merged: int = 0, shared: int = 0) -> Subgroup:
    return Subgroup(
        name=name,
        n=int(group.truth.size),
        events=int(group.truth.sum()),
        patients=patients_of(group.groups),
        shared_patients=shared,
        merged=merged,
        prevalence=proportion("prevalence", group.truth, group.groups),
        figures=tuple(figures),
    )


def _adjusted(groups: Sequence[Subgroup]) -> tuple[list[Subgroup], int]:
    """The groups with Holm's p-values, and over how many tests."""
    tested = groups[:1] if len(groups) == 2 else groups
    p = [one.contrast.p if one.contrast else None for group in tested for one in group.figures]
    width = len(groups[0].figures) if groups else 0
    adjusted = list(holm(p))
    rows = [adjusted[start : start + width] for start in range(0, len(adjusted), width)] if width else []
    rows = rows * 2 if len(groups) == 2 else rows
    found = [
        group.model_copy(
            update={
                "figures": tuple(
                    one.model_copy(update={"contrast": one.contrast.model_copy(update={"p_holm": new})})
                    if one.contrast
                    else one
                    for one, new in zip(group.figures, row, strict=True)
                )
            }
        )
        for group, row in zip(groups, rows, strict=True)
    ]
    return found, sum(one is not None for one in p)


def _family(groups: Sequence[Subgroup], names: Sequence[str], tests: int) -> str:
    """`8 tests: AUROC, sensitivity, … of 2 groups, each against all other studies`."""
    if not tests:
        return "no difference could be tested"
    compared = sum(any(one.contrast and one.contrast.p is not None for one in group.figures) for group in groups)
    what = f"{', '.join(names)} of {compared} groups, each against all other studies"
    once = "; of two groups, one against the other" if len(groups) == 2 else ""
    return f"{tests} tests: {what}{once}"
