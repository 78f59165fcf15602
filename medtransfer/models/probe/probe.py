"""Which normalisation do these weights expect? Their own batch-norm statistics remember what they were trained on.

A few hundred images go through the network under each candidate normalisation. What then enters its first batch
normalisations is compared with the running statistics that they kept from training (`norm_statistics.py`):

    D(candidate) = mean over layers of the mean over channels of KL(N(m̂, v̂) ‖ N(μ, σ²))

Only the first layers take part: what they respond to, edges and levels of grey, is in any picture, so that their
statistics tell the scale and the shift of the input; those of deep layers tell what is on the pictures. This divergence
was compared with ten others (turned round, symmetric, Hellinger's, Wasserstein's, medians, logarithms of variances) on
radiographs and brain MR, for weights rewritten to expect five normalisations: it alone was right every time.

What it is worth. Medical pictures are not those of training, so that D is above 0 for the right candidate, too: .28 to
.35 for ImageNet's weights on chest radiographs. That part is much the same for all candidates, and a wrong scale comes
on top of it: therefore the ranking is judged, and how far the second is from the best, never D itself (unless it is
absurd). Two errors may hide each other: pictures of half the contrast look right at twice the scale. So a verdict needs
a margin, and pictures of more than one kind are better. The bootstrap knows of chance only. Of grey pictures nobody can
tell the order of colours; candidates that differ by nothing else are told as equivalent.

Reference: the statistics of batch normalisation as a fingerprint of the domain: Li, Wang, Shi, Liu, Hou 2017,
Revisiting batch normalization for practical domain adaptation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from medtransfer.core.catalogue import did_you_mean
from medtransfer.core.config.data import PreprocessConfig
from medtransfer.core.config.models import BACKBONES
from medtransfer.core.errors import CohortError, WeightsError
from medtransfer.core.types import ClassIndices, Groups
from medtransfer.data.cache import prepare_cohort
from medtransfer.data.cohort import Cohort, patients
from medtransfer.data.stored.arrays import PreparedArrays
from medtransfer.models.backbone import Backbone
from medtransfer.models.probe.candidates import CANDIDATES
from medtransfer.models.probe.ranking import look, ranked
from medtransfer.models.probe.result import ProbeResult
from medtransfer.models.weights.channels import with_channels_of
from medtransfer.models.weights.importing import chosen_backbone, store_input
from medtransfer.models.weights.layouts._contract import Recognised
from medtransfer.models.weights.library import located
from medtransfer.models.weights.matching import fill
from medtransfer.models.weights.recognition import recognised
from medtransfer.models.weights.sidecar import InputSpec, Sidecar, read_sidecar

LAYERS: Final = 10
"""How many batch normalisations are compared: measured, 5 to 12 tell candidates apart best."""

FEWEST: Final = 8
"""Images without which nothing is said."""

_BATCH: Final = 16


def probe(
    backbone: Backbone,
    pictures: Iterable[Tensor],
    candidates: Mapping[str, InputSpec] = CANDIDATES,
    *,
    groups: Groups | None = None,
    seed: int = 0,
    layers: int = LAYERS,
) -> ProbeResult:
    """Compare candidate normalisations by the batch-norm statistics that pictures produce under each of them.

    Args:
        backbone: With its weights, whose input is in question.
        pictures: Batches `case channel row column` in [0, 1], one or three channels; some hundreds of pictures in all.
        candidates: Name → normalisation, the more usual first. Those for another number of channels than the network's
            are left out, and so is scaling by foreground, which depends on each scan.
        groups: Which pictures belong together (planes of one patient), for the interval; None: none do.
        seed: Of the bootstrap.
        layers: How many batch normalisations to compare, from the input on.

    Raises:
        WeightsError: `NoStatistics`: the network has no batch normalisation that was trained; `NoCandidates`;
            `TooFewImages`.
        ConfigError: Colour pictures for a network of one channel, or of a size that it cannot look at.
    """
    fitting = {
        name: spec
        for name, spec in candidates.items()
        if spec.channels == backbone.in_channels and spec.scaling == "fixed"
    }
    if not fitting or backbone.dimensions != 2:
        raise WeightsError(
            f"no candidate is for a network of {backbone.in_channels} channels and {backbone.dimensions} dimensions",
            code="NoCandidates",
            hint="State the input in the sidecar; networks that look at volumes are not probed.",
        )
    seen = look(backbone, pictures, fitting, layers=layers)
    if (images := seen.images) < FEWEST:
        raise WeightsError(
            f"{images} images say nothing of a normalisation",
            code="TooFewImages",
            hint=f"Give {FEWEST} at the very least, better some hundreds.",
        )
    return ranked(fitting, seen, np.arange(images) if groups is None else groups, seed=seed)


def probe_file(
    path: str | Path,
    cohort: Cohort,
    *,
    backbone: str | None = None,
    images: int = 300,
    seed: int = 0,
    cache: Path,
    quiet: bool = True,
) -> ProbeResult:
    """Probe a weight file with pictures of a cohort; its test split is not looked at.

    What the file's layout or sidecar says of the input is one more candidate, `as stated`.

    Args:
        path: A weight file of any known layout, with or without a sidecar, or the name of imported weights.
        cohort: Where the pictures come from. Of volumes, slices spread over each are taken.
        backbone: Name in the catalogue; may be left out where the file can be for one only.
        images: How many pictures to look at, at most.
        seed: Of the choice of cases, and of the bootstrap.
        cache: Folder of prepared cases.
        quiet: Show no progress bars.

    Raises:
        WeightsError: The file cannot be read or does not fill the backbone, or as `probe` says.
        CohortError: `NoImages`: no case outside the test split can be read.
    """
    file = located(path)
    found = recognised(file)[1]
    network = _filled(file, found, backbone)
    drawn = _drawn(cohort, images, seed)
    side = PreprocessConfig(size=found.input.size[0])
    prepared = prepare_cohort(drawn, preprocess=side, folder=cache, quiet=quiet)
    if not len(prepared.arrays):
        raise CohortError(
            "none of the images outside the test split can be read",
            code="NoImages",
            path=cohort.source,
            hint="`medtransfer inspect` says why.",
        )
    cases, planes = _spread(prepared.arrays, images)
    batches = (
        torch.from_numpy(prepared.arrays.load(cases[start : start + _BATCH], planes[start : start + _BATCH]))
        for start in range(0, len(cases), _BATCH)
    )
    candidates = dict(CANDIDATES)
    if found.input not in CANDIDATES.values():
        candidates["as stated"] = found.input
    codes = pd.factorize(patients(prepared.table))[0]
    result = probe(network, batches, candidates, groups=codes[cases], seed=seed)
    return result.model_copy(update={"unread": len(drawn) - len(prepared.arrays)})


def store(path: str | Path, result: ProbeResult, *, choice: str = "") -> Sidecar:
    """Write the normalisation that fits into the sidecar of a weight file, or of imported weights.

    Args:
        path: The file, or the name of imported weights.
        result: What `probe_file` found.
        choice: Take this candidate, on the user's word, instead of the best.

    Raises:
        WeightsError: `CannotTell`: there is no clear answer, and none was chosen; `UnknownCandidate`; or the sidecar is
            absent or cannot be used.
    """
    file = located(path)
    if not choice and result.verdict != "clear":
        raise WeightsError(
            f"the probe does not tell: {result.sentence}",
            code="CannotTell",
            path=file,
            hint="Probe again with more images, of other kinds too, or state what is known of the weights' origin.",
        )
    known = {fit.name: fit.input for fit in result.fits}
    if (choice or result.best) not in known:
        raise WeightsError(
            f"'{choice}' is no candidate.{did_you_mean(choice, known)}",
            code="UnknownCandidate",
            path=file,
            hint=f"Candidates were: {', '.join(known)}.",
        )
    size = read_sidecar(file).input.size
    spec = known[choice or result.best].model_copy(update={"size": size})
    distances = {fit.name: fit.discrepancy.value for fit in result.fits if fit.discrepancy.value is not None}
    return store_input(file, spec, source="stated" if choice else "probed", discrepancies=distances)


def _filled(file: Path, found: Recognised, backbone: str | None) -> Backbone:
    """The network with the file's weights; its name as asked for, as the layout tells, or the only one that fits."""
    name = chosen_backbone(backbone, found, file)
    network: Backbone = BACKBONES.get(name)(in_channels=found.input.channels)
    state, _ = with_channels_of(network, found.state, found.input, path=file)
    fill(network, state, name=name, path=file)
    return network


def _drawn(cohort: Cohort, images: int, seed: int) -> Cohort:
    """At most so many rows at random, none of them of the test split."""
    table = cohort.table[cohort.table["split"] != "test"]
    chosen = np.random.default_rng(seed).permutation(len(table))[:images]
    return cohort.with_rows(table.iloc[np.sort(chosen)])


def _spread(arrays: PreparedArrays, images: int) -> tuple[ClassIndices, ClassIndices]:
    """Cases and planes: as many of each case as so many images allow, evenly over its planes."""
    each = max(1, images // len(arrays))
    found = [
        (case, plane)
        for case in range(len(arrays))
        for plane in np.unique(np.linspace(0, arrays.planes(case) - 1, each + 2)[1:-1].round().astype(int))
    ]
    cases, planes = np.array(found).T
    return cases, planes
