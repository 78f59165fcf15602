"""Stages of a network of which nothing is known but the names of some modules that end a block."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import nn


def stages_by_blocks(network: nn.Module, ends: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Cut a network after each named module; every parameter and buffer lands in one stage.

    A module is cut open only where it holds several ends (`blocks` of `blocks.0`, `blocks.1`), so that what computes
    together stays together. The first stage is the `stem`: what comes before the first end, and that end itself where
    it is a lone layer. What comes after the last end is `last`; the others are named after their ends, with `_` for
    dots. Without ends, every child is a stage.

    Args:
        network: Its modules are registered input side first.
        ends: Full names of modules; those that it lacks are passed over.
    """
    modules = dict(network.named_modules())
    known = [end for end in ends if end and end in modules]
    units = list(_units(network, "", _opened(known)))
    cuts = [n for n, unit in enumerate(units, 1) if not known or any(f"{end}.".startswith(f"{unit}.") for end in known)]
    if known and cuts[0] > 1 and any(modules[units[cuts[0] - 1]].children()):
        cuts.insert(0, cuts[0] - 1)
    stages: dict[str, tuple[str, ...]] = {}
    for start, stop in pairwise(sorted({0, *cuts, len(units)})):
        name = "last" if stop not in cuts else "stem" if start == 0 else units[stop - 1].replace(".", "_")
        stages[name] = tuple(units[start:stop])
    return {name: parts for name, parts in stages.items() if any(_has_tensors(modules.get(part)) for part in parts)}


def _opened(ends: Sequence[str]) -> set[str]:
    """The modules that hold several of the ends."""
    parts = [end.split(".") for end in set(ends)]
    held = Counter(".".join(names[:depth]) for names in parts for depth in range(1, len(names)))
    return {name for name, count in held.items() if count > 1}


def _units(module: nn.Module, prefix: str, opened: set[str]) -> Iterator[str]:
    """Names of lone parameters, lone buffers and children; of the children's own where they are cut open."""
    for name, _ in (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)):
        yield prefix + name
    for name, child in module.named_children():
        if prefix + name in opened:
            yield from _units(child, f"{prefix}{name}.", opened)
        else:
            yield prefix + name


def _has_tensors(module: nn.Module | None) -> bool:
    """True of a module with parameters or buffers, and of a lone one of these (which is no module)."""
    return module is None or any(True for _ in (*module.parameters(), *module.buffers()))
