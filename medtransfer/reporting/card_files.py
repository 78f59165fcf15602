"""A model card as files, and the check that figures on it are of that very model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from medtransfer.core.errors import PredictionsError
from medtransfer.core.files import write_text
from medtransfer.reporting.model_card import model_card, model_card_page

if TYPE_CHECKING:
    from pathlib import Path

    from medtransfer.core.evaluated.evaluation import Evaluation
    from medtransfer.models.bundle import Bundle

CARD: Final = "model_card"


def write_card(folder: Path, bundle: Bundle, evaluation: Evaluation | None = None) -> Path:
    """Write `model_card.md` and `model_card.html`; the page comes last.

    Returns:
        The path of the page.

    Raises:
        OutputError: The folder cannot be written to.
        PredictionsError: `OtherBundle`.
    """
    if evaluation is not None:
        require_its_own(evaluation, bundle)
    write_text(folder / f"{CARD}.md", model_card(bundle.manifest, bundle.sha256, evaluation))
    page = folder / f"{CARD}.html"
    write_text(page, model_card_page(bundle.manifest, bundle.sha256, evaluation))
    return page


def require_its_own(evaluation: Evaluation, bundle: Bundle) -> None:
    """Refuse an evaluation of another bundle.

    Raises:
        PredictionsError: `OtherBundle`.
    """
    found = evaluation.provenance.bundle_sha256
    if found != bundle.sha256:
        raise PredictionsError(
            f"bundle {found[:12]}… predicted what was evaluated, and this is {bundle.sha256[:12]}…",
            code="OtherBundle",
            path=bundle.folder,
            hint="Give the bundle that predicted.",
        )
