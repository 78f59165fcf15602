"""The README's tables from the rows: every method, its difference from plain fine-tuning, and the default of a plan."""

from __future__ import annotations

from pathlib import Path
from statistics import mean, median
from typing import TYPE_CHECKING

from benchmarks.transfer.board import Block, Board, board
from benchmarks.transfer.intervals import Sampled, leave_one_out, winner
from benchmarks.transfer.methods import BACKBONES, FINE_TUNE, METHODS, SOURCE_ONLY, WHOLE
from medtransfer.core.files import write_text

if TYPE_CHECKING:
    from benchmarks.transfer.cells import Setting
    from benchmarks.transfer.results import Results

START, END = "<!-- tables: begin -->", "<!-- tables: end -->"
STAND_INS = {"near_duplicates": "groups of near-duplicates"}


def write_tables(results: Results, readme: Path, *, replicates: int) -> None:
    """Put the tables between the README's two marks.

    Raises:
        ValueError: The README has no such marks.
    """
    text = readme.read_text(encoding="utf-8")
    before, begin, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not (begin and end):
        msg = f"{readme} lacks {START} or {END}"
        raise ValueError(msg)
    tables = markdown(board(results, replicates=replicates))
    write_text(readme, f"{before}{START}\n\n{tables}\n{END}{after}")


def markdown(measured: Board) -> str:
    """All tables."""
    if not measured.runs:
        return "No rows yet.\n"
    parts = [_defaults(measured, backbone) for backbone in BACKBONES]
    parts += [_table(measured, block) for block in measured.blocks()]
    return "\n".join(part for part in parts if part)


def second_stage(results: Results, *, count: int = 3) -> list[str]:
    """The methods for the second backbone: the baselines, and those with the largest mean gain on the first."""
    measured = board(results, replicates=1)
    blocks = [block for block in measured.blocks() if block.backbone == next(iter(BACKBONES))]
    gains: dict[str, list[float]] = {}
    for block in blocks:
        for name, gain in measured.gains(block, _of(block)).items():
            gains.setdefault(name, []).append(gain.value)
    others = sorted((name for name in gains if not METHODS[name].baseline), key=lambda name: -mean(gains[name]))
    return [name for name in METHODS if METHODS[name].baseline or name in others[:count]]


def _table(measured: Board, block: Block) -> str:
    cases = measured.cases[block.cohort]
    some = next(row for s, rows in measured.rows.items() if s.cohort == block.cohort for row in rows.values())
    who = STAND_INS.get(some["groups"], some["groups"])
    with_source = f", source {block.source}" if block.source else ""
    lines = [
        f"### {block.cohort}{with_source}: {block.backbone} at {BACKBONES[block.backbone].size}²",
        "",
        f"{len(cases)} test studies ({cases['truth'].sum()} positive) of {cases['patient'].nunique()} {who}.",
        "",
        "| labels a class | method | AUROC | against plain fine-tuning | log-loss | rate | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    methods = [FINE_TUNE, *_of(block)] if block.source else _of(block)
    for budget in measured.budgets(block):
        for name in methods:
            setting = measured.setting(block, name, budget)
            if setting is not None:
                lines.append(_line(measured, block, budget, setting))
    return "\n".join(lines) + "\n"


def _line(measured: Board, block: Block, budget: str, setting: Setting) -> str:
    rows = list(measured.rows[setting].values())
    gain = None if setting.method == FINE_TUNE else measured.gain(block, setting.method, budget)
    seeds = "" if len(rows) == len(WHOLE.seeds) else f", {len(rows)} of {len(WHOLE.seeds)} seeds"
    rates = {row["learning_rate"] + (f", ω {row['strength']}" if float(row["strength"]) else "") for row in rows}
    cells = [
        budget,
        METHODS[setting.method].title,
        _shown(measured.mean(setting), ".3f") + seeds,
        "" if gain is None else _marked(gain),
        f"{mean(float(row['log_loss']) for row in rows):.3f}",
        rates.pop() if len(rates) == 1 else "cross-validated",
        f"{median(float(row['seconds']) for row in rows):.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def _defaults(measured: Board, backbone: str) -> str:
    """What would be chosen on the other cohorts, and what it is worth on the one that was left out."""
    parts: list[str] = []
    for with_source in (False, True):
        blocks = [b for b in measured.blocks() if b.backbone == backbone and bool(b.source) == with_source]
        methods = [FINE_TUNE, *(name for name in _of(*blocks[:1]) if METHODS[name].choosable and name != FINE_TUNE)]
        if with_source:
            methods = [name for name in methods if name != SOURCE_ONLY]
        gains = {block.cohort: measured.gains(block, methods) for block in blocks}
        values = {cohort: {name: gain.value for name, gain in by.items()} for cohort, by in gains.items()}
        chosen = leave_one_out(values)
        if not chosen:
            continue
        title = "with a source" if with_source else "without a source"
        lines = [
            f"### Chosen leave-one-cohort-out, {title}: {backbone}",
            "",
            "| left out | chosen on the others | it gains there | best there |",
            "|---|---|---|---|",
        ]
        for cohort, name in chosen.items():
            best = max(values[cohort], key=lambda method: values[cohort][method])
            gain = gains[cohort].get(name)
            worth = "not measured" if gain is None else "0" if name == FINE_TUNE else _marked(gain)
            lines.append(
                f"| {cohort} | {METHODS[name].title} | {worth} | {METHODS[best].title} ({values[cohort][best]:+.3f}) |"
            )
        first = winner(values)
        if first is not None:
            average = mean(theirs[first] for theirs in values.values())
            lines += ["", f"Best over all of them: {METHODS[first].title}, {average:+.3f} in the mean.", ""]
        parts.append("\n".join(lines))
    return "\n".join(parts)


def _of(*blocks: Block) -> list[str]:
    """The methods that a block may have, in the order of the table."""
    return [name for name, method in METHODS.items() if any(method.source == bool(block.source) for block in blocks)]


def _shown(figure: Sampled, form: str) -> str:
    low, high = figure.interval
    dash = " to " if "+" in form else "–"
    return f"{figure.value:{form}} ({low:{form}}{dash}{high:{form}})"


def _marked(gain: Sampled) -> str:
    """A difference; bold where its interval leaves out 0."""
    low, high = gain.interval
    text = _shown(gain, "+.3f")
    return f"**{text}**" if low > 0 or high < 0 else text
