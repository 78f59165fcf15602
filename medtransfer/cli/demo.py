"""The whole story on two synthetic hospitals: inspect → plan → fit → predict → evaluate → report.

The two hospitals are generated (no patient is in them). Without pretrained weights the network starts at random and
transfers from one hospital to the other; with a local ImageNet file it starts from there.

Examples:
    medtransfer demo
    medtransfer demo --weights mobilenet_v2_imagenet.pth --out runs/imagenet
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medtransfer.cli.common import Common, Outcome
from medtransfer.core.errors import OutputError
from medtransfer.core.files import writable_folder, write_text
from medtransfer.core.places import bundled

if TYPE_CHECKING:
    from medtransfer.core.config.plan import Plan
    from medtransfer.data.cohort import Cohort

ALLOWED_FAILURES = 6
"""The samples hold so many damaged files, on purpose: the demo says `--allow-failures 6`."""

MARK = "this-is-a-demo.txt"
RANDOM_START = ("preprocess.size=96", "training.epochs=1", "training.min_steps=400", "training.batch_size=16")
PRETRAINED = ("preprocess.size=128", "training.epochs=1", "training.min_steps=150", "training.batch_size=16")
"""Settings that fit the demo into minutes on two CPU cores."""


@dataclass(frozen=True, kw_only=True)
class Arguments(Common):
    """What `demo` takes."""

    out: Path = Path("runs/demo")
    """Folder for everything; an earlier demo in it is replaced."""
    weights: str = "none"
    """Imported weights, or a local file with its sidecar; the network is the one they are for."""
    seed: int = 0
    """Of the hospitals and of everything that follows."""


def run(arguments: Arguments) -> Outcome:
    """Do the main job on the sample hospitals."""
    from medtransfer.core.config.toml import write_toml
    from medtransfer.data.ledger import require_allowed
    from medtransfer.pipeline.evaluating import evaluate, report
    from medtransfer.pipeline.inspections import write_inspection
    from medtransfer.pipeline.story import fit, inspect, predict, read_cohort
    from medtransfer.reporting.text import summary

    quiet, started = arguments.quiet or arguments.json, time.monotonic()
    backbone = _backbone(arguments.weights)
    say = (lambda _: None) if quiet else (lambda line: print(line, file=sys.stderr))
    out = _fresh(arguments.out)
    say("Two synthetic hospitals: Riverside (source) and Hillcrest (target).")
    samples = out / "sample_data"
    generate(samples, seed=arguments.seed)
    found = inspect(samples, quiet=quiet)
    write_inspection(found, out / "inspection")
    require_allowed(found.ledger, ALLOWED_FAILURES)
    counts = found.ledger.counts()
    say(
        f"  {counts['read']} images read, {counts['excluded']} files excluded, {counts['failed']} damaged "
        f"(allowed: {ALLOWED_FAILURES}); "
        f"each is named in {out / 'inspection'}"
    )
    target, source = read_cohort(samples / "hillcrest"), read_cohort(samples / "riverside")
    made = _plan(target, source, arguments, backbone)
    write_toml(made, out / "plan.toml", comments=made.reasons)
    start = "a random start" if arguments.weights == "none" else f"ImageNet weights ({arguments.weights})"
    say(f"Transfer from Riverside to Hillcrest, from {start}: L_S + λ·L_T + Ω with λ = {made.objective.trade_off:g}.")
    bundle = fit(made, out=out / "run", quiet=quiet)
    predictions = predict(bundle, read_cohort(out / "run" / "cohort.csv").split("test"), out=out / "test", quiet=quiet)
    evaluation = evaluate(predictions, title="Hillcrest, locked test studies (synthetic)", seed=arguments.seed)
    page = report(evaluation, out=out / "report")
    headline = evaluation.estimates[0]
    seconds = time.monotonic() - started
    app = f"medtransfer app --bundle {bundle.folder} --studies {samples / 'hillcrest' / 'images'}"
    return Outcome(
        facts={
            "report": str(page),
            "headline": headline.as_json(),
            "bundle": str(bundle.folder),
            "counts": counts,
            "start": arguments.weights,
            "seconds": round(seconds, 1),
        },
        text=f"\n{summary(evaluation)}\n\n"
        f"The hospitals are synthetic, and so is the figure: {headline.name} {headline} on {headline.n} studies.\n"
        f"report   {page}\napp      make app   (or: {app})\ntook     {seconds:.0f} s",
    )


def generate(folder: Path, *, seed: int, **studies: int) -> None:
    """Write both sample hospitals, by the generator that is shipped beside the package.

    Args:
        folder: Where they go.
        seed: Equal seeds give equal bytes.
        studies: Numbers other than the generator's own: `source_patients`, `target_labelled`, `target_test`, `volumes`.
    """
    home = bundled("sample_data")
    spec = importlib.util.spec_from_file_location("medtransfer_sample_data", home / "generate.py")
    if spec is None or spec.loader is None:
        msg = f"{home / 'generate.py'} cannot be loaded"
        raise ImportError(msg)
    module: Any = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(home))  # the generator's own parts lie beside it
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(home))
    module.generate(folder, seed=seed, **studies)


def _fresh(out: Path) -> Path:
    """An empty folder; an earlier demo in it goes, anything else stays and is an error."""
    if out.is_dir() and any(out.iterdir()):
        if not (out / MARK).is_file():
            raise OutputError(
                "it is not empty, and no demo made it",
                code="NotEmpty",
                path=out,
                hint="Choose another folder with --out.",
            )
        shutil.rmtree(out)
    writable_folder(out)
    write_text(out / MARK, "Made by `medtransfer demo`, which replaces this folder when it runs again.\n")
    return out


def _backbone(weights: str) -> str:
    """The network that the weights are for, said before anything is generated."""
    from medtransfer.models.weights.library import located
    from medtransfer.models.weights.sidecar import read_sidecar

    return "resnet18" if weights == "none" else read_sidecar(located(weights)).backbone


def _plan(target: Cohort, source: Cohort, arguments: Arguments, backbone: str) -> Plan:
    from medtransfer.pipeline.story import plan

    changes = RANDOM_START if arguments.weights == "none" else PRETRAINED
    return plan(
        target, source=source, backbone=backbone, weights=arguments.weights, seed=arguments.seed, changes=changes
    )
