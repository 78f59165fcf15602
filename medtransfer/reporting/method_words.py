"""How a bundle was made, in sentences: what model cards and checklists say of its manifest.

A sentence is empty where the manifest does not say: an older one may lack a key of today's plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from medtransfer.reporting.words import count, number

if TYPE_CHECKING:
    from medtransfer.models.bundle import Manifest

    Plan = Mapping[str, Any]

_INFINITE = frozenset({"Infinity", "inf", float("inf")})


def from_plan(plan: Plan, *keys: str) -> Any:
    """A value of the plan, or None where an older one lacks it."""
    found: Any = plan
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def question(manifest: Manifest) -> str:
    """What is asked: one of several classes, ordered ones, or several labels."""
    kinds = {"multilabel": "several findings at once", "ordinal": "one of several classes in ascending order"}
    kind = kinds.get(manifest.task, "one of several classes" if len(manifest.classes) > 2 else "one of two classes")
    positive = f"; {manifest.positive} is the positive one" if manifest.positive else ""
    return f"{kind[0].upper()}{kind[1:]}: {', '.join(manifest.classes)}{positive}."


def data_used(manifest: Manifest) -> str:
    """Studies by domain and class, where they come from, and what they were taken with."""
    record = manifest.training
    domains = "; ".join(
        f"{domain}: {', '.join(f'{n:,} {name}' for name, n in classes.items())}"
        for domain, classes in record.studies.items()
    )
    unlabelled = f"; {record.unlabelled:,} target studies took part without a label" if record.unlabelled else ""
    sites = f" Sites: {', '.join(record.sites)}." if record.sites else ""
    modalities = f" Modalities: {', '.join(record.modalities)}." if record.modalities else ""
    return f"Studies by domain and class: {domains}{unlabelled}.{sites}{modalities}"


def partition(manifest: Manifest) -> str:
    """How the target was split."""
    split = from_plan(manifest.training.plan, "split")
    if not isinstance(split, dict) or not {"validation", "test"} <= set(split):
        return ""
    return (
        f"By patient, stratified by label: validation {split['validation']:.0%}, test {split['test']:.0%} of the "
        "target where its table assigns none; calibration only where it does."
    )


def preprocessing(manifest: Manifest) -> str:
    """From scan to picture."""
    p = manifest.preprocess
    windows = ""
    if p.ct_windows is not None:
        windows = f" CT windows: {', '.join(str(one) for one in p.ct_windows)}."
    elif p.hu_window is not None:
        windows = f" CT window: centre {p.hu_window[0]:g} HU, width {p.hu_window[1]:g} HU."
    suv = f" PET: SUV {p.suv_range[0]:g} to {p.suv_range[1]:g}." if p.suv_range else ""
    planes = f"{p.slices} planes" + (f", {p.planes} of each view" if p.planes else "")
    return (
        f"Padded to a square and resampled to {p.size} × {p.size} pixels; volumes cut into {planes}.{windows}{suv} "
        f"MR scaling: {p.mr_scaling}. Irregular series: {manifest.read.on_irregular}."
    )


def architecture(manifest: Manifest) -> str:
    """Backbone, channels and pooling of every member."""
    kinds = dict.fromkeys(
        f"{m.backbone}, {count(m.in_channels, 'input channel')}, planes pooled by {m.pooling.name}"
        for m in manifest.members
    )
    return f"{'; '.join(kinds)}."


def ensemble(manifest: Manifest) -> str:
    """How many networks answer together."""
    n = len(manifest.members)
    return "One network, no ensemble." if n == 1 else f"{n} networks, whose probabilities are averaged."


def initialisation(manifest: Manifest) -> str:
    """Where the parameters started."""
    weights = from_plan(manifest.training.plan, "model", "weights")
    if weights is None:
        return ""
    return "Random parameters." if weights == "none" else f"Pretrained weights: {weights}."


def objective(manifest: Manifest) -> tuple[str, ...]:
    """J in words: sources, λ, terms, policy, averaging; one sentence each."""
    plan = manifest.training.plan
    settings = from_plan(plan, "objective")
    if not isinstance(settings, dict):
        return ()
    sources = from_plan(plan, "sources") or {}
    trade_off = settings.get("trade_off")
    said = [_trade_off(trade_off, settings, sources)]
    for name, hyperparameters in (settings.get("instances") or {}).items():
        by = settings.get("instances_by", "loss")
        said.append(f"Source studies are weighed by {name}{_settings(hyperparameters)}, through their {by}.")
    for kind, where in (("features", "features of both domains"), ("parameters", "parameters")):
        for name, hyperparameters in (settings.get(kind) or {}).items():
            said.append(f"Ω has the term {name} on {where}{_settings(hyperparameters)}.")
    if len(said) == 1:
        said.append("Ω is 0: nothing else holds the parameters.")
    policy = from_plan(plan, "policy", "name")
    if policy:
        said.append(f"Policy of what may move: {policy}{_settings(from_plan(plan, 'policy', 'settings'))}.")
    averaging = from_plan(plan, "averaging", "name")
    if averaging and averaging != "none":
        said.append(f"The bundle holds the average {averaging}{_settings(from_plan(plan, 'averaging', 'settings'))}.")
    return tuple(said)


def training(manifest: Manifest) -> str:
    """Length, optimiser and augmentation."""
    record, plan = manifest.training, manifest.training.plan
    optimiser, rate = from_plan(plan, "training", "optimiser"), from_plan(plan, "training", "learning_rate")
    batch = from_plan(plan, "training", "batch_size")
    how = f", {optimiser}, learning rate {rate:g}, batches of {batch}" if None not in {optimiser, rate, batch} else ""
    arithmetic = ", ".join(f"{name} {value}" for name, value in record.arithmetic.items())
    augment = from_plan(plan, "augment") or {}
    changes = ", ".join(f"{name} {value:g}" for name, value in augment.items() if value and not isinstance(value, bool))
    flip = (", left–right flips" if augment.get("flip") else ", no flips") if augment else ""
    return (
        f"{count(record.steps, 'step')} in {count(record.epochs, 'epoch')}{how}"
        f"{f'; {arithmetic}' if arithmetic else ''}.{f' Augmentation: {changes}{flip}.' if changes else ''}"
    )


def selection(manifest: Manifest) -> str:
    """Which epoch was kept."""
    best = manifest.training.best_epoch
    if best is None:
        return "The last epoch is kept: validation was too small to choose by."
    return f"Epoch {best + 1} is kept, which had the lowest log-loss on validation."


def imbalance(manifest: Manifest) -> str:
    """What was done about rare classes."""
    method = from_plan(manifest.training.plan, "training", "imbalance")
    if method is None:
        return ""
    return "No method against class imbalance." if method == "none" else f"Class imbalance: {method}."


def recalibration(manifest: Manifest) -> str:
    """How probabilities are recalibrated, and to which prevalence."""
    fitted = manifest.calibrator
    said = (
        "Probabilities are used as the network gives them, without recalibration."
        if fitted is None
        else f"Recalibrated by {fitted.name}, fitted on {fitted.fitted_on} "
        f"({count(fitted.studies, 'study', 'studies')})."
    )
    shares = ", ".join(f"{name} {number(share)}" for name, share in manifest.priors.items())
    return said + (f" They are calibrated to these shares: {shares}." if shares else "")


def _trade_off(trade_off: object, settings: Mapping[str, Any], sources: Mapping[str, Any]) -> str:
    if not sources:
        return "Trained on the target alone: there is no source."
    named = ", ".join(sources)
    if trade_off in _INFINITE:
        return f"λ = ∞: trained on the target alone, without the source {named}."
    if not isinstance(trade_off, int | float):
        return f"Minimises (L_S + λ·L_T + Ω)/(1 + λ); source: {named}."
    start = settings.get("trade_off_start")
    change = "" if start is None else f", rising from {start:g} over the first {settings.get('ramp', 1):.0%} of the run"
    if trade_off == 0 and start is None:
        return f"λ = 0: trained on the source {named} alone."
    return f"Minimises (L_S + λ·L_T + Ω)/(1 + λ) with λ = {trade_off:g}{change}; source: {named}."


def _settings(settings: object) -> str:
    if not isinstance(settings, dict) or not settings:
        return ""
    return f" ({', '.join(f'{name} {value}' for name, value in settings.items())})"
