"""What is installed, what is missing, and what to install for it.

Examples:
    medtransfer doctor
    medtransfer doctor --json
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from medtransfer import __version__
from medtransfer.cli.common import Common, Outcome
from medtransfer.core.inert import one_line

PACKAGES = (
    "torch", "torchvision", "lightning-fabric", "numpy", "scipy", "pandas", "scikit-learn", "safetensors",
    "pydicom", "nibabel", "isal", "pylibjpeg-openjpeg", "pylibjpeg-rle", "imagecodecs", "pillow", "streamlit",
    "timm", "monai", "h5py", "pot", "optuna",
)  # fmt: skip
_ISOLATED = {
    True: "in processes of its own, with limits on memory and time",
    False: "in the program itself: on this system a hostile image can end it; open images from strangers elsewhere",
}
EXTRAS = {
    "streamlit": "pip install 'medtransfer[app]' (for `medtransfer app`)",
    "timm": "pip install 'medtransfer[timm]' (for backbones timm/NAME)",
    "monai": "pip install 'medtransfer[monai]' (for backbones that look at volumes, NAME_3d)",
    "h5py": "pip install 'medtransfer[h5]' (for weights in Keras' .h5 files)",
    "pot": "pip install 'medtransfer[ot]' (for the term optimal_transport)",
    "optuna": "pip install 'medtransfer[tune]' (for `medtransfer tune`)",
}


@dataclass(frozen=True, kw_only=True)
class Arguments(Common):
    """What `doctor` takes."""

    weights: Path | None = None
    """Look for local weight files with sidecars in this folder, too."""
    out: Path | None = None
    """Also write what is printed as doctor.json into this folder."""


def run(arguments: Arguments) -> Outcome:
    """Look around, change nothing."""
    import json

    from medtransfer.core.config.models import BACKBONES, POOLINGS
    from medtransfer.core.config.transfer import AVERAGING, FEATURES, INSTANCES, PARAMETERS, POLICIES
    from medtransfer.core.files import write_text
    from medtransfer.data.ingest import CATALOGUE as LOADERS
    from medtransfer.data.isolation.pool import isolation_available
    from medtransfer.data.loaders import dicom

    packages = {name: _version(name) for name in PACKAGES}
    facts: dict[str, Any] = {
        "medtransfer": __version__,
        "python": platform.python_version(),
        "packages": packages,
        "devices": _devices(),
        "torchvision_imports": _torchvision(),
        "syntaxes": dicom.available_syntaxes(),
        "isolated_decoding": isolation_available(),
        "weights": _weights(arguments.weights),
        "catalogues": {
            "loaders": LOADERS.names(),
            "backbones": BACKBONES.names(),
            "poolings": POOLINGS.names(),
            "instances": INSTANCES.names(),
            "features": FEATURES.names(),
            "parameters": PARAMETERS.names(),
            "policies": POLICIES.names(),
            "averaging": AVERAGING.names(),
        },
        "advice": [
            f"{name} is missing: {EXTRAS.get(name, f'pip install {name}')}" for name, v in packages.items() if not v
        ],
    }
    if arguments.out is not None:
        write_text(arguments.out / "doctor.json", json.dumps(facts, indent=2))
    return Outcome(facts=facts, text=_text(facts))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _devices() -> list[str]:
    import torch

    kinds = [f"cpu ({torch.get_num_threads()} threads)"]
    kinds += [f"cuda:{i} ({torch.cuda.get_device_name(i)})" for i in range(torch.cuda.device_count())]
    return kinds


def _torchvision() -> str:
    from medtransfer.core.torchvision_guard import import_torchvision

    try:
        return str(import_torchvision().__version__)
    except (ImportError, RuntimeError) as error:
        return f"no: {error}"


def _weights(folder: Path | None) -> list[str]:
    import torch

    from medtransfer.core.errors import WeightsError
    from medtransfer.models.weights.library import imported_file, imported_names
    from medtransfer.models.weights.sidecar import read_sidecar

    cache = Path(torch.hub.get_dir()) / "checkpoints"
    found = [f"imagenet: {path}" for path in sorted(cache.glob("*.pth"))]
    files = {name: imported_file(name) for name in imported_names()}
    files |= {str(path): path for path in (sorted(folder.glob("*.pth")) if folder else [])}
    for name, path in files.items():
        try:
            sidecar = read_sidecar(path)
            found.append(f"{name} ({one_line(sidecar.backbone)}, {one_line(sidecar.pretrained_on)})")
        except WeightsError as error:
            found.append(f"{name}: {one_line(error.message)}")
    return found


def _text(facts: dict[str, Any]) -> str:
    lines = [f"medtransfer {facts['medtransfer']}, Python {facts['python']}", "", "packages"]
    lines += [f"  {name:<20}{found or 'missing'}" for name, found in facts["packages"].items()]
    lines += ["", "devices", *(f"  {device}" for device in facts["devices"])]
    lines += ["", f"torchvision imports: {facts['torchvision_imports']}", "", "DICOM transfer syntaxes"]
    lines += [
        f"  {'yes' if how else 'no ':<4}{name}{f'  ({how})' if how else ''}" for name, how in facts["syntaxes"].items()
    ]
    lines += ["", f"decoding: {_ISOLATED[facts['isolated_decoding']]}"]
    lines += ["", "weights found", *(f"  {line}" for line in facts["weights"] or ["none"])]
    lines += [
        "",
        "catalogues",
        *(f"  {kind:<12}{', '.join(names)}" for kind, names in facts["catalogues"].items()),
    ]
    if facts["advice"]:
        lines += ["", "to install", *(f"  {line}" for line in facts["advice"])]
    return "\n".join(lines)
