"""Which bundles may be averaged, and their average."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from medtransfer.core.errors import BundleError

if TYPE_CHECKING:
    from medtransfer.models.bundle import Bundle

_SHOWN = 3


def check_alike(bundles: Sequence[Bundle], *, decide: bool) -> None:
    """Refuse bundles whose average would mean nothing: they must have started alike, see alike and answer alike.

    From one start, fine-tuned networks end in one valley of the loss; from two, their average lies on a ridge between.
    Of pretrained weights a bundle knows the name. Random ones are the same where the seed is.

    Args:
        bundles: At least one.
        decide: Will an operating point be chosen? Then all must choose it by the same rule.

    Raises:
        BundleError: `Ensemble`, `RepeatedBundle`, or `NotAlike` with the first differences.

    Reference: Neyshabur, Sedghi, Zhang 2020, What is being transferred in transfer learning?, §3.
    """
    seen: dict[str, Bundle] = {}
    for bundle in bundles:
        if len(bundle.manifest.members) > 1:
            raise BundleError(
                f"an ensemble of {len(bundle.manifest.members)} networks",
                code="Ensemble",
                path=bundle.folder,
                hint="A soup is made of bundles of one network each.",
            )
        if network(bundle) in seen:
            raise BundleError(
                f"the same network as in {seen[network(bundle)].folder}",
                code="RepeatedBundle",
                path=bundle.folder,
                hint="Name every network once.",
            )
        seen[network(bundle)] = bundle
    first, *others = bundles
    expected, shapes = _character(first, decide=decide), _shapes(first)
    for bundle in others:
        found = changes(expected, _character(bundle, decide=decide)) or changes(shapes, _shapes(bundle))
        if found:
            shown = [f"{key} is {theirs!r}, not {ours!r}" for key, (ours, theirs) in found.items()]
            raise BundleError(
                f"cannot be averaged with {first.folder}: {'; '.join(shown[:_SHOWN])}",
                code="NotAlike",
                path=bundle.folder,
                hint="Fit the members from one plan, and change how they learn (training, augment, objective, policy), "
                "not what they start from, see or answer.",
            )


def changes(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What differs between two nested tables: dotted key → both values; None where one lacks it."""
    ours, theirs = _flat(one), _flat(other)
    return {key: (ours.get(key), theirs.get(key)) for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)}


def network(bundle: Bundle) -> str:
    """SHA-256 of the parameters of a bundle of one network."""
    return bundle.manifest.members[0].sha256


def without_calibrator(bundle: Bundle) -> Bundle:
    """The bundle as its network alone speaks; nobody knows then to which shares of the classes."""
    if bundle.manifest.calibrator is None:
        return bundle
    return replace(bundle, manifest=bundle.manifest.model_copy(update={"calibrator": None, "priors": {}}))


def average(bundles: Sequence[Bundle]) -> dict[str, np.ndarray]:
    """The mean of the networks' tensors, summed in 64 bits; whole numbers are those of one of them.

    The order of the bundles changes no bit, and the mean of equal numbers is that very number.
    """
    first, *others = sorted(bundles, key=network)
    tensors = first.tensors(first.manifest.members[0])
    sums = {name: x.astype(np.float64) for name, x in tensors.items() if np.issubdtype(x.dtype, np.floating)}
    for bundle in others:
        theirs = bundle.tensors(bundle.manifest.members[0])
        for name in sums:
            sums[name] += theirs[name]
    means = {name: (total / len(bundles)).astype(tensors[name].dtype) for name, total in sums.items()}
    return {**tensors, **means}


def _character(bundle: Bundle, *, decide: bool) -> dict[str, Any]:
    """All that the members of a soup share, as nested tables."""
    manifest, plan = bundle.manifest, bundle.manifest.training.plan
    start = {"model.weights": _part(plan, "model").get("weights")}
    if start["model.weights"] == "none":
        start["seed"] = plan.get("seed")
    decided = {"operating_point", "operating_points", "priors", "scored"}
    of_its_own = {"schema_version", "medtransfer_version", "members", "training", *decided}
    return {
        **manifest.as_json(exclude=of_its_own),
        **manifest.members[0].as_json(exclude={"file", "sha256"}),
        **start,
        "decision": _part(plan, "decision") if decide else {},
    }


def _part(plan: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A table of the plan; empty where the plan, which the bundle carries unchecked, has none."""
    part = plan.get(name)
    return part if isinstance(part, Mapping) else {}


def _shapes(bundle: Bundle) -> dict[str, str]:
    return {name: f"{x.dtype} {x.shape}" for name, x in bundle.tensors(bundle.manifest.members[0]).items()}


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in table.items():
        found |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {prefix + key: value}
    return found
