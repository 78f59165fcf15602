"""What does a source hospital do for Hillcrest? Seeds × sources, beside a channelised Hotelling observer.

Every seed has hospitals of its own: patients, labels, locked test, initial weights and order of training. The sources:

    none        the 60 labelled studies of Hillcrest alone
    riverside   with its shortcut, by the plan's defaults
    help, neutral, harm     as sample_data/two_hospitals/shift.py defined them before anything was trained

The observer is told where to look, the networks are not. It is trained on Hillcrest's 60 labelled studies, and on 400
further ones that no network sees. Measured on the locked test studies only. Nets: ResNet-18 from a random start and,
where MEDTRANSFER_DATA holds the weights, MobileNetV2 from ImageNet, both with the settings of `medtransfer demo`.

    python benchmarks/sample_hospitals.py --seeds 5

Rows are kept as they come, so that an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

import medtransfer as mt
from medtransfer.cli.demo import PRETRAINED, RANDOM_START
from medtransfer.core.files import write_text
from medtransfer.core.places import bundled

SOURCES = ("none", "riverside", "help", "neutral", "harm")
WEIGHTS = "weights/mobilenet_v2_imagenet.pth"
Rows = dict[str, dict[str, Any]]


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--seeds", type=int, default=5)
    words.add_argument("--sources", nargs="+", choices=SOURCES, default=SOURCES)
    words.add_argument("--only-observer", action="store_true", help="train no network")
    words.add_argument("--observer-studies", type=int, default=400, help="further ones that the observer learns from")
    words.add_argument("--labelled", type=int, default=60, help="studies of the target outside the locked test")
    words.add_argument("--test", type=int, default=80, help="studies in it")
    words.add_argument("--patients", type=int, default=0, help="of each source; 0: 160 of riverside, 320 of others")
    words.add_argument("--set", nargs="*", default=(), metavar="KEY=VALUE", help="further changes of every plan")
    words.add_argument("--out", type=Path, default=Path("runs/sample_hospitals"))
    words.add_argument("--results", type=Path, default=Path("benchmarks/results"))
    arguments = words.parse_args()
    sys.path.insert(0, str(bundled("sample_data")))
    arguments.results.mkdir(parents=True, exist_ok=True)
    kept = arguments.results / "sample_hospitals.json"
    rows: Rows = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    for seed in range(arguments.seeds):
        hospitals = arguments.out / f"hospitals-{seed}"
        for name, measure in _measurements(arguments, hospitals, seed).items():
            if name not in rows:
                rows[name] = measure()
                write_text(kept, json.dumps(rows, indent=1) + "\n")
                print(f"{name:<40} AUROC {rows[name]['auroc']:.3f}", flush=True)
        shutil.rmtree(hospitals, ignore_errors=True)
    table = summary(rows)
    write_text(kept.with_suffix(".md"), table)
    print(f"\n{table}\n{platform.processor() or platform.machine()}, {os.cpu_count()} cores")
    return 0


def _measurements(arguments: argparse.Namespace, hospitals: Path, seed: int) -> dict[str, Any]:
    """What is to be measured with one seed, by `who | source | seed`."""
    found: dict[str, Any] = {
        f"observer | {studies} | {seed}": lambda studies=studies: _observe(arguments, hospitals, seed, studies)
        for studies in (arguments.labelled, arguments.observer_studies)
    }
    if not arguments.only_observer:
        for net in _nets():
            for source in arguments.sources:
                found[f"{net[0]} | {source} | {seed}"] = lambda net=net, source=source: _fit(
                    arguments, hospitals, seed, net, source
                )
    return found


def _nets() -> list[tuple[str, str, tuple[str, ...]]]:
    """Backbone, weights and settings."""
    nets: list[tuple[str, str, tuple[str, ...]]] = [("resnet18", "none", RANDOM_START)]
    data = os.environ.get("MEDTRANSFER_DATA")
    if data and (Path(data) / WEIGHTS).exists():
        nets.append(("mobilenet_v2", str(Path(data) / WEIGHTS), PRETRAINED))
    return nets


def _made(arguments: argparse.Namespace, hospitals: Path, seed: int, name: str) -> Path:
    """The folder of a hospital, generated when it is asked for the first time."""
    folder = hospitals / name
    if not folder.exists():
        generator = importlib.import_module("generate")
        if name in {"riverside", "hillcrest"}:
            generator.generate(
                hospitals,
                seed=seed,
                source_patients=arguments.patients or 160,
                target_labelled=arguments.labelled,
                target_test=arguments.test,
                volumes=0,
            )
        else:
            shift = importlib.import_module("two_hospitals.shift")
            patients = arguments.patients or shift.VARIANT_PATIENTS
            generator.generate_site(hospitals, name, seed=seed, patients=patients)
    return folder


def _observe(arguments: argparse.Namespace, hospitals: Path, seed: int, studies: int) -> dict[str, Any]:
    """The observer, trained on the target's labelled studies or on so many others."""
    observer = importlib.import_module("two_hospitals.observer")
    target = _made(arguments, hospitals, seed, "hillcrest")
    if studies == arguments.labelled:
        learnt = observer.look(target, split="")
    else:
        more = hospitals / f"observer-{studies}"
        generator = importlib.import_module("generate")
        other_seed = 1_000_000 + seed  # other patients of the same hospital
        generator.generate_site(more, "hillcrest", seed=other_seed, studies=studies)
        learnt = observer.look(more / "hillcrest")
        shutil.rmtree(more)
    test = observer.look(target, split="test")
    return {"auroc": observer.auroc(test, observer.template(learnt)), "studies": len(test.studies)}


