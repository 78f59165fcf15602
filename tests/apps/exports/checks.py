"""DICOM files read back by pydicom, and by the programs of dcmtk and dicom3tools."""

from __future__ import annotations

import shutil
import subprocess
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from pydicom import config, dcmread

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import FileDataset

dumps = pytest.mark.skipif(shutil.which("dsrdump") is None, reason="needs dcmtk's dsrdump")
verifies = pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="needs dicom3tools' dciodvfy")


def read(content: bytes) -> FileDataset:
    """Every element decoded, none of them against the standard."""
    dataset = dcmread(BytesIO(content))
    before = config.settings.reading_validation_mode
    config.settings.reading_validation_mode = config.RAISE
    try:
        dataset.decode()
        list(dataset.iterall())
    finally:
        config.settings.reading_validation_mode = before
    return dataset


def dumped(content: bytes, folder: Path) -> str:
    """What dsrdump shows of a structured report, its texts whole."""
    return _run(["dsrdump", "+Pl", "+Pc"], content, folder)


def errors(content: bytes, folder: Path) -> list[str]:
    """What dciodvfy calls an error, values apart: of Unicode it counts bytes, and of a name all groups together.

    `read` has pydicom judge the values.
    """
    said = _run(["dciodvfy"], content, folder, check=False).splitlines()
    values = ("Length invalid for this VR", "contains invalid data values")
    return [line for line in said if line.startswith("Error") and not any(value in line for value in values)]


def _run(program: list[str], content: bytes, folder: Path, *, check: bool = True) -> str:
    file = folder / "object.dcm"
    file.write_bytes(content)
    done = subprocess.run([*program, file], capture_output=True, check=False)
    said = done.stdout.decode("utf-8", "replace") + done.stderr.decode("utf-8", "replace")
    assert not check or done.returncode == 0, said
    return said
