"""A bundle: everything that predicting needs, in one folder, verified before any of it is parsed.

    bundle/
      bundle.json          the manifest: schema version, members, labels, preprocessing, operating point, …
      network.safetensors  the member's parameters
      SHA256SUMS           digests of both, as `sha256sum -c` reads them

The bundle's identity is the SHA-256 of `bundle.json`, which holds the SHA-256 of every part. No torch is
needed to read it, and nothing is pickled.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from pydantic import Field, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load as parse_tensors
from safetensors.numpy import save_file

from medtransfer.core.config.data import PreprocessConfig, ReadConfig
from medtransfer.core.config.models import PoolingConfig
from medtransfer.core.errors import BundleError
from medtransfer.core.evaluated.spectrum import Spectrum
from medtransfer.core.files import file_digest, write_text, written_whole
from medtransfer.core.records import Record
from medtransfer.core.results import OperatingPoint, ScoredStudies
from medtransfer.core.types import Task
from medtransfer.models.weights.sidecar import InputSpec

MANIFEST: Final = "bundle.json"
SUMS: Final = "SHA256SUMS"
SCHEMA_VERSION: Final = 5


class Member(Record):
    """One network of the bundle; an ensemble has several."""

    backbone: str
    """Name in the catalogue."""
    file: str = Field(pattern=r"^[A-Za-z0-9_]+\.safetensors$")
    """In the bundle's own folder: no path can leave it."""
    sha256: str
    input: InputSpec
    in_channels: Literal[1, 3] = 3
    grey: Literal["repeat", "neighbours"] = "repeat"
    pooling: PoolingConfig = PoolingConfig()


class Calibrator(Record):
    """A recalibration, locked in the bundle."""

    name: str
    """Entry of `decision/calibrators/`."""
    parameters: dict[str, tuple[float, ...]]
    """What it was fitted to be."""
    fitted_on: str
    """The split."""
    studies: int


class TrainingRecord(Record):
    """Where the parameters come from, so that a reader can judge where they may be used."""

    plan: dict[str, Any]
    """The whole plan, as in its TOML file."""
    epochs: int
    steps: int
    best_epoch: int | None
    arithmetic: dict[str, str]
    seconds: float
    studies: dict[str, dict[str, int]]
    """Domain (`target`, `validation`, and each source by its name) → class → studies."""
    unlabelled: int = 0
    """Target studies that took part without a label."""
    spectrum: Spectrum | None = None
    """The labelled target studies that it was trained on, by their attributes."""
    sites: tuple[str, ...]
    modalities: tuple[str, ...]
    instance_weights: dict[str, dict[str, float]] = Field(default={})
    """Source → effective sample size, its share of the studies, largest weight; where they were weighed."""
    notes: tuple[str, ...] = ()
    """What a reader should know: approximations, terms that did nothing, weights that rest on few studies."""
    patients: tuple[str, ...]
    """`patient_digest` of every patient that weights or threshold have seen, with their site and without one."""


