"""Pretrained weights: import them once, list them, find out what input they expect, fetch them.

Imported weights lie in $MEDTRANSFER_WEIGHTS, else in ~/.local/share/medtransfer/weights; a plan calls them by name.
Nothing is fetched without --download.

Examples:
    medtransfer weights import ResNet50.pt --as radimagenet --licence MIT --origin https://github.com/BMEII-AI/RadImageNet
    medtransfer weights import mine.pth --as mine --backbone resnet18 --set mean=[0.5,0.5,0.5] --set std=[0.5,0.5,0.5]
    medtransfer weights probe ResNet50.pt hospital/cohort.csv
    medtransfer weights probe radimagenet hospital/cohort.csv --store
    medtransfer weights list
    medtransfer weights fetch resnet50 --download
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import (
    CascadeSubcommandArgs,
    OmitSubcommandPrefixes,
    Positional,
    UseAppendAction,
    arg,
    configure,
    subcommand,
)

from medtransfer.cli.common import Common, Outcome
from medtransfer.core.inert import one_line

if TYPE_CHECKING:
    from medtransfer.models.weights.sidecar import Sidecar


@dataclass(frozen=True, kw_only=True)
class Import:
    """Put a weight file into the library, once it is known to fill its network completely."""

    file: Positional[Path]
    """State dict or checkpoint of torch's, safetensors, or Keras' .h5."""
    name: Annotated[str, arg(name="as", metavar="NAME")]
    """What plans will call the weights."""
    backbone: str | None = None
    """Network: see `medtransfer doctor`; may be left out where the file can be for one only."""
    licence: str = ""
    """As its origin states it."""
    origin: str = ""
    """Where the file came from: an address, a paper."""
    pretrained_on: str = ""
    """The data that the weights were trained on."""
    modality: UseAppendAction[Annotated[tuple[str, ...], arg(metavar="CODE")]] = ()
    """DICOM modality that they were made for, such as DX; may be given several times."""
    set: UseAppendAction[Annotated[tuple[str, ...], arg(metavar="KEY=VALUE")]] = ()
    """Key of the input specification: channels, size, range, mean, std, colour, scaling; may be given several times."""


@dataclass(frozen=True, kw_only=True)
class Probe:
    """Compare the statistics that a cohort's images produce in the network with those stored in its weights."""

    weights: Positional[str]
    """Weight file, or the name of imported weights."""
    cohort: Positional[Path]
    """Cohort whose images are shown to the network."""
    backbone: str | None = None
    """Network; may be left out where the file can be for one only."""
    images: int = 300
    """How many images are shown at most."""
    store: bool = False
    """Write the answer into the sidecar of the weights."""


@dataclass(frozen=True, kw_only=True)
class List:
    """Say which weights were imported."""


@dataclass(frozen=True, kw_only=True)
class Fetch:
    """Fetch a weight file: verified by its digest, and resumed where it was cut off."""

    what: Positional[str]
    """A network, for torchvision's ImageNet weights; or an https address."""
    sha256: str = ""
    """Of the file at an address, as its origin states it."""
    download: bool = False
    """Allow it: without this nothing is fetched."""


@configure(OmitSubcommandPrefixes, CascadeSubcommandArgs)
@dataclass(frozen=True, kw_only=True)
class Arguments(Common):
    """What `weights` takes."""

    action: (
        Annotated[Import, subcommand("import")]
        | Annotated[Probe, subcommand("probe")]
        | Annotated[List, subcommand("list")]
        | Annotated[Fetch, subcommand("fetch")]
    )
    """What to do."""
    out: Path | None = None
    """Another folder: of the library for import and list, of the file for fetch, for a probe.json."""


def run(arguments: Arguments) -> Outcome:
    """Do what was asked for."""
    match arguments.action:
        case Import() as action:
            return _import(action, arguments.out)
        case Probe() as action:
            return _probe(action, arguments)
        case List():
            return _list(arguments.out)
        case Fetch() as action:
            return _fetch(action, arguments.out or Path())


