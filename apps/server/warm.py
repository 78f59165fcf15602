"""The network is loaded and asked once before anybody comes: its first answer takes several times as long as others."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

import medtransfer as mt
from apps.server.bundle import network
from apps.server.queue import submit
from apps.settings import current_settings

if TYPE_CHECKING:
    from apps.server.queue import Job


def warm() -> Job[None] | None:
    """Have the queue's worker load the network; None where there is no bundle that can be opened.

    Studies that are asked about meanwhile come after it in the queue, so that nobody loads it a second time.
    """
    settings = current_settings()
    if settings.bundle is None:
        return None
    try:
        bundle = mt.read_bundle(settings.bundle)
    except mt.MedTransferError:
        return None  # every screen says why
    return submit(f"warm {bundle.sha256}", lambda: _ask(bundle))


def _ask(bundle: mt.Bundle) -> None:
    with tempfile.TemporaryDirectory(prefix="medtransfer-warm-") as folder:
        picture = Path(folder) / "blank.png"
        Image.new("L", (64, 64)).save(picture)
        mt.predict_study(network(bundle), bundle, [picture])
