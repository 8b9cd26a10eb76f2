"""What a message belongs to: the keys of transactions (RFC 3261 17.1.3, 17.2.3 and 9.2).

Keys are plain text and compare as such. Those of server transactions begin with ``s|``, those of
client transactions with ``c|``, so that one table can hold both. Where a request came from has no
part in them (3261-17.2.3-08): a client behind a changing NAT is still the same client.

    c|z9hG4bK4f2a|INVITE
    s|z9hg4bk77|192.0.2.1:5060|INVITE

A request whose branch lacks the magic cookie comes from an RFC 2543 client, and matches by many
fields, each by its own rule. Their canonical forms make up the key, so all of it stays one look-up:

    s|2543|6:INVITE|1:1|...

Use the request as it came: its Via may not yet have been stamped with received and rport, or a
new NAT binding would make a retransmission look like a new request (3261-18.2.1-03).
"""

from typing import Final

from sansip.message import Request, Via
from sansip.message.uri import canonical

_OTHERS: Final = (
    "BYE", "INFO", "MESSAGE", "NOTIFY", "OPTIONS", "PRACK", "PUBLISH", "REFER", "REGISTER",
    "SUBSCRIBE", "UPDATE",
)  # fmt: skip
SERVER: Final = "s|"  # how the keys of server transactions begin
CLIENT: Final = "c|"  # and those of client transactions
_2543: Final = f"{SERVER}2543|"  # how the keys of an RFC 2543 client's requests begin
_2543_INVITE: Final = f"{_2543}6:INVITE"
COOKIE: Final = "z9hg4bk"  # in lower case: a branch is a token, compared without case (AMB-05)


def client_key(branch: str, method: str) -> str:
    """Key of the client transaction that a request with this branch and method makes.

    For a response: the branch of its top Via, and the method in its CSeq; nothing else counts, so
    the 200 for a CANCEL never reaches the INVITE whose branch it shares (17.1.3). A branch is
    a token, and some send it back in capitals.
    """
    return f"{CLIENT}{branch.lower()}|{method}"


def server_key(request: Request) -> str:
    """Key of the server transaction that this request makes or repeats (17.2.3).

    An ACK has the key of the INVITE that it acknowledges, if that came outside of a dialog or has
    the cookie; see ``ack_keys``. An ACK for a 2xx has a branch of its own and matches nothing
    (3261-17.2.3-07), which makes it the core's.
    """
    if request.method == "ACK":
        return _key(request, "INVITE", None)
    return _key(request, request.method, request.to_tag)


def is_of_via(key: str, via: Via) -> bool:
    """Whether this is the key of a request that came with this top Via, and an RFC 3261 branch."""
    return key.startswith(f"{SERVER}{(via.branch or '').lower()}|{via.sent_by}|")


def invite_key(cancel: Request) -> str:
    """Key of the INVITE server transaction that a CANCEL is about (9.2, AMB-26).

    The CANCEL has its own one besides: ``server_key`` gives that.
    """
    return _key(cancel, "INVITE", cancel.to_tag)


def other_keys(cancel: Request) -> tuple[str, ...]:
    """Keys of the other server transactions that a CANCEL may be about, whatever good it does.

    It is to be matched "assuming that the request method is anything but CANCEL or ACK" (9.2): any
    method that is registered, here.
    """
    key = invite_key(cancel)
    if has_cookie(cancel):
        head = key.removesuffix("INVITE")
        return tuple([head + method for method in _OTHERS])
    tail = key.removeprefix(_2543_INVITE)
    return tuple([f"{_2543}{len(method)}:{method}{tail}" for method in _OTHERS])


def ack_keys(ack: Request) -> tuple[str, ...]:
    """Keys of the INVITE server transactions that this ACK may belong to, the likelier one first.

    With the cookie there is one. Without it the To tag of the INVITE counts, and an ACK does not
    say whether its INVITE had one: a first INVITE has none, one in a dialog the same as the ACK.
    What is found is to be confirmed by ``acknowledges``.
    """
    first = server_key(ack)
    if ack.to_tag is None or not first.startswith(_2543):
        return (first,)
    return first, _key(ack, "INVITE", ack.to_tag)


def acknowledges(ack: Request, to_tag_sent: str | None) -> bool:
    """Whether an ACK, of the right key, is for the response that was sent with this To tag.

    With the cookie the key alone decides. Without it "the To tag of the ACK matches the To tag of
    the response sent by the server transaction" (17.2.3): any other is for another response that
    the same INVITE got, a 2xx, and the core's. In Accepted nobody need ask: there every ACK goes to
    the transaction user (RFC 6026 6).
    """
    if _compliant_branch(ack.via) is not None:
        return True
    return _folded(ack.to_tag) == _folded(to_tag_sent)


def has_cookie(request: Request) -> bool:
    """Whether RFC 3261 made the branch of a request, so that it alone says what it belongs to."""
    return _compliant_branch(request.via) is not None


def _compliant_branch(via: Via) -> str | None:
    """Give the branch in lower case if RFC 3261 made it: cookie, and something behind (8.1.1.7)."""
    if via.branch is None:
        return None
    branch = via.branch.lower()
    return branch if branch.startswith(COOKIE) and branch != COOKIE else None


def _key(request: Request, method: str, to_tag: str | None) -> str:
    via = request.via
    branch = _compliant_branch(via)
    if branch is not None:
        return f"{SERVER}{branch}|{via.sent_by}|{method}"
    # "The INVITE request matches a transaction if the Request-URI, To tag, From tag, Call-ID, CSeq,
    # and top Via header field match ... Matching is done based on the matching rules defined for
    # each of those header fields" (17.2.3). The lengths keep one field from posing as two.
    fields = (
        method,
        str(request.cseq.number),
        request.call_id or "",
        _folded(request.from_tag),
        _folded(to_tag),
        _canonical_via(via),
        canonical(request.uri),  # unequal ones that share it differ in another field
    )
    return _2543 + "|".join([f"{len(field)}:{field}" for field in fields])


def _canonical_via(via: Via) -> str:
    params = sorted([f"{name}={_parameter(text)}" for name, text in via.params])
    return ";".join([f"{via.transport} {via.sent_by}", f"branch={_folded(via.branch)}", *params])


def _parameter(text: str) -> str:
    return text if text.startswith('"') else text.lower()


def _folded(text: str | None) -> str:
    return (text or "").lower()
