"""Deal members who have several marks into parts, so that every mark is shared out as the members are.

Iterative stratification: of the marks that members still to be dealt have, take the rarest; each member with it goes
where that mark is missed most, then where members are; go on. Rare marks come first, while there is still a choice.

Reference: Sechidis, Tsoumakas, Vlahavas 2011, On the stratification of multi-label data, algorithm 1. Unlike there, a
mark that is not rarer than there are parts is wanted at least once in each, and ties are broken by the members' order.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def deal(marks: Mapping[str, frozenset[str]], shares: Sequence[float]) -> dict[str, int]:
    """Part of each member.

    Args:
        marks: Of each member; who comes first is dealt first.
        shares: Of the members that each part gets, above 0 and summing to 1.
    """
    left = Counter(mark for owned in marks.values() for mark in owned)
    room = len(marks) * np.asarray(shares)
    wanted = {mark: _wanted(count, np.asarray(shares)) for mark, count in left.items()}
    dealt: dict[str, int] = {}
    waiting = dict(marks)
    while waiting:
        rarest = min(left, key=lambda mark: (left[mark], mark), default=None)
        members = [member for member, owned in waiting.items() if rarest is None or rarest in owned]
        for member in members:
            need = room if rarest is None else wanted[rarest]
            part = max(range(len(shares)), key=lambda p: (need[p], room[p]))
            dealt[member] = part
            room[part] -= 1
            for mark in waiting.pop(member):
                wanted[mark][part] -= 1
                left[mark] -= 1
        left = +left  # without the marks that nobody has any more
    return dealt


def _wanted(count: int, shares: np.ndarray) -> np.ndarray:
    """How often each part wants a mark: its share, but at least once where there are enough."""
    wanted = count * shares
    if count >= len(shares):
        wanted = np.maximum(wanted, 1)
        wanted[wanted.argmax()] += count - wanted.sum()
    return wanted
