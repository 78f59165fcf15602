"""What a weight file expects to see: the sidecar `NAME.json` of local files, and torchvision's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, FiniteFloat, ValidationError, model_validator

from medtransfer.core.errors import WeightsError
from medtransfer.core.records import Record

if TYPE_CHECKING:
    from pathlib import Path


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


class Sidecar(Record):
    """The JSON file that stands beside a local weight file, with the same name."""

    backbone: str
    pretrained_on: str
    layout: str = "torchvision state dict"
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    input: InputSpec
    modalities: tuple[str, ...] = ()
    """DICOM modalities that the weights were made for; empty: any."""
    licence: str = "not stated"


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
            hint=f"Write {path.name} beside them: backbone, pretrained_on, sha256, and input "
            "(size, range, mean, std, colour).",
        )
    try:
        return Sidecar.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        reason = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": str(error)}
        key = ".".join(str(part) for part in reason["loc"])
        raise WeightsError(
            f"the sidecar cannot be used: {key} {reason['msg']}",
            code="BadSidecar",
            path=path,
            hint="Correct that key; README.md shows a whole sidecar.",
        ) from error


def check_weight_file(path: Path, backbone: str) -> Sidecar:
    """The sidecar of a local weight file that is there and is meant for this backbone; the weights are not opened.

    Raises:
        WeightsError: The file or its sidecar is absent, or it is for another network.
    """
    if not path.is_file():
        raise WeightsError(
            "there is no such weight file",
            code="NotFound",
            path=path,
            hint="Give `none`, `imagenet`, or the path of a local file with its sidecar.",
        )
    sidecar = read_sidecar(path)
    if sidecar.backbone != backbone:
        raise WeightsError(
            f"these weights are for {sidecar.backbone}, not for {backbone}",
            code="OtherBackbone",
            path=path,
            hint=f"Use --backbone {sidecar.backbone}, or other weights.",
        )
    return sidecar
