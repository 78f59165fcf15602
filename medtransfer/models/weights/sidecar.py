"""What a weight file expects to see: the sidecar `NAME.json` of local and imported files, and torchvision's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import Field, FiniteFloat, ValidationError, model_validator

from medtransfer.core.errors import WeightsError
from medtransfer.core.records import Record
from medtransfer.models.weights.library import located

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

InputSource = Literal["stated", "published", "assumed", "probed"]
"""Whose word an input specification is: the user's; the origin's; nobody's (ImageNet's stands in); the statistics' in
the file itself, with which `medtransfer weights probe` compared it."""

UNSAID_MODALITIES: Final = frozenset({"", "OT"})
"""What pictures without DICOM headers have for a modality: nothing can be said against them."""

_LARGEST: Final = 2**20
"""Bytes; a whole sidecar has some hundreds."""

Deviation = Annotated[FiniteFloat, Field(gt=0)]


class InputSpec(Record):
    """How a picture in [0, 1] becomes the network's input: x′ = (low + x·(high − low) − mean) / std.

    With `scaling = "foreground"` mean and std are instead those of the scan's own voxels above 0.
    """

    channels: Literal[1, 3] = 3
    size: tuple[int, int] = (224, 224)
    """Rows and columns the weights were trained at; other sizes work, and the plan says which is used."""
    range: tuple[FiniteFloat, FiniteFloat] = (0.0, 1.0)
    mean: tuple[FiniteFloat, ...] = (0.485, 0.456, 0.406)
    """One a channel."""
    std: tuple[Deviation, ...] = (0.229, 0.224, 0.225)
    """One a channel."""
    colour: Literal["RGB", "BGR"] = "RGB"
    scaling: Literal["fixed", "foreground"] = "fixed"

    @model_validator(mode="after")
    def _rising(self) -> InputSpec:
        low, high = self.range
        if low >= high:
            msg = f"range {low} … {high} does not rise"
            raise ValueError(msg)
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) != self.channels:
                msg = f"{name} has {len(values)} values for {self.channels} channels"
                raise ValueError(msg)
        return self


GREY: Final = InputSpec(channels=1, mean=(0.449,), std=(0.226,))
"""ImageNet's mean and deviation for one channel: the means over its three."""


class Sidecar(Record):
    """The JSON file that stands beside a local weight file, with the same name."""

    backbone: str
    pretrained_on: str
    layout: str = "torchvision state dict"
    """How the tensors were named where they came from."""
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    input: InputSpec
    input_source: InputSource = "stated"
    discrepancies: dict[str, float] = Field(default_factory=dict)
    """Where it was probed: how far every candidate was from the statistics of training, in nats."""
    modalities: tuple[str, ...] = ()
    """DICOM modalities that the weights were made for; empty: any."""
    licence: str = "not stated"
    """As the user states it."""
    origin: str = ""
    """Where the user had it from: an address, a paper."""
    original_sha256: str = ""
    """Of the file that was imported; empty where nothing was."""


def read_sidecar(weights: Path) -> Sidecar:
    """The sidecar of a local weight file.

    Raises:
        WeightsError: It is absent or not of the form.
    """
    path = weights.with_suffix(".json")
    if not path.is_file():
        raise WeightsError(
            "these weights have no sidecar, so nobody knows what input they expect",
            code="NoSidecar",
            path=weights,
            hint=f"Import them, medtransfer weights import {weights.name} --as NAME, or write {path.name} beside them: "
            "backbone, pretrained_on, sha256, and input (size, range, mean, std, colour).",
        )
    if (size := path.stat().st_size) > _LARGEST:
        raise WeightsError(
            f"the sidecar has {size:,} bytes",
            code="BadSidecar",
            path=path,
            hint=f"A sidecar has less than {_LARGEST:,}: is it one at all?",
        )
    try:
        return Sidecar.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        reason = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": str(error), "type": ""}
        key = ".".join(str(part) for part in reason["loc"])
        cure = "Correct that key; README.md shows a whole sidecar."
        if (key, reason["type"]) == ("input", "missing"):
            cure = f"Find out what the weights expect: medtransfer weights probe {weights.name} COHORT."
        raise WeightsError(
            f"the sidecar cannot be used: {key} {reason['msg']}", code="BadSidecar", path=path, hint=cure
        ) from error


def check_weight_file(weights: str | Path, backbone: str) -> Sidecar:
    """The sidecar of imported weights or a local file, meant for this backbone; the weights are not opened.

    Args:
        weights: The name of imported weights, or the path of a local file.
        backbone: Name in the catalogue.

    Raises:
        WeightsError: The weights or their sidecar are absent, or for another network.
    """
    path = located(weights)
    sidecar = read_sidecar(path)
    if sidecar.backbone != backbone:
        raise WeightsError(
            f"these weights are for {sidecar.backbone}, not for {backbone}",
            code="OtherBackbone",
            path=path,
            hint=f"Use --backbone {sidecar.backbone}, or other weights.",
        )
    return sidecar


def check_modalities(made_for: Iterable[str], found: Iterable[str], *, weights: str) -> None:
    """Refuse weights for scans of a kind that they were not made for.

    Args:
        made_for: DICOM modalities of the weights; empty: any.
        found: Those of the cohort's scans; an unknown one (none, or `OT`) is let through.
        weights: What the plan calls them.

    Raises:
        WeightsError: `OtherModality`, naming both.
    """
    made_for = tuple(made_for)
    others = sorted(set(found) - UNSAID_MODALITIES - set(made_for))
    if made_for and others:
        raise WeightsError(
            f"the weights were made for {', '.join(made_for)}, and the cohort has {', '.join(others)}",
            code="OtherModality",
            path=weights,
            hint="Use other weights; or, if they are known to serve these scans too, add the modality to `modalities` "
            "in their sidecar.",
        )
