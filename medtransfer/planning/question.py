"""What a target cohort is asked, whether it can be, and whether a source cohort is asked the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medtransfer.core.errors import CohortError

if TYPE_CHECKING:
    from medtransfer.data.cohort import Cohort


def require_question(cohort: Cohort) -> None:
    """Refuse a cohort that cannot answer anything.

    Raises:
        CohortError: There is one class only, or nobody says which of two is positive.
    """
    if cohort.task == "multilabel":
        return
    if len(cohort.classes) < 2:
        found = ", ".join(cohort.classes) or "no label at all"
        raise CohortError(
            f"one class only: {found}",
            code="OneClass",
            path=cohort.source,
            hint="A diagnosis needs studies with the finding and studies without it.",
        )
    if cohort.task == "multiclass" and len(cohort.classes) == 2 and cohort.positive is None:
        raise CohortError(
            f"which of {' and '.join(cohort.classes)} is the positive class?",
            code="NoPositive",
            path=cohort.source,
            hint=f"Declare it: --positive {cohort.classes[1]}.",
        )


def asks_the_same(source: Cohort, cohort: Cohort) -> bool:
    """The same labels, or the same classes, whose order is the target's to say."""
    several = {source.task == "multilabel", cohort.task == "multilabel"}
    return len(several) == 1 and set(source.classes) == set(cohort.classes)


def question_reasons(cohort: Cohort) -> dict[str, str]:
    """What the kind of question means for the bundle."""
    unthresholded = "No threshold is chosen: an operating point belongs to one positive class."
    match cohort.task:
        case "multilabel":
            several = "Each label has a probability of its own, and where it is not known it teaches nothing."
            return {"target.task": f"{several} {unthresholded}"}
        case "ordinal":
            order = " < ".join(cohort.classes)
            return {"target.task": f"The classes ascend: {order}. {unthresholded}"}
    if cohort.positive is None:
        return {}
    return {"target.positive": f"The class whose probability is reported and thresholded: {cohort.positive}."}
