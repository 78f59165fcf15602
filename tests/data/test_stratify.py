"""Laws of iterative stratification: everyone is dealt once, and marks are shared out as members are."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtransfer.data.stratify import deal

MEMBERS = st.lists(st.frozensets(st.sampled_from("abcde")), max_size=60).map(
    lambda owned: {f"m{i}": marks for i, marks in enumerate(owned)}
)
SHARES = st.sampled_from([(0.5, 0.5), (0.8, 0.2), (0.95, 0.05), (0.25, 0.25, 0.25, 0.25)])


@settings(deadline=None, max_examples=100)
@given(MEMBERS, SHARES)
def test_everyone_is_dealt_once(marks: dict[str, frozenset[str]], shares: tuple[float, ...]) -> None:
    dealt = deal(marks, shares)
    assert dealt.keys() == marks.keys()
    assert set(dealt.values()) <= set(range(len(shares)))


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 40), SHARES)
def test_one_mark_is_dealt_as_the_shares_say(members: int, shares: tuple[float, ...]) -> None:
    """Within one of the share, and to every part where there are as many members as parts."""
    sizes = Counter(deal({str(i): frozenset("a") for i in range(members)}, shares).values())
    for part, share in enumerate(shares):
        assert sizes[part] == pytest.approx(share * members, abs=1)
        assert sizes[part] >= (members >= len(shares))


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 40), SHARES)
def test_without_marks_sizes_decide(members: int, shares: tuple[float, ...]) -> None:
    sizes = Counter(deal({str(i): frozenset() for i in range(members)}, shares).values())
    for part, share in enumerate(shares):
        assert sizes[part] == pytest.approx(share * members, abs=1)


def test_the_rarest_mark_is_dealt_first() -> None:
    """Two have `rare`, and `common` too: whoever dealt the common ones first could put both in one part."""
    marks = {f"m{i}": frozenset({"common", "rare"} if i in {3, 4} else {"common"}) for i in range(20)}
    dealt = deal(marks, (0.8, 0.2))
    assert {dealt["m3"], dealt["m4"]} == {0, 1}
    assert Counter(dealt.values()) == {0: 16, 1: 4}


def test_the_order_of_members_decides_ties() -> None:
    owned = {f"m{i}": frozenset("a") for i in range(10)}
    assert deal(owned, (0.5, 0.5)) != deal(dict(reversed(owned.items())), (0.5, 0.5))
