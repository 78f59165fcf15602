"""Whose layout is a weight file of, and what does it say: tensors under our own names, the input they expect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from medtransfer.core.catalogue import Catalogue
from medtransfer.core.errors import WeightsError
from medtransfer.models.weights.files import kind_of
from medtransfer.models.weights.keras_h5 import load_keras
from medtransfer.models.weights.layouts import radimagenet_keras
from medtransfer.models.weights.layouts._contract import Recognised
from medtransfer.models.weights.load import is_state_dict, opened, require_digest, require_plain
from medtransfer.models.weights.sidecar import Sidecar, read_sidecar

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

LAYOUTS: Final = Catalogue("medtransfer.models.weights.layouts", "recognise", "layout")
KERAS, PLAIN = "keras_h5", "plain"
"""The layout that is known by its kind of file, and the one that is asked last."""

WRAPPERS: Final = ("state_dict", "model_state_dict", "model")
"""Where training programs keep the state dict in a checkpoint."""

PREFIXES: Final = ("module.", "_orig_mod.")
"""What torch's wrappers for several devices and for compiling put before every name."""


def recognised(file: Path) -> tuple[str, Recognised]:
    """The layout of a weight file, and what it says of it; what a sidecar beside the file says goes before.

    Raises:
        WeightsError: The file is absent, damaged, or no weight file; its sidecar is no sidecar, or another file's.
    """
    if not file.is_file():
        raise WeightsError(
            "there is no such weight file", code="NotFound", path=file, hint="Give a file that is there."
        )
    layout, found = _by_layout(file)
    if beside := sidecar_beside(file):
        found = found._replace(
            backbone=found.backbone or beside.backbone,
            input=beside.input,
            source=beside.input_source,
            pretrained_on=beside.pretrained_on,
            modalities=beside.modalities,
        )
    return layout, found


def sidecar_beside(file: Path) -> Sidecar | None:
    """The file's own sidecar, if there is one.

    Raises:
        WeightsError: It is not of the form, or speaks of other bytes.
    """
    if not file.with_suffix(".json").is_file():
        return None
    sidecar = read_sidecar(file)
    require_digest(file, sidecar.sha256)
    return sidecar


def _by_layout(file: Path) -> tuple[str, Recognised]:
    if kind_of(file) == "hdf5":
        backbone, tensors = load_keras(file)
        return KERAS, Recognised(tensors, backbone, radimagenet_keras.INPUT, source="assumed")
    state = _unwrapped(opened(file), file)
    for name in (*(name for name in LAYOUTS.names() if name not in {KERAS, PLAIN}), PLAIN):
        found: Recognised | None = LAYOUTS.get(name)(state)
        if found is not None:
            return name, found
    raise _no_state_dict(file)


def _unwrapped(content: Any, file: Path) -> dict[str, Tensor]:
    """The state dict in a checkpoint, without the names of wrappers."""
    for key in WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not content or not is_state_dict(content):
        raise _no_state_dict(file)
    state: dict[str, Tensor] = dict(content)
    require_plain(state, file)
    for prefix in PREFIXES:
        if all(key.startswith(prefix) for key in state):
            state = {key.removeprefix(prefix): tensor for key, tensor in state.items()}
    return state


def _no_state_dict(file: Path) -> WeightsError:
    return WeightsError(
        "holds no state dict, neither plain nor in a checkpoint",
        code="BadWeights",
        path=file,
        hint=f"Save `module.state_dict()`, or a dictionary that has it as one of {', '.join(WRAPPERS)}.",
    )
