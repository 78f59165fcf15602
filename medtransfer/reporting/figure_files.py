"""Where the drawings of a page become files: `figures/<part>-<number>-<heading>.svg`, and `.png`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from medtransfer.core.files import write_bytes, write_text
from medtransfer.reporting.picture_files import png_file, svg_file

if TYPE_CHECKING:
    from pathlib import Path

    from medtransfer.reporting.section import Section


def write_figures(part: Section, folder: Path) -> None:
    """Write every drawing of a part twice.

    Raises:
        OutputError: The folder cannot be written to.
    """
    for number, figure in enumerate(part.figures, start=1):
        words = re.sub(r"[^a-z0-9]+", "-", figure.heading.lower())[:40].strip("-")
        stem = "-".join(filter(None, [part.name, str(number), words]))
        write_text(folder / f"{stem}.svg", svg_file(figure.svg))
        write_bytes(folder / f"{stem}.png", png_file(figure.svg))
