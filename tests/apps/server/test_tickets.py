"""Tickets: a session's own and nobody else's, and over when it is over."""

from __future__ import annotations

from apps.people import Person
from apps.server.tickets import MOST_FILES, Made, Tickets

ANNA = Person(name="anna", roles=frozenset({"reader"}))


class Clock:
    """Seconds that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_token_opens_what_it_was_given_and_nothing_else() -> None:
    tickets = Tickets()
    one, other = tickets.issue("s1", ANNA), tickets.issue("s2", ANNA)
    tickets.grant(one, "key")
    assert tickets.allows(one, "key")
    assert not tickets.allows(other, "key")
    assert not tickets.allows(one, "another key")
    assert not tickets.allows("", "key")
    assert tickets.in_use() == {"key"}
    tickets.withdraw(one)
    assert not tickets.allows(one, "key")
    assert tickets.holder(one) == ANNA


def test_files_are_offered_to_one_session_and_the_oldest_give_way() -> None:
    tickets = Tickets()
    one, other = tickets.issue("s1", ANNA), tickets.issue("s2", ANNA)
    for number in range(MOST_FILES + 1):
        tickets.offer(one, str(number), Made)
        tickets.offer(one, "1", Made)  # drawn anew each time
    assert [key for key in map(str, range(MOST_FILES + 1)) if tickets.offered(one, key) is None] == ["0"]
    assert tickets.offered(other, "1") is None
    tickets.revoke(one)
    assert tickets.offered(one, "1") is None


def test_tokens_are_long_random_and_of_their_own() -> None:
    tickets = Tickets()
    tokens = {tickets.issue("s", ANNA) for _ in range(200)}
    assert len(tokens) == 200
    assert min(map(len, tokens)) >= 43, "256 bits, six a character"


def test_an_ended_session_loses_its_token_and_releases_once() -> None:
    clock = Clock()
    tickets, released = Tickets(clock), []
    token = tickets.issue("s", ANNA)
    tickets.grant(token, "key")
    tickets.tell(token, {"slice": 3})
    tickets.at_end(token, lambda: released.append("files"))
    for now, active in ((0, True), (10, False), (100, True), (110, False), (229, False)):
        clock.now = now
        assert tickets.sweep(lambda _, active=active: active, grace=120) == 0, "a lost connection may come back"
    assert tickets.allows(token, "key")
    clock.now = 231
    assert tickets.sweep(lambda _: False, grace=120) == 1
    assert not tickets.allows(token, "key")
    assert tickets.holder(token) is None
    assert tickets.told(token) == {}
    assert not tickets.tell(token, {"slice": 4})
    assert released == ["files"]
    tickets.revoke(token)
    assert released == ["files"]
    assert len(tickets) == 0


def test_a_stopping_server_releases_everything() -> None:
    tickets, released = Tickets(), []
    for name in "ab":
        tickets.at_end(tickets.issue(name, ANNA), lambda name=name: released.append(name))
    tickets.revoke_all()
    assert sorted(released) == ["a", "b"]
