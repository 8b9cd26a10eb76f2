"""Choosing the best response (RFC 3261 16.7 step 6, RFC 4320 4.2)."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sansip.message import Response
from sansip.proxy.best import Result, best, with_challenges


def received(status: int) -> Result:
    return Result(status, Response.make(status, ""))


STATUSES = st.integers(300, 699)
RESULTS = st.one_of(st.builds(Result, STATUSES), st.builds(received, STATUSES))


def chosen(*results: Result, invite: bool = True) -> Result | None:
    """The choice, which must not depend on the order."""
    choices = {best(order, invite=invite) for order in permutations(results)}
    assert len(choices) == 1
    return choices.pop()


@pytest.mark.rule("3261-16.7.6-02")
@pytest.mark.parametrize("other", [302, 401, 404, 500, 503])
@pytest.mark.parametrize("status", [600, 603, 606])
def test_any_6xx_wins(status: int, other: int) -> None:
    assert chosen(received(other), received(status)) == received(status)


@pytest.mark.rule("3261-16.7.6-02")
def test_else_the_lowest_class_wins() -> None:
    assert chosen(received(500), received(404), received(302)) == received(302)
    assert chosen(received(500), received(499)) == received(499)


@pytest.mark.rule("3261-16.7.6-02")
@pytest.mark.parametrize("status", [401, 407, 415, 420, 484])
@pytest.mark.parametrize("other", [400, 403, 404, 408, 480, 486, 487])
def test_in_4xx_what_helps_to_send_it_again_comes_first(status: int, other: int) -> None:
    assert chosen(received(other), received(status)) == received(status)


@pytest.mark.rule("3261-16.7.6-04")
def test_what_was_made_here_takes_part_but_what_was_received_beats_it_within_its_class() -> None:
    assert chosen(Result(408), received(500)) == Result(408)
    assert chosen(Result(408), received(486)) == received(486)
    assert chosen(Result(503), received(500)) == received(500)
    assert chosen(Result(503), received(503)) == received(503)


@pytest.mark.rule("3261-16.7.6-03")
@pytest.mark.parametrize("status", [302, 404, 500, 501, 504, 580, 600])
def test_anything_but_a_482_is_better_than_503(status: int) -> None:
    assert chosen(received(503), received(status)) == received(status)


@pytest.mark.rule("3261-8.2.2.2-01")
@pytest.mark.parametrize("other", [Result(408), Result(503), received(486), received(503)])
def test_a_482_comes_last_of_all(other: Result) -> None:
    assert chosen(received(482), other) == other
    assert chosen(received(482)) == received(482)


@pytest.mark.rule("4320-4.2-01", "4320-4.2-03", "AMB-07")
@pytest.mark.parametrize("timeout", [Result(408), received(408)], ids=["local", "received"])
def test_a_non_invite_never_gets_408_received_or_not(timeout: Result) -> None:
    assert chosen(timeout, invite=False) is None
    assert chosen(timeout, received(504), invite=False) == received(504)
    assert chosen(timeout) == timeout


@pytest.mark.rule("3261-16.7.6-01")
@pytest.mark.parametrize("invite", [True, False])
def test_of_nothing_nothing_is_chosen(*, invite: bool) -> None:
    assert best((), invite=invite) is None


def test_among_equals_the_first_one_wins() -> None:
    assert best((received(404), received(410)), invite=True) == received(404)


@pytest.mark.rule("3261-16.7.6-01")
@given(st.lists(RESULTS, min_size=1), st.booleans())
def test_the_choice_is_one_of_the_results(results: list[Result], invite: bool) -> None:  # noqa: FBT001
    choice = best(tuple(results), invite=invite)
    assert choice in results or (choice is None and not invite)


# --- challenges


def challenged(status: int, *rows: tuple[str, str]) -> Response:
    return Response.make(status, "", rows)


REALM_A, REALM_B = 'Digest realm="a", nonce="1, 2"', 'Digest realm="b"'


@pytest.mark.rule("3261-16.7.7-01", "3261-7.3.1-04")
@pytest.mark.parametrize("status", [401, 407])
def test_a_challenge_brings_those_of_all_others_along_unmodified(status: int) -> None:
    chosen = challenged(status, ("WWW-Authenticate", REALM_A), ("Server", "first"))
    others = (
        challenged(407, ("Proxy-Authenticate", REALM_B), ("Proxy-Authenticate", REALM_A)),
        challenged(404, ("WWW-Authenticate", "Digest of a 404")),
        challenged(401, ("WWW-Authenticate", REALM_A), ("Proxy-Authenticate", REALM_B)),
    )
    made = with_challenges(Result(status, chosen), (chosen, *others)).response
    assert made is not None
    assert made.status == status
    assert made.rows("www-authenticate") == (REALM_A, REALM_A)
    assert made.rows("proxy-authenticate") == (REALM_B, REALM_A, REALM_B)
    assert made.get("server") == "first"


def test_more_than_a_datagram_holds_is_not_put_together() -> None:
    chosen = Result(401, challenged(401, ("WWW-Authenticate", REALM_A)))
    other = challenged(407, *[("Proxy-Authenticate", f'Digest realm="{"x" * 4000}"')] * 5)
    assert with_challenges(chosen, (other,)) == chosen
    assert with_challenges(chosen, (challenged(407, ("Proxy-Authenticate", REALM_B)),)) != chosen


@pytest.mark.rule("3261-16.7.7-01")
def test_another_choice_brings_no_challenges_along() -> None:
    other = challenged(401, ("WWW-Authenticate", REALM_A))
    for chosen in (received(404), Result(408), received(600)):
        assert with_challenges(chosen, (other,)) == chosen
