"""Weights of any known layout, once, into the library: safetensors under our own names, with a sidecar.

The origin's head is kept under its own names: loading leaves it out, methods that look at the source's predictions
need it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from safetensors.torch import save_file

from medtransfer.core.config.models import BACKBONES
from medtransfer.core.errors import WeightsError
from medtransfer.core.files import file_digest, write_text, written_whole
from medtransfer.models.weights.channels import with_channels_of
from medtransfer.models.weights.library import imported_file, require_name
from medtransfer.models.weights.matching import fill, fitting_backbones, other_backbone
from medtransfer.models.weights.recognition import recognised, sidecar_beside
from medtransfer.models.weights.sidecar import InputSource, InputSpec, Sidecar, read_sidecar

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from medtransfer.models.backbone import Backbone
    from medtransfer.models.weights.layouts._contract import Recognised


class Stated(NamedTuple):
    """What the user says of weights; None or empty: as far as layout or sidecar tell."""

    licence: str = ""
    origin: str = ""
    pretrained_on: str = ""
    modalities: tuple[str, ...] | None = None
    input: InputSpec | None = None


UNSTATED = Stated()


def import_weights(
    file: Path,
    *,
    name: str,
    backbone: str | None = None,
    stated: Stated = UNSTATED,
    folder: Path | None = None,
) -> Path:
    """Put a weight file into the library, once it is known to fill its backbone completely.

    Args:
        file: State dict or checkpoint of torch's, safetensors, or Keras' `.h5`.
        name: What plans will call it.
        backbone: Name in the catalogue; may be left out where the layout or a sidecar tells.
        stated: What the user says of it, over what layout and sidecar say.
        folder: The library's; default: `library_folder()`.

    Returns:
        The file that was written, NAME.safetensors, with NAME.json beside it.

    Raises:
        WeightsError: The name is taken or not possible; the file is absent, damaged, of another network or incomplete.
        CatalogueError: There is no such backbone.
    """
    require_name(name)
    layout, found = recognised(file)
    chosen = chosen_backbone(backbone, found, file)
    spec = stated.input or found.input
    network: Backbone = BACKBONES.get(chosen)(in_channels=spec.channels)
    fill(network, with_channels_of(network, found.state, spec, path=file)[0], name=chosen, path=file)
    beside = sidecar_beside(file)
    sidecar = Sidecar(
        backbone=chosen,
        pretrained_on=stated.pretrained_on or found.pretrained_on or "not stated",
        layout=layout,
        sha256="0" * 64,  # of the file that is yet to be written
        input=spec,
        input_source="stated" if stated.input else found.source,
        modalities=found.modalities if stated.modalities is None else stated.modalities,
        licence=stated.licence or (beside.licence if beside else "not stated"),
        origin=stated.origin or (beside.origin if beside else ""),
        original_sha256=file_digest(file),
    )
    return _write(imported_file(name, folder), found.state, sidecar)


def store_input(
    weights: Path, spec: InputSpec, *, source: InputSource, discrepancies: Mapping[str, float] | None = None
) -> Sidecar:
    """Correct the input specification in a weight file's sidecar; `discrepancies` are those of a probe's candidates.

    Raises:
        WeightsError: There is no sidecar, or it cannot be used.
    """
    found = {name: round(value, 6) for name, value in (discrepancies or {}).items()}
    update = {"input": spec, "input_source": source, "discrepancies": found}
    sidecar = read_sidecar(weights).model_copy(update=update)
    _write_sidecar(weights, sidecar)
    return sidecar


def chosen_backbone(backbone: str | None, found: Recognised, file: Path) -> str:
    """The backbone: as asked for, which must not contradict the layout, else the only one that fits.

    Code of the user's own, `module:function`, is run at the user's own word only: a sidecar may come from anywhere.

    Raises:
        WeightsError: `OtherBackbone`, `WhichBackbone` or `OwnCode`.
        CatalogueError: There is no such backbone.
    """
    if backbone is not None:
        BACKBONES.check_name(backbone)
        if found.backbone and _without_variant(found.backbone) != _without_variant(backbone):
            raise other_backbone(found.backbone, backbone, path=file)
        return backbone
    fitting = (found.backbone,) if found.backbone else fitting_backbones(found.state)
    if len(fitting) != 1 or not fitting[0]:
        raise WeightsError(
            f"which network is it for? {' and '.join(map(str, fitting)) or 'None of the catalogue'} would fit",
            code="WhichBackbone",
            path=file,
            hint=f"Say it with --backbone: one of {', '.join(BACKBONES.names())}.",
        )
    if ":" in fitting[0]:
        raise WeightsError(
            f"its sidecar wants '{fitting[0]}' to be imported and run",
            code="OwnCode",
            path=file,
            hint="If that is your own network, or one that you trust, say so: --backbone with that very name.",
        )
    return fitting[0]


def _without_variant(name: str) -> str:
    """A wrong variant is left to the match, which says more."""
    return name.partition("/")[0]


def _write(target: Path, state: dict[str, Tensor], sidecar: Sidecar) -> Path:
    """Tensors first, sidecar last: a name that has a sidecar is whole."""
    taken = target.with_suffix(".json").is_file()
    if taken and read_sidecar(target).model_copy(update={"sha256": sidecar.sha256}) != sidecar:
        raise WeightsError(
            f"other weights are called '{target.stem}' already",
            code="NameTaken",
            path=target,
            hint="Choose another name with --as, or remove that file and its sidecar.",
        )
    with written_whole(target) as temporary:
        save_file({key: tensor.contiguous().clone() for key, tensor in state.items()}, temporary)
        digest = file_digest(temporary)
    _write_sidecar(target, sidecar.model_copy(update={"sha256": digest}))
    return target


def _write_sidecar(weights: Path, sidecar: Sidecar) -> None:
    write_text(weights.with_suffix(".json"), sidecar.model_dump_json(indent=2) + "\n")
