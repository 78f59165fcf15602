"""Laws of the worklist: no order and no filter loses a row, and what a reader must not know is not in it."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.readers.records import Folded
from apps.readers.standing import Standing, Standings, standings
from apps.studies.folder import Study
from apps.worklist import rows as worklist
from apps.worklist.predictions import Known, Matched
from apps.worklist.rows import Reader, Row, next_unread, ordered, rows, shown, waiting
from medtransfer.core.reviews.entry import FIRST, Kind, ReviewEntry
from medtransfer.core.reviews.store import Reviews

if TYPE_CHECKING:
    from medtransfer.models.bundle import Bundle

ORDERS = (worklist.OLDEST, worklist.NEWEST, worklist.BY_NAME, worklist.BY_SCORE)
FILTERS = (worklist.UNREAD, worklist.UNCLAIMED, worklist.MINE, worklist.FLAGGED, worklist.FAILED)
NIGHT = "2026-01-02T03:04:05.000Z"

ROWS = st.lists(
    st.builds(
        Row,
        name=st.text("aAbB/.1", min_size=1, max_size=6),
        arrived=st.none() | st.floats(0, 2e9),
        score=st.none() | st.floats(0, 1),
        rank=st.none() | st.floats(0, 1),
        flags=st.sampled_from([(), ("several images",)]),
        failed=st.sampled_from(["", "no image"]),
        claimed=st.sampled_from([(), ("anna",)]),
        mine=st.booleans(),
        read=st.booleans(),
    ),
    max_size=20,
)


@given(ROWS, st.sampled_from(ORDERS))
@settings(deadline=None, max_examples=200)
def test_an_order_is_a_permutation(found: list[Row], order: str) -> None:
    assert sorted(map(repr, ordered(found, order))) == sorted(map(repr, found))


@given(ROWS, st.sampled_from([*ORDERS[:3], "Score", ""]))
@settings(deadline=None, max_examples=100)
def test_no_order_but_the_one_by_score_knows_the_scores(found: list[Row], order: str) -> None:
    blind = [replace(row, score=None, rank=None) for row in found]
    by_id = {id(blinded): row for blinded, row in zip(blind, found, strict=True)}
    assert [by_id[id(row)] for row in ordered(blind, order)] == ordered(found, order)


@given(ROWS, st.sets(st.sampled_from(FILTERS)), st.text("ab ", max_size=3))
@settings(deadline=None, max_examples=200)
def test_filters_only_leave_out_and_none_at_all_shows_all(found: list[Row], only: set[str], search: str) -> None:
    left = shown(found, search=search, only=only)
    assert all(row in found for row in left)
    assert [row for row in found if row in left] == left
    assert shown(found) == found


def study(name: str, *, arrived: float = 0.0) -> Study:
    return Study(name=name, files=(), names=(), arrived=arrived)


def known(**changes: Any) -> Known:
    fields: dict[str, Any] = {
        "status": "read",
        "reason": "",
        "flags": (),
        "probabilities": {"normal": 0.2, "pneumonia": 0.8},
        "date": "",
        "modality": "CR",
    }
    return Known(**(fields | changes))


def entry(kind: Kind, who: str = "anna", at: str = NIGHT, bundle: str = "B", **content: Any) -> ReviewEntry:
    return ReviewEntry(
        number=1,
        at=at,
        who=who,
        kind=kind,
        study="a",
        study_sha256="S",
        bundle_sha256=bundle,
        shown={},
        content=content,
        previous=FIRST,
        digest=FIRST,
    )


def only_row(bundle: Bundle, *said: ReviewEntry, arrived: float = 0.0, rules: str = "", **row: Any) -> Row:
    matched = Matched(known={"a": known(**row)})
    reader = Reader(who="anna", bundle=bundle, always="always" in rules, triage="triage" in rules)
    (found,) = rows([study("a", arrived=arrived)], matched, standings(said), reader)
    return found


def test_a_score_is_there_only_for_who_has_read(bundle: Bundle) -> None:
    mine = entry("impression", bundle=bundle.sha256)
    assert only_row(bundle).score is None
    assert only_row(bundle, mine).score == 0.8
    assert only_row(bundle, entry("impression", "eva", bundle=bundle.sha256)).score is None
    assert only_row(bundle, entry("impression", bundle="another bundle")).score is None


def test_unread_studies_have_no_score_in_a_list_that_anybody_can_sort(bundle: Bundle) -> None:
    found = {rules: only_row(bundle, rules=rules) for rules in ("", "always", "triage", "always triage")}
    assert {rules: (row.score, row.rank) for rules, row in found.items()} == {
        "": (None, None),
        "always": (None, None),
        "triage": (None, 0.8),
        "always triage": (0.8, 0.8),
    }


def test_a_score_is_what_its_reader_was_shown(bundle: Bundle) -> None:
    mine = entry("impression", bundle=bundle.sha256)
    seen = entry("reveal", bundle=bundle.sha256, probabilities={"normal": 0.9, "pneumonia": 0.1})
    assert only_row(bundle, mine, seen).score == 0.1


def test_files_that_came_after_the_impression_have_not_been_read(bundle: Bundle) -> None:
    mine = entry("impression", bundle=bundle.sha256)
    assert only_row(bundle, mine, arrived=1.0).read
    later = only_row(bundle, mine, arrived=4e9)
    assert not later.read
    assert later.score is None


def test_what_is_out_of_scope_or_failed_has_no_score(bundle: Bundle) -> None:
    other = only_row(bundle, rules="always triage", modality="MG")
    assert (other.score, other.flags) == (None, ("other modality: MG",))
    failed = only_row(bundle, rules="always triage", status="failed", reason="no image [Bad]", probabilities={})
    assert (failed.score, failed.failed) == (None, "no image [Bad]")


def test_a_failed_row_of_the_predictions_is_a_row_even_without_its_files(bundle: Bundle) -> None:
    matched = Matched(lost=(("gone", known(status="failed", reason="no image")),))
    found = rows([study("a")], matched, Standings(), Reader(who="anna", bundle=bundle))
    assert [(row.name, row.arrived, row.failed) for row in found] == [("a", 0.0, ""), ("gone", None, "no image")]


def test_a_claim_holds_until_its_own_readers_release() -> None:
    left = standings([entry("claim"), entry("claim", "eva"), entry("release")]).by_name["a"]
    assert left.claims == {"eva": NIGHT}
    assert left.others("anna") == {"eva": NIGHT}
    assert left.others("eva") == {}
    assert standings([entry("claim"), entry("release", "eva")]).by_name["a"].claims == {"anna": NIGHT}


@pytest.mark.parametrize(
    ("changes", "there"),
    [
        ({}, "b"),
        ({"read": True}, None),
        ({"failed": "no image"}, None),
        ({"claimed": ("eva",)}, None),
        ({"claimed": ("anna",), "mine": True}, "b"),
        ({"arrived": None}, None),
    ],
)
def test_the_next_study_is_one_that_waits_for_this_reader(changes: dict[str, Any], there: str | None) -> None:
    fields: dict[str, Any] = {"name": "b", "arrived": 2.0} | changes
    assert next_unread([Row(name="a", arrived=1.0), Row(**fields)], "a") == there


def test_waiting_in_words() -> None:
    assert [waiting(0, seconds) for seconds in (-5, 59, 720, 3 * 3600, 72 * 3600)] == [
        "0 min",
        "0 min",
        "12 min",
        "3 h",
        "3 days",
    ]


@pytest.mark.parametrize("settled", [True, False])
def test_a_score_of_several_images_is_none_of_one_and_said_once_that_is_known(bundle: Bundle, settled: bool) -> None:
    one = Study(name="a", files=(Path("a"),), names=("a",), settled=settled)
    matched = Matched(known={"a": known(flags=("several_images",))})
    (found,) = rows([one], matched, Standings(), Reader(who="anna", bundle=bundle, always=True, triage=True))
    assert found.score is None
    assert ("predicted from several images, of which one is here" in found.flags) is settled


def test_a_study_that_nobody_opened_is_as_new() -> None:
    assert not (standings([]).of(["a"]) or Standing()).claims


def test_what_was_said_meanwhile_is_folded_onto_what_was_there(tmp_path: Path) -> None:
    folded = Folded()
    with Reviews(tmp_path / "reviews.sqlite") as reviews:
        assert folded.up_to_now(reviews) == Standings()
        said: list[tuple[Kind, str]] = [("claim", "anna"), ("claim", "eva"), ("release", "anna"), ("impression", "eva")]
        before = Standings()
        for kind, who in said:
            held = folded.up_to_now(reviews)
            assert held == before
            reviews.append(kind, who=who, study="a", study_sha256="S", bundle_sha256="B", shown={}, content={})
            assert held == before  # what was handed out is not changed
            before = deepcopy(folded.up_to_now(reviews))
            assert before == standings(reviews.entries())
    with Reviews(tmp_path / "another.sqlite") as another:
        assert folded.up_to_now(another) == Standings()