class Manifest(Record):
    """What `bundle.json` says."""

    schema_version: Literal[5] = SCHEMA_VERSION
    medtransfer_version: str
    task: Task = "multiclass"
    classes: tuple[str, ...]
    positive: str | None
    read: ReadConfig = ReadConfig()
    """How files became scans; prediction reads as training did."""
    preprocess: PreprocessConfig
    members: tuple[Member, ...] = Field(min_length=1)
    operating_point: OperatingPoint | None
    operating_points: dict[str, OperatingPoint] = Field(default={})
    """Where there are several labels at once, and no one positive class: label → its own. A label may lack one."""
    scored: tuple[ScoredStudies, ...] = ()
    """The studies on which the calibrator was fitted, or else the point chosen, by their probability."""
    calibrator: Calibrator | None = None
    """How probabilities are recalibrated before anything is decided by them; None: not at all."""
    priors: dict[str, float] = Field(default={})
    """Share of each class, or of those who have each label, to which the probabilities are calibrated."""
    training: TrainingRecord
    notice: str = "Research use only. Not a medical device."


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A verified bundle."""

    folder: Path
    manifest: Manifest
    sha256: str

    def tensors(self, member: Member) -> dict[str, np.ndarray]:
        """A member's parameters by name; the bytes that are parsed are the bytes that were verified.

        Raises:
            BundleError: The file has changed since the bundle was opened.
        """
        path = self.folder / member.file
        content = _verified(path, member.sha256)
        try:
            return parse_tensors(content)
        except (SafetensorError, ValueError, KeyError) as error:  # a KeyError is a kind NumPy lacks
            raise BundleError(
                f"cannot be parsed: {error}", code="BadBundle", path=path, hint="Make the bundle again."
            ) from error


def write_bundle(folder: Path, manifest: Manifest, tensors: dict[str, dict[str, np.ndarray]]) -> Bundle:
    """Write a bundle; `tensors` maps each member's file to its parameters.

    The manifest is written last and names every digest, so that an interrupted write leaves no valid bundle.

    Returns:
        The bundle, read back and verified.
    """
    (folder / MANIFEST).unlink(missing_ok=True)
    members = []
    for member in manifest.members:
        with written_whole(folder / member.file) as temporary:
            save_file(tensors[member.file], temporary)
        members.append(member.model_copy(update={"sha256": file_digest(folder / member.file)}))
    complete = manifest.model_copy(update={"members": tuple(members)})
    text = complete.model_dump_json(indent=2) + "\n"
    sums = {member.file: member.sha256 for member in members} | {MANIFEST: hashlib.sha256(text.encode()).hexdigest()}
    write_text(folder / SUMS, "".join(f"{digest}  {name}\n" for name, digest in sums.items()))
    write_text(folder / MANIFEST, text)
    return read_bundle(folder)


def read_bundle(folder: str | Path) -> Bundle:
    """Open a bundle and verify every part of it.

    Raises:
        BundleError: It is absent, incomplete, altered, or of another schema version.
    """
    folder = Path(folder)
    path = folder / MANIFEST
    if not path.is_file():
        raise BundleError(
            f"no {MANIFEST} is in it",
            code="NotABundle",
            path=folder,
            hint="Give the folder `bundle` that `medtransfer fit` wrote.",
        )
    try:
        content = _verified(path, _recorded_sum(folder))
        raw = json.loads(content.decode("utf-8"))
        version = raw.get("schema_version") if isinstance(raw, dict) else None
        if version != SCHEMA_VERSION:
            raise BundleError(
                f"schema version {version!r}, this medtransfer reads {SCHEMA_VERSION}",
                code="OtherSchema",
                path=path,
                hint="Use the medtransfer version that wrote it, or fit again.",
            )
        manifest = Manifest.model_validate(raw)
    except (OSError, ValueError, ValidationError, RecursionError) as error:
        raise BundleError(
            f"cannot be read: {error}", code="BadBundle", path=path, hint="Make the bundle again."
        ) from error
    for member in manifest.members:
        _verified(folder / member.file, member.sha256)
    return Bundle(folder=folder, manifest=manifest, sha256=hashlib.sha256(content).hexdigest())


def _recorded_sum(folder: Path) -> str:
    """What SHA256SUMS says of the manifest."""
    path = folder / SUMS
    try:
        lines = [line.split("  ", 1) for line in path.read_text(encoding="ascii").splitlines()]
        return {name: digest for digest, name in lines}[MANIFEST]
    except (OSError, ValueError, KeyError) as error:
        raise BundleError(
            f"does not say what {MANIFEST} should be", code="BadBundle", path=path, hint="Copy the whole folder."
        ) from error


def _verified(path: Path, sha256: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BundleError(
            f"cannot be read: {error.strerror or error}",
            code="BadBundle",
            path=path,
            hint="Copy the whole folder.",
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise BundleError(
            f"SHA-256 is {found[:12]}…, it should be {sha256[:12]}…",
            code="Altered",
            path=path,
            hint="The file was cut short or changed: copy the bundle again, or make it again.",
        )
    return content
