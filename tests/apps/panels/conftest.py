"""Readings made by hand, and a panel alone on its page."""

from __future__ import annotations

from hashlib import sha256
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import medtransfer as mt
from medtransfer.core.evaluated.spectrum import Distribution, Spectrum
from tests.manifests import make_manifest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class MakeReading(Protocol):
    """A reading whose study got these probabilities from a bundle with this manifest."""

    def __call__(
        self,
        probabilities: Mapping[str, float],
        *,
        prevalence: float | None = None,
        uncalibrated: Mapping[str, float] | None = None,
        views: tuple[Any, ...] = (),
        files: tuple[Path, ...] = (),
        **manifest: Any,
    ) -> Any: ...


class Draw(Protocol):
    """Draws one panel."""

    def __call__(self, panel: str, reading: Any) -> AppTest: ...


def scored(of: str = "pneumonia", *, n: int = 240, each: int = 1, seed: int = 5, split: str = "calibration") -> Any:
    """Studies of which so many patients have it as their probability says."""
    generator = np.random.default_rng(seed)
    probability = np.sort(np.round(generator.beta(1.2, 1.8, n), 4))
    present = generator.random(n) < probability
    return mt.ScoredStudies(
        split=split,
        of=of,
        probabilities=tuple(probability.tolist()),
        present=tuple(present.tolist()),
        patients=tuple((np.arange(n) // each).tolist()),
    )


def operating_point(positive: str = "pneumonia", **changes: Any) -> mt.OperatingPoint:
    return mt.OperatingPoint(
        rule="sensitivity",
        goal=0.9,
        threshold=0.41,
        positive=positive,
        chosen_on="validation",
        sensitivity=mt.Estimate(name="sensitivity", value=0.9, low=0.786, high=0.957, method="Wilson", n=50),
        specificity=mt.Estimate(name="specificity", value=0.7, low=0.566, high=0.806, method="Wilson", n=54),
    ).model_copy(update=changes)


def spectrum() -> Spectrum:
    return Spectrum(
        n_studies=70,
        n_patients=61,
        first_month="2019-03",
        last_month="2021-11",
        attributes={
            "sex": Distribution(missing=2, counts={"F": 40, "M": 28}),
            "manufacturer": Distribution(missing=0, counts={"Philips": 50, "GE Medical Systems": 15}, others=5),
            "age": Distribution(missing=0, quantiles=(23.0, 40.0, 55.0, 70.0, 88.0), mean=54.0),
        },
    )


@pytest.fixture
def make_reading() -> MakeReading:
    def make(
        probabilities: Mapping[str, float],
        *,
        prevalence: float | None = None,
        uncalibrated: Mapping[str, float] | None = None,
        views: tuple[Any, ...] = (),
        files: tuple[Path, ...] = (),
        **manifest: Any,
    ) -> Any:
        fields = {"operating_point": operating_point(), "scored": (scored(),), "priors": {"pneumonia": 0.4}, **manifest}
        return SimpleNamespace(
            bundle=SimpleNamespace(manifest=make_manifest().model_copy(update=fields), sha256="3f" * 32),
            result=mt.StudyResult(
                probabilities=dict(probabilities),
                decision="",
                flags=(),
                images=(),
                uncalibrated=dict(uncalibrated or {}),
            ),
            settings=SimpleNamespace(key=None, clinic=SimpleNamespace(prevalence=prevalence)),
            study=SimpleNamespace(name="study 17", files=files, names=tuple(file.name for file in files)),
            views=SimpleNamespace(views=views, unread=(), sha256=sha256(repr(files).encode()).hexdigest()),
            revealed=True,
        )

    return make


@pytest.fixture
def draw() -> Draw:
    def start(panel: str, reading: Any) -> AppTest:
        app = AppTest.from_function(_page, args=(panel, reading), default_timeout=30)
        return app.run()

    return start


def _page(panel, reading):  # its source is run by itself, where no name of this file is known
    from importlib import import_module

    import_module(f"apps.panels.{panel}").show(reading)
