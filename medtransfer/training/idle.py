"""Terms that did nothing to the network: neither a gradient nor a step of their own through whole epochs."""

from __future__ import annotations

import csv
from pathlib import Path

from medtransfer.training.log import NAME


def idle_epochs(log: Path) -> dict[str, tuple[tuple[int, ...], int]]:
    """The epochs in which a term did nothing, and how many were measured; terms that never rested are not in it.

    Args:
        log: `terms.csv`: the norm of a term's gradient for the network (of a proximal term, how far it moved the
            parameters over their rates) stands in the last step of every epoch.
    """
    measured: dict[str, int] = {}
    idle: dict[str, list[int]] = {}
    with log.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["gradient_norm"]:
                measured[row["term"]] = measured.get(row["term"], 0) + 1
                if float(row["gradient_norm"]) == 0:
                    idle.setdefault(row["term"], []).append(int(row["epoch"]))
    return {term: (tuple(epochs), measured[term]) for term, epochs in idle.items()}


def idle_terms(folder: Path) -> list[str]:
    """A sentence on every term of a run that did nothing for an epoch or more."""
    said = []
    for term, (epochs, measured) in idle_epochs(folder / NAME).items():
        when = (
            "in every epoch" if len(epochs) == measured else f"in {len(epochs)} of {measured} epochs ({_runs(epochs)})"
        )
        said.append(f"{term} did nothing {when}: it had no gradient for the network, and moved no parameter of it")
    return said


def _runs(epochs: tuple[int, ...]) -> str:
    """`0–4, 7`: consecutive epochs together."""
    parts: list[list[int]] = []
    for epoch in epochs:
        if parts and epoch == parts[-1][1] + 1:
            parts[-1][1] = epoch
        else:
            parts.append([epoch, epoch])
    return ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in parts)