def _fit(
    arguments: argparse.Namespace, hospitals: Path, seed: int, net: tuple[str, str, tuple[str, ...]], source: str
) -> dict[str, Any]:
    """One network: fit, predict the locked test, measure."""
    backbone, weights, settings = net
    run = arguments.out / "run"
    shutil.rmtree(run, ignore_errors=True)
    plan = mt.plan(
        mt.read_cohort(_made(arguments, hospitals, seed, "hillcrest")),
        source=None if source == "none" else mt.read_cohort(_made(arguments, hospitals, seed, source)),
        backbone=backbone,
        weights=weights,
        seed=seed,
        changes=(*settings, *arguments.set),
    )
    bundle = mt.fit(plan, out=run)
    predictions = mt.predict(bundle, mt.read_cohort(run / "cohort.csv").split("test"))
    estimate = mt.evaluate(predictions, seed=seed).estimate("AUROC")
    return {**estimate.model_dump(), "auroc": estimate.value, "seconds": bundle.manifest.training.seconds}


def summary(rows: Rows) -> str:
    """A Markdown table: means over seeds with 95 % t-intervals, and paired differences to the target alone.

    Seeds have patients of their own, so that the spread over seeds holds everything that chance decided.
    """
    by_who: dict[tuple[str, str], dict[str, float]] = {}
    for name, row in rows.items():
        who, source, seed = name.split(" | ")
        by_who.setdefault((who, source), {})[seed] = row["auroc"]
    lines = [
        "| who | source, or studies that it learnt from | seeds | AUROC (95 % CI) | against the target alone |",
        "|---|---|---|---|---|",
    ]
    for (who, source), values in by_who.items():
        alone = by_who.get((who, "none"), {})
        both = [seed for seed in values if seed in alone] if source != "none" else []
        difference = interval([values[seed] - alone[seed] for seed in both], "+.3f") if both else ""
        lines.append(f"| {who} | {source} | {len(values)} | {interval(list(values.values()), '.3f')} | {difference} |")
    return "\n".join(lines) + "\n"


def interval(values: list[float], form: str) -> str:
    """The mean and its t-interval; of one value no interval."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return format(mean, form)
    half = float(stats.t.ppf(0.975, len(values) - 1) * stats.sem(values))
    return f"{mean:{form}} ({mean - half:{form}} to {mean + half:{form}})"


if __name__ == "__main__":
    sys.exit(main())
