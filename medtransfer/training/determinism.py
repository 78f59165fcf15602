"""Bit-exact kernels and a random stream of our own, for as long as a fit lasts."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch.utils import deterministic as settings

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def deterministic(seed: int) -> Iterator[None]:
    """Inside, equal seeds give equal bits; the caller's settings and random state are back afterwards.

    torch would also fill fresh memory with NaN in this mode. That finds reads of unwritten memory, costs time, and
    is left off.
    """
    before = torch.are_deterministic_algorithms_enabled()
    fill = settings.fill_uninitialized_memory  # pyright: ignore[reportAttributeAccessIssue]
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    with torch.random.fork_rng():
        try:
            torch.use_deterministic_algorithms(mode=True)
            settings.fill_uninitialized_memory = False  # pyright: ignore[reportAttributeAccessIssue]
            torch.manual_seed(seed)
            yield
        finally:
            torch.use_deterministic_algorithms(before)
            settings.fill_uninitialized_memory = fill  # pyright: ignore[reportAttributeAccessIssue]
