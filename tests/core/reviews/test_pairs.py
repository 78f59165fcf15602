"""Before and after: which impression counts, and what a reader's words become in an entry and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from medtransfer.core.reviews.opinion import Opinion, opinion_of
from medtransfer.core.reviews.pairs import ReviewPair

if TYPE_CHECKING:
    from medtransfer.core.reviews.entry import Kind
    from medtransfer.core.reviews.store import Reviews

WORDS = st.fixed_dictionaries(
    {
        "answer": st.text(max_size=8),
        "answers": st.dictionaries(
            st.text(max_size=4), st.sampled_from(["present", "absent", "cannot say"]), max_size=3
        ),
        "confidence": st.none() | st.integers(0, 100),
        "agreement": st.sampled_from(["", "agree", "disagree", "unsure"]),
        "reasons": st.lists(st.text(max_size=5), max_size=3).map(tuple),
        "image_quality": st.sampled_from(["", "good", "limited", "not diagnostic"]),
        "remarks": st.text(max_size=9),
        "follows": st.none() | st.integers(1),
        "corrects": st.none() | st.integers(1),
    }
)


def said(reviews: Reviews, *steps: tuple[Kind, str, str]) -> tuple[ReviewPair, ...]:
    """Kind, who and bundle of entries on one study."""
    for kind, who, bundle in steps:
        reviews.append(
            kind, who=who, study="s", study_sha256="s", bundle_sha256=bundle, shown={}, content={"answer": kind}
        )
    return reviews.pairs()


def numbers(pair: ReviewPair) -> tuple[int | None, ...]:
    return tuple(entry.number if entry else None for entry in (pair.before, pair.reveal, pair.after))


@given(WORDS)
@settings(deadline=None)
def test_an_opinion_comes_back_from_its_content(words: dict[str, Any]) -> None:
    opinion = Opinion(**words)
    content = opinion.as_content()
    assert opinion_of(content) == opinion
    assert content.get("cannot_say", False) == opinion.cannot_say
    assert "" not in content.values()


def test_what_somebody_else_wrote_is_no_obstacle() -> None:
    strange: dict[str, Any] = {
        "answer": 3, "answers": {"a": "perhaps", "b": "absent"}, "confidence": True, "reasons": "none", "remarks": None,
        "agreement": "perhaps", "image_quality": [], "follows_entry": "x", "more": {},
    }  # fmt: skip
    assert opinion_of(strange) == Opinion(answers={"b": "absent"})
    assert opinion_of({}).cannot_say


def test_the_last_impression_before_the_answer_counts_and_the_last_feedback(reviews: Reviews) -> None:
    steps: tuple[tuple[Kind, str, str], ...] = (
        ("claim", "anna", "b"),
        ("impression", "anna", "b"),
        ("impression", "boris", "b"),
        ("impression", "anna", "b"),
        ("reveal", "anna", "b"),
        ("impression", "anna", "b"),
        ("feedback", "anna", "b"),
        ("reveal", "anna", "b"),
        ("feedback", "anna", "b"),
    )
    anna, boris = said(reviews, *steps)
    assert (anna.who, numbers(anna), anna.unaided) == ("anna", (4, 5, 9), True)
    assert (boris.who, numbers(boris), boris.unaided) == ("boris", (3, None, None), True)


def test_who_has_seen_an_answer_is_not_unaided_beside_another_bundle(reviews: Reviews) -> None:
    first, other, late = said(
        reviews,
        ("impression", "anna", "b"),
        ("reveal", "anna", "b"),
        ("impression", "anna", "c"),
        ("reveal", "anna", "c"),
        ("reveal", "anna", "d"),
        ("impression", "anna", "d"),
        ("feedback", "anna", "d"),
    )
    assert (numbers(first), first.unaided) == ((1, 2, None), True)
    assert (numbers(other), other.unaided) == ((3, 4, None), False)
    assert (numbers(late), late.unaided) == ((None, 5, 7), False)
