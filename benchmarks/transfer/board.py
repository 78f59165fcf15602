"""All rows as figures with replicates: who was measured where, and what it gained over plain fine-tuning."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

import pandas as pd

from benchmarks.transfer.cells import Setting
from benchmarks.transfer.intervals import Draws, Runs, Sampled, aurocs, difference, draws, mean_of, over_seeds
from benchmarks.transfer.methods import BACKBONES, FINE_TUNE, METHODS, NONE, SOURCE_ONLY
from benchmarks.transfer.results import Results, Row, cell_of, current


@dataclass(frozen=True, order=True)
class Block:
    """One part of the table: a backbone on a cohort, alone or with a source."""

    backbone: str
    cohort: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Board:
    """What was measured.

    Attributes:
        rows: Of every setting, by seed.
        runs: AUROC of every setting, by seed.
        drawn: Replicates of each cohort.
        cases: Test studies of each cohort.
    """

    rows: dict[Setting, dict[int, Row]]
    runs: dict[Setting, Runs]
    drawn: dict[str, Draws]
    cases: dict[str, pd.DataFrame]

    def blocks(self) -> list[Block]:
        """Those that have rows, cohorts alone first."""
        found = {Block(s.backbone, s.cohort, s.source) for s in self.runs}
        return sorted(found, key=lambda block: (list(BACKBONES).index(block.backbone), block.source != "", block))

    def budgets(self, block: Block) -> list[str]:
        """The budgets of a block, fewest labels first."""
        theirs = {s.budget for s in self.runs if Block(s.backbone, s.cohort, s.source) == block} - {NONE}
        return sorted(theirs, key=lambda budget: int(budget) if budget.isdigit() else 10**9)

    def setting(self, block: Block, method: str, budget: str) -> Setting | None:
        """Where a method's runs of a block and budget stand; None where it has none."""
        setting = Setting(
            cohort=block.cohort, source=block.source, budget=budget, backbone=block.backbone, method=method
        )
        if not METHODS[method].source:
            setting = replace(setting, source="")
        if method == SOURCE_ONLY:
            setting = replace(setting, budget=NONE)
        return setting if setting in self.runs else None

    def mean(self, setting: Setting) -> Sampled:
        """AUROC, mean over seeds."""
        return over_seeds(self.drawn[setting.cohort], self.runs[setting])

    def gain(self, block: Block, method: str, budget: str) -> Sampled | None:
        """AUROC minus that of plain fine-tuning with the same labels; None where one of them is missing."""
        ours, theirs = (self.setting(block, name, budget) for name in (method, FINE_TUNE))
        if ours is None or theirs is None:
            return None
        return difference(self.drawn[block.cohort], self.runs[ours], self.runs[theirs])

    def gains(self, block: Block, methods: Iterable[str]) -> dict[str, Sampled]:
        """Mean gain over the block's budgets, of the methods that were measured at each."""
        found: dict[str, Sampled] = {}
        for method in methods:
            parts = [self.gain(block, method, budget) for budget in self.budgets(block)]
            if parts and all(part is not None for part in parts):
                found[method] = mean_of([part for part in parts if part is not None])
        return found


def board(results: Results, *, replicates: int) -> Board:
    """Read the rows and draw the replicates; equal rows give equal figures."""
    cases, scores = results.cases(), results.scores()
    drawn = {
        name: draws(part["truth"].to_numpy(), part["patient"].to_numpy(), replicates=replicates)
        for name, part in cases.items()
    }
    rows: dict[Setting, dict[int, Row]] = defaultdict(dict)
    runs: dict[Setting, dict[int, Sampled]] = defaultdict(dict)
    for row in current(results.cells()):
        cell = cell_of(row)
        rows[cell.setting][cell.seed] = row
        runs[cell.setting][cell.seed] = aurocs(drawn[cell.cohort], scores[cell])
    return Board(rows=dict(rows), runs=dict(runs), drawn=drawn, cases=cases)
