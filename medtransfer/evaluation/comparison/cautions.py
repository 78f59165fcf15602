"""What a reader has to bear in mind about a comparison, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from medtransfer.core.evaluated.comparison import ComparisonFlow
from medtransfer.core.results import Predictions
from medtransfer.data.targets import absences
from medtransfer.evaluation.cautions import FEW, QUOTABLE_REPLICATES
from medtransfer.evaluation.comparison.pairing import Paired

LARGE_SHARE = 0.1
"""Where more of the studies than this are left out, they may differ from the rest."""


def comparison_cautions(paired: Paired, predictions: Sequence[Predictions], *, replicates: int) -> tuple[str, ...]:
    """On rare classes, on studies left out, on thresholds, on patients, and on the bootstrap."""
    return tuple(_cautions(paired, predictions, replicates=replicates))


def _cautions(paired: Paired, predictions: Sequence[Predictions], *, replicates: int) -> Iterator[str]:
    yield from _rare(paired, predictions[0])
    yield from _left_out(paired.flow)
    yield from _thresholds(paired.names, predictions)
    if any(one.patients_unknown for one in predictions):
        yield "Some patients are unknown: intervals may be too narrow, leakage cannot be excluded"
    for name, cases in zip(paired.names, paired.cases, strict=True):
        if cases.namesakes:
            what = "1 patient id also occurs" if cases.namesakes == 1 else f"{cases.namesakes} patient ids also occur"
            yield (
                f"{what} among the training patients of another site ({name}): if they are the same people, "
                "its figures are too good"
            )
    if replicates < QUOTABLE_REPLICATES:
        yield f"Only {replicates} bootstrap replicates: do not quote these intervals"


def _rare(paired: Paired, first: Predictions) -> Iterator[str]:
    found = paired.flow.per_class
    if first.task == "multilabel":
        without = dict(zip(found, absences(paired.cases[0].truth).tolist(), strict=True))
        rows = [(f"with {name!r}", n) for name, n in found.items()]
        rows += [(f"without {name!r}", n) for name, n in without.items()]
    else:
        rows = [(f"of class {name!r}", n) for name, n in found.items()]
    for words, n in rows:
        if n < FEW:
            yield f"Few studies {words}: {n}, fewer than {FEW}; read the differences with caution"


def _left_out(flow: ComparisonFlow) -> Iterator[str]:
    lost = flow.studies - flow.compared
    if lost > LARGE_SHARE * flow.studies:
        yield (
            f"{lost} of {flow.studies} studies are left out, as not every model could be measured on them: "
            "the rest may be easier or harder"
        )


def _thresholds(names: Sequence[str], predictions: Sequence[Predictions]) -> Iterator[str]:
    if predictions[0].positive is None:
        return
    without = [name for name, one in zip(names, predictions, strict=True) if one.operating_point is None]
    if without:
        yield f"No operating point came with {', '.join(without)}: decisions are not compared"
        return
    rules = {(point.rule, point.goal) for one in predictions if (point := one.operating_point)}
    if len(rules) > 1:
        yield (
            "The thresholds were chosen by different rules: differences in sensitivity and specificity are also those "
            "of the rules"
        )
