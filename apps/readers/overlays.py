"""Volumes of a study that may be laid over each other in the viewer: those that say they lie in one space.

Two volumes share a space where their affines are known and

- both are DICOM, and their first files name the same FrameOfReferenceUID (0020,0052), or
- both are NIfTI files: these name no frame, and those of one study are taken to be in the scanner's.

All else is left apart, also what only looks alike: a volume that lies wrongly over another is worse than none. Within a
frame nothing is registered, so that a patient who moved between two series does so on the screen, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import medtransfer as mt
from apps.studies.folder import VOLUMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apps.server.voxels import Ticket

OPACITY: Final = 0.5
"""With which a volume is laid over another one at first."""

NIFTI: Final = "NIfTI"
"""The frame of NIfTI files; no UID looks like it."""


def overlays(views: Sequence[mt.View], tickets: Sequence[Ticket]) -> list[list[dict[str, Any]]]:
    """For every view the others that may be laid over it, with the tickets that they are fetched by anyway."""
    frames = [frame_of(view) for view in views]
    laid = [_laid(view, ticket) for view, ticket in zip(views, tickets, strict=True)]
    return [
        [
            laid[other]
            for other, theirs in enumerate(frames)
            if own and theirs == own and other != number and views[other].key != view.key
        ]
        for number, (view, own) in enumerate(zip(views, frames, strict=True))
    ]


def frame_of(view: mt.View) -> str:
    """The name of the space that a volume lies in; empty where it has none, or does not say."""
    if view.kind != "volume" or view.affine is None or view.voxels.ndim != 3:
        return ""
    if view.path.name.lower().endswith(VOLUMES):
        return NIFTI
    return next((one.frame_of_reference_uid for one in mt.instances_of([view.path])), "")


def _laid(view: mt.View, ticket: Ticket) -> dict[str, Any]:
    """As the viewer wants an overlay: coloured over the window that the volume is first shown with."""
    geometry, window = view.geometry(), view.window
    wanted = ("key", "shape", "type", "slope", "intercept", "padding", "affine")
    return {name: geometry[name] for name in wanted} | {
        "name": view.label or view.modality,
        "url": ticket.url,
        "token": ticket.token,
        "opacity": OPACITY,
        "range": [window.centre - window.width / 2, window.centre + window.width / 2],
    }
