"""The spectrum on the page: Table 1 beside the training cohort, and how far the two are apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medtransfer.reporting.dots import MOST_ROWS, DotRow, dot_plot
from medtransfer.reporting.figures import PlotFigure
from medtransfer.reporting.section import Section, section
from medtransfer.reporting.words import count, label, number

if TYPE_CHECKING:
    from medtransfer.core.evaluated.spectrum import Difference, Distribution, Spectrum, SpectrumTable

OTHERS = "other values"
MISSING = "missing"


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the table; `difference` stands on the first line of an attribute alone."""

    name: str
    here: str
    training: str
    head: bool = False
    difference: str = ""
    by_chance: str = ""
    note: str = ""
    marked: bool = False


def spectrum_section(record: SpectrumTable) -> Section:
    """The part of the page."""
    return section(
        "spectrum",
        "Who the studies are of",
        figures=tuple(_figures(record)),
        record=record,
        lines=tuple(_lines(record)),
        here=_size(record.here),
        training=_size(record.training) if record.training else "",
        summary=summary(record),
    )


def summary(record: SpectrumTable) -> str:
    """Which attributes differ, in a sentence."""
    if record.training is None:
        return "The predictions do not say whom the network was trained on: there is nothing to compare with."
    marked = [label(one.name) for one in record.differences if one.marked]
    if not marked:
        return "No attribute differs from the training cohort by more than 0.1 standard deviations."
    return f"Different from the training cohort: {', '.join(marked)}."


def _size(spectrum: Spectrum) -> str:
    months = {spectrum.first_month, spectrum.last_month} - {""}
    period = f", {' to '.join(sorted(months))}" if months else ""
    return f"{count(spectrum.n_studies, 'study', 'studies')}, {count(spectrum.n_patients, 'patient')}{period}"


def _lines(record: SpectrumTable) -> Iterator[Line]:
    differences = {one.name: one for one in record.differences}
    others = record.training.attributes if record.training else {}
    for name in sorted({**record.here.attributes, **others}, key=lambda one: one.startswith("label")):
        here, training = record.here.attributes.get(name), others.get(name)
        yield _head(name, differences.get(name))
        for row in dict.fromkeys((*_values(here), *_values(training))):
            yield Line(name=row, here=_cell(here, record.here, row), training=_cell(training, record.training, row))


def _head(name: str, difference: Difference | None) -> Line:
    if difference is None:
        return Line(name=label(name), here="", training="", head=True)
    return Line(
        name=label(name),
        here="",
        training="",
        head=True,
        difference="–" if difference.value is None else number(difference.value, 2),
        by_chance="" if difference.by_chance is None else f"up to {number(difference.by_chance, 2)}",
        note=difference.note,
        marked=difference.marked,
    )


_MEDIAN, _MEAN = "median [quartiles]", "mean (SD)"


def _values(of: Distribution | None) -> Iterator[str]:
    """Which lines an attribute needs."""
    if of is None:
        return
    if of.mean is not None and not of.counts:
        yield from (_MEDIAN, _MEAN)
    yield from of.counts
    if of.others:
        yield OTHERS
    if of.missing:
        yield MISSING


def _cell(of: Distribution | None, cohort: Spectrum | None, row: str) -> str:
    if of is None or cohort is None:
        return "–"
    if row == _MEDIAN:
        return "–" if not of.quantiles else f"{of.quantiles[2]:.4g} [{of.quantiles[1]:.4g}–{of.quantiles[3]:.4g}]"
    if row == _MEAN:
        spread = "–" if of.standard_deviation is None else f"{of.standard_deviation:.3g}"
        return "–" if of.mean is None else f"{of.mean:.4g} ({spread})"
    if row == MISSING:
        return _share(of.missing, cohort.n_studies)
    known = cohort.n_studies - of.missing
    if row == OTHERS and row not in of.counts:
        return _share(of.others, known)
    return _share(of.counts.get(row, 0), known) if of.counts or of.others else "–"


def _share(n: int, of: int) -> str:
    return f"{n:,} ({100 * n / of:.0f} %)" if of and n else f"{n:,}"


def _figures(record: SpectrumTable) -> Iterator[PlotFigure]:
    known = [one for one in record.differences if one.value is not None]
    known.sort(key=lambda one: (-(one.value or 0.0), one.name))
    if not known:
        return
    rows = [
        DotRow(
            name=label(one.name),
            value=one.value,
            words=number(one.value, 2),
            band=(0.0, one.by_chance) if one.by_chance is not None else None,
            marked=one.marked,
        )
        for one in known[:MOST_ROWS]
    ]
    svg = dot_plot(
        rows,
        name="spectrum",
        axis="Standardised mean difference",
        described="How far each attribute is from that of the training cohort",
        line=0.1,
    )
    apart = [label(one.name) for one in record.differences if one.value is None and one.marked]
    more = f" Without a common value, so off every scale: {', '.join(apart)}." if apart else ""
    yield PlotFigure(
        "Distance from the training cohort",
        svg,
        "Squares lie above 0.1, the dashed line. Grey: what chance gives cohorts of so many patients from one "
        f"population.{more}",
    )
