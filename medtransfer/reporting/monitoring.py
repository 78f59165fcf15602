"""What is watched of a model in use, as files: JSON for programs, one self-contained HTML page for readers."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final

from medtransfer.core.files import write_text
from medtransfer.core.inert import visible
from medtransfer.reporting.evaluation import FIGURES
from medtransfer.reporting.figure_files import write_figures
from medtransfer.reporting.page import render
from medtransfer.reporting.provenance import provenance_facts
from medtransfer.reporting.sections.drift import drift_section
from medtransfer.reporting.sections.flow import flow_section
from medtransfer.reporting.sections.missing import missing_section
from medtransfer.reporting.sections.spectrum import spectrum_section
from medtransfer.reporting.text import WIDTH
from medtransfer.reporting.words import RESEARCH_USE, count

if TYPE_CHECKING:
    from pathlib import Path

    from medtransfer.core.evaluated.monitoring import Monitoring

JSON_NAME: Final = "monitoring.json"
HTML_NAME: Final = "monitoring.html"


def write_monitoring(found: Monitoring, folder: Path) -> Path:
    """Write `monitoring.json`, `figures/` and `monitoring.html`; the page comes last.

    Returns:
        The path of the page.

    Raises:
        OutputError: The folder cannot be written to.
    """
    parts = (
        drift_section(found.drift),
        flow_section(found.flow),
        missing_section(found.missing),
        spectrum_section(found.spectrum),
    )
    sentence, _, rest = RESEARCH_USE.partition(". ")
    page = render(
        "monitoring.html.j2",
        title=found.title or "Monitoring",
        verdict=verdict(found),
        research_use=(sentence, rest),
        parts=parts,
        made_from=provenance_facts(found.provenance),
    )
    write_text(folder / JSON_NAME, found.model_dump_json(indent=2) + "\n")
    for part in parts:
        write_figures(part, folder / FIGURES)
    write_text(folder / HTML_NAME, page)
    return folder / HTML_NAME


def verdict(found: Monitoring) -> str:
    """What lies outside of its band, in one sentence."""
    inputs = count(found.flow.inputs, "study", "studies")
    against = f", held against the {found.drift.against}," if found.drift.against else ""
    if not found.outside:
        return f"Of {inputs}{against} nothing lies outside of what chance explains."
    return f"Of {inputs}{against} these lie outside of what chance explains: {'; '.join(found.outside)}."


def summary(found: Monitoring) -> str:
    """A few lines for terminals, wrapped."""
    return textwrap.fill(visible(verdict(found)), WIDTH, subsequent_indent="  ", break_on_hyphens=False)
