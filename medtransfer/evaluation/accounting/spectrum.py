"""The spectrum table: the evaluated cohort beside the training cohort (Table 1).

Without p-values: of two cohorts that are not drawn at random they answer no question, and with enough studies every
difference is significant.

Reference: Ransohoff, Feinstein 1978 (spectrum); Bossuyt et al. 2015 (STARD), item 20; Austin 2009.
"""

from __future__ import annotations

from collections.abc import Iterator

from medtransfer.core.evaluated.spectrum import Difference, Distribution, Spectrum, SpectrumTable
from medtransfer.core.results import Predictions
from medtransfer.data.spectrum import LABEL, spectrum_of
from medtransfer.evaluation.accounting import smd
from medtransfer.evaluation.accounting.rows import labelled_rows, read_rows

OTHERS = "\0others"
"""Stands for values that are not named; no value of a table can be this."""


def spectrum_table(predictions: Predictions) -> SpectrumTable:
    """The evaluated studies, or, where none has a label, all that were read, beside `predictions.spectrum`.

    Raises:
        PredictionsError: The table cannot be trusted (`cases.checked_table`).
    """
    rows = labelled_rows(predictions)
    rows = read_rows(predictions) if rows.empty else rows
    here = spectrum_of(rows, classes=predictions.classes, task=predictions.task)
    training = predictions.spectrum
    differences = () if training is None else tuple(compared(here, training))
    return SpectrumTable(here=here, training=training, differences=differences)


def compared(here: Spectrum, other: Spectrum) -> Iterator[Difference]:
    """The attributes of both, first those of `here`, labels last."""
    names = dict.fromkeys((*here.attributes, *other.attributes))
    for name in sorted(names, key=lambda one: one.startswith(LABEL)):
        first, second = here.attributes.get(name), other.attributes.get(name)
        if first is None or second is None:
            which = "this cohort" if first is None else "the other cohort"
            yield Difference(name=name, value=None, note=f"not recorded in {which}")
        else:
            yield _difference(name, first, second, _patients(here, first), _patients(other, second))


def tally(of: Distribution) -> dict[str, int]:
    """Counts of words, those that are not named together."""
    return dict(of.counts) | ({OTHERS: of.others} if of.others else {})


def _difference(name: str, first: Distribution, second: Distribution, n: int, m: int) -> Difference:
    if _empty(first) or _empty(second):
        return Difference(name=name, value=None, note="nothing is known in one of the two")
    if (first.mean is None) != (second.mean is None):
        return Difference(name=name, value=None, note="numbers in one of the two, words in the other", marked=True)
    if first.mean is not None:
        value, chance = smd.of_numbers(first, second), smd.by_chance(n, m)
    else:
        p, q = tally(first), tally(second)
        value = smd.of_words(p, q)
        chance = smd.by_chance(n, m, values=len({word for word, count in (*p.items(), *q.items()) if count}))
    if value is None:
        return Difference(name=name, value=None, note="no value in common, or no variation", marked=True)
    return Difference(name=name, value=value, by_chance=chance, marked=value > smd.MARK)


def _patients(spectrum: Spectrum, of: Distribution) -> int:
    """Patients of whom the attribute is known, if they are as many a study as in the whole cohort."""
    known = 1 - of.missing / spectrum.n_studies if spectrum.n_studies else 0.0
    return round(spectrum.n_patients * known)


def _empty(of: Distribution) -> bool:
    return of.mean is None and not (sum(of.counts.values()) + of.others)
