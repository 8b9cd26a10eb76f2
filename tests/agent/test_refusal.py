"""What a user agent refuses before it looks any closer, and in which order (RFC 3261 8.2)."""

import pytest

import sansip
from stage import SDP, Whatever, make_request

METHODS = ("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS")
TYPE = ("Content-Type", "Application/SDP;charset=x")


def refused(request: sansip.Request, **options: Whatever) -> sansip.Response | None:
    return sansip.refusal(request, **({"methods": METHODS} | options))


def invite(*headers: tuple[str, str], method: str = "INVITE", body: bytes = SDP) -> sansip.Request:
    return make_request(method, headers=headers, body=body)


def test_what_is_well_is_not_refused() -> None:
    assert refused(invite(TYPE)) is None
    assert refused(invite(body=b"")) is None
    assert refused(invite(("Require", "100REL"), TYPE), extensions=("100rel",)) is None
    assert refused(invite(TYPE, ("Content-Encoding", "Identity"))) is None


def test_spelling_does_not_matter_and_one_text_is_no_list() -> None:
    assert refused(invite(TYPE, ("Content-Encoding", "gzip")), encodings=["GZIP"]) is None
    with pytest.raises(sansip.LocalProtocolError, match="give the names one by one"):
        refused(invite(), methods="INVITE, ACK")


@pytest.mark.rule("3261-8.2-01")
@pytest.mark.parametrize(("method", "status"), [("MESSAGE", 405), ("REGISTER", 405), ("FOO", 501)])
def test_a_method_that_is_not_served(method: str, status: int) -> None:
    answer = refused(invite(method=method))
    assert answer is not None
    assert (answer.status, answer.get("allow")) == (status, "INVITE, ACK, BYE, CANCEL, OPTIONS")
    assert answer.cseq.method == method


@pytest.mark.rule("3261-8.2-01", "3261-8.2.2.3-01")
def test_an_extension_that_is_not_understood() -> None:
    answer = refused(invite(("Require", "a, 100rel"), ("Require", "b, a")), extensions=["100rel"])
    assert answer is not None
    assert (answer.status, answer.get("unsupported")) == (420, "a, b")
    many = refused(invite(("Require", ", ".join(f"x{n}" for n in range(99)))))
    assert many is not None
    assert len(many.values("unsupported")) == 20


@pytest.mark.rule("3261-8.2-01")
@pytest.mark.parametrize(
    ("headers", "status", "name", "listed"),
    [
        ([("Content-Type", "text/plain")], 415, "accept", "application/sdp"),
        ([], 415, "accept", "application/sdp"),
        ([TYPE, ("Content-Encoding", "gzip")], 415, "accept-encoding", "identity"),
    ],
)
def test_a_body_that_is_not_understood(
    headers: list[tuple[str, str]], status: int, name: str, listed: str
) -> None:
    answer = refused(invite(*headers))
    assert answer is not None
    assert (answer.status, answer.get(name)) == (status, listed)
    optional = ("Content-Disposition", "session; handling = Optional")
    assert refused(invite(*headers, optional)) is None
    assert refused(invite(*headers, ("Content-Disposition", "session"))) == answer


@pytest.mark.rule("3261-8.2-01")
def test_the_checks_have_an_order() -> None:
    """All is wrong at once: the first one speaks."""
    wrong = invite(("Require", "a"), ("Content-Type", "text/plain"), method="MESSAGE")
    statuses: list[int] = []
    for options in (
        {},
        {"methods": ["MESSAGE"]},
        {"methods": ["MESSAGE"], "extensions": ["a"]},
    ):
        answer = refused(wrong, **options)
        assert answer is not None
        statuses.append(answer.status)
    assert statuses == [405, 420, 415]


@pytest.mark.rule("3261-8.2-02", "3261-8.2.2.3-01")
@pytest.mark.parametrize("method", ["ACK", "CANCEL"])
def test_ack_and_cancel_are_never_refused(method: str) -> None:
    request = invite(("Require", "a"), ("Content-Type", "text/plain"), method=method)
    assert refused(request, methods=["INVITE"]) is None
