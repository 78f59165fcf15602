"""Windows with a name: their numbers, their order as channels, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from medtransfer.core.config.data import CtPreset, Preparation, PreprocessConfig
from medtransfer.core.config.toml import changed
from medtransfer.core.errors import ConfigError, ReadError
from medtransfer.data.preprocess import prepare, to_display
from medtransfer.data.scan import Identifiers, Presentation, Scan, Window
from medtransfer.data.windows import PRESETS

THREE = PreprocessConfig(size=32, ct_windows=("brain", "subdural", (400.0, 1800.0)))


def scan_of(stored: np.ndarray, *, modality: str = "CT", units: str = "HU", **how: object) -> Scan:
    return Scan(
        voxels=stored,
        kind="volume",
        affine=np.array([[0, 0, -1, 0], [0, -1, 0, 0], [2, 0, 0, 0], [0, 0, 0, 1.0]]),
        modality=modality,
        units=units,
        presentation=Presentation(**{"stored_range": (0, 4095), "intercept": -1024.0, **how}),
        identifiers=Identifiers(),
        path=Path("a"),
        attributes={},
    )


RAMP = np.arange(2 * 32 * 32, dtype=np.uint16).reshape(2, 32, 32)


def test_presets_are_fastais() -> None:
    """As (width, level), copied from fastai's documentation of `dicom_windows`."""
    fastai = {
        "brain": (80, 40), "subdural": (254, 100), "stroke": (8, 32), "lungs": (1500, -600), "mediastinum": (350, 50),
        "abdomen": (400, 50), "liver": (150, 30), "bone": (1800, 400),
    }  # fmt: skip
    assert {name: (width, level) for name, (level, width) in PRESETS.items()} == fastai
    assert set(PRESETS) == set(get_args(CtPreset))


def test_three_windows_are_three_channels_each_by_its_formula() -> None:
    planes = prepare(scan_of(RAMP, window=Window(centre=1.0, width=2.0)), THREE).planes
    assert planes.shape == (2, 3, 32, 32)
    for channel, (centre, width) in enumerate([(40, 80), (100, 254), (400, 1800)]):
        expected = np.clip((RAMP - 1024.0 - centre) / width + 0.5, 0, 1)
        np.testing.assert_allclose(planes[:, channel] / 65_535, expected, atol=1e-5)
        alone = prepare(scan_of(RAMP), PreprocessConfig(size=32, hu_window=(centre, width))).planes
        np.testing.assert_array_equal(planes[:, channel], alone[:, 0])


def test_a_reader_sees_the_first_window() -> None:
    picture = replace(scan_of(RAMP), kind="picture", voxels=RAMP[1])
    np.testing.assert_array_equal(
        to_display(picture, THREE), to_display(picture, PreprocessConfig(hu_window=PRESETS["brain"]))
    )


@pytest.mark.parametrize("modality", ["MR", "OT", "PT"])
def test_what_is_no_ct_stays_grey(modality: str) -> None:
    scan = scan_of(RAMP, modality=modality, units="")
    np.testing.assert_array_equal(prepare(scan, THREE).planes, prepare(scan, PreprocessConfig(size=32)).planes)


def test_a_ct_without_hounsfield_units_is_refused() -> None:
    with pytest.raises(ReadError) as caught:
        prepare(scan_of(RAMP, units=""), THREE)
    assert (caught.value.code, caught.value.stage) == ("RescaleMissing", "prepare")
    assert "ct_windows" in (caught.value.hint or "")


def test_mr_scaling_comes_before_the_files_own_window_and_z_can_be_had_back() -> None:
    window = Window(centre=1.0, width=2.0)
    scan = scan_of(RAMP, modality="MR", units="", window=window, intercept=0.0)
    for how, scaled in (("file", False), ("percentile", True), ("z_score", True)):
        settings = PreprocessConfig(size=32, mr_scaling=how)  # type: ignore[arg-type]
        assert (
            np.array_equal(
                prepare(scan, settings).planes, prepare(scan_of(RAMP, modality="MR", intercept=0.0), settings).planes
            )
            == scaled
        )
    z = (prepare(scan, PreprocessConfig(size=32, mr_scaling="z_score")).planes / 65_535 - 0.5) * 10
    kept = np.clip(RAMP, *np.percentile(RAMP[RAMP != 0], (0.5, 99.5)))
    inner = (kept == RAMP) & (RAMP != 0)
    np.testing.assert_allclose(
        z[:, 0][inner], ((RAMP - kept[RAMP != 0].mean()) / kept[RAMP != 0].std())[inner], atol=1e-3
    )


def test_padding_of_a_z_score_is_black() -> None:
    scan = scan_of(RAMP, modality="MR", padding=(0, 40), intercept=0.0)
    planes = prepare(scan, PreprocessConfig(size=32, mr_scaling="z_score")).planes[:, 0]
    assert (planes[RAMP <= 40] == 0).all()
    assert (planes[RAMP > 40] > 0).all()


@pytest.mark.parametrize(
    "wrong",
    ['ct_windows=["brain", "brian", "bone"]', 'ct_windows=["brain", "bone"]', "ct_windows=[[40, 0], [1, 2], [3, 4]]"],
)
def test_windows_that_are_none_are_refused_before_anything_is_read(wrong: str) -> None:
    with pytest.raises(ConfigError):
        changed(Preparation(), [f"preprocess.{wrong}"])