def _import(action: Import, folder: Path | None) -> Outcome:
    from medtransfer.core.config.toml import changed
    from medtransfer.models.weights.importing import Stated, import_weights
    from medtransfer.models.weights.recognition import recognised
    from medtransfer.models.weights.sidecar import read_sidecar

    spec = changed(recognised(action.file)[1].input, action.set) if action.set else None
    stated = Stated(
        licence=action.licence,
        origin=action.origin,
        pretrained_on=action.pretrained_on,
        modalities=action.modality or None,
        input=spec,
    )
    file = import_weights(action.file, name=action.name, backbone=action.backbone, stated=stated, folder=folder)
    sidecar = read_sidecar(file)
    notes = []
    if sidecar.licence == "not stated":
        notes.append("licence: not stated; whether the weights may be used is for you to find out")
    if sidecar.input_source == "assumed":
        notes.append(f"input: assumed; find out with medtransfer weights probe {action.name} COHORT --store")
    return Outcome(
        facts={"name": action.name, "file": str(file), "sidecar": sidecar.as_json()},
        text="\n".join(
            (
                _line(action.name, sidecar),
                *notes,
                f"written to {file}",
                f"next: medtransfer plan COHORT --backbone {one_line(sidecar.backbone)} --weights {action.name}",
            )
        ),
    )


def _list(folder: Path | None) -> Outcome:
    from medtransfer.core.errors import WeightsError
    from medtransfer.models.weights.library import imported_file, imported_names, library_folder
    from medtransfer.models.weights.sidecar import read_sidecar

    found, lines = [], []
    for name in imported_names(folder):
        try:
            sidecar = read_sidecar(imported_file(name, folder))
        except WeightsError as error:
            found.append({"name": name, "error": error.facts()})
            lines.append(f"{name}: {one_line(error.message)}")
        else:
            found.append({"name": name, **sidecar.as_json()})
            lines.append(_line(name, sidecar))
    place = folder or library_folder()
    return Outcome(
        facts={"folder": str(place), "weights": found},
        text="\n".join((*(lines or ["no weights were imported yet"]), f"in {place}")),
    )


def _probe(action: Probe, arguments: Arguments) -> Outcome:
    import json

    from medtransfer.core.files import write_text
    from medtransfer.models.weights.library import located

    file = located(action.weights)  # before anything heavy is loaded
    from medtransfer.pipeline.story import probe_weights

    found = probe_weights(
        file,
        action.cohort,
        backbone=action.backbone,
        images=action.images,
        store=action.store,
        quiet=arguments.quiet or arguments.json,
    )
    facts = found.as_json()
    if arguments.out is not None:
        write_text(arguments.out / "probe.json", json.dumps(facts, indent=2))
    return Outcome(facts=facts, text=found.text)


def _fetch(action: Fetch, folder: Path) -> Outcome:
    from medtransfer.core.files import file_digest
    from medtransfer.models.weights.load import imagenet_file

    is_address = "/" in action.what
    file = _fetched(action, folder) if is_address else imagenet_file(action.what, download=action.download)
    digest = file_digest(file)
    return Outcome(
        facts={"file": str(file), "sha256": digest, "bytes": file.stat().st_size},
        text=f"{file}\nSHA-256 {digest}, {file.stat().st_size / 2**20:.1f} MiB",
    )


def _fetched(action: Fetch, folder: Path) -> Path:
    from urllib.parse import unquote, urlsplit

    from medtransfer.core.errors import WeightsError
    from medtransfer.models.weights.download import fetch

    name = Path(unquote(urlsplit(action.what).path)).name
    if len(action.sha256) != 64 or not name:
        raise WeightsError(
            "an address needs the SHA-256 of what lies there, and to end in a file's name",
            code="NoDigest",
            path=action.what,
            hint="Give --sha256 with the 64 digits that the origin states.",
        )
    if not action.download:
        raise WeightsError(
            "downloading was not asked for", code="NotDownloaded", path=action.what, hint="Allow it: --download."
        )
    return fetch(action.what, folder / name, sha256=action.sha256)


def _line(name: str, sidecar: Sidecar) -> str:
    kinds = ", ".join(sidecar.modalities) or "any modality"
    said = f"{one_line(sidecar.backbone)}, trained on {one_line(sidecar.pretrained_on)}; for {one_line(kinds)}"
    return f"{name}: {said}; input {sidecar.input_source}; licence {one_line(sidecar.licence)}"
