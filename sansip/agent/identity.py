"""What a request is known by besides its branch: Call-ID, tags and CSeq (RFC 3261 8.2.2.2, 13.3).

The ACK of a 2xx has a branch of its own, and so has a copy of a request that came another way. They
are known by what both ends of a dialog know. The tags are tokens and compare without case; the
lengths keep one field from posing as two.
"""

from sansip.message import Request


def identity(request: Request) -> str:
    """What a request has in common with the copies of it that another path has brought."""
    return _identity(request, request.method, request.to_tag)


def acknowledged(ack: Request) -> tuple[str, str]:
    """The identities of the INVITE that an ACK may be for: one within a dialog, and a first one.

    The To tag that a first INVITE did not have is the one that its 2xx gave: the caller compares.
    """
    return _identity(ack, "INVITE", ack.to_tag), _identity(ack, "INVITE", None)


def _identity(request: Request, method: str, to_tag: str | None) -> str:
    fields = (request.call_id or "", (request.from_tag or "").lower(), (to_tag or "").lower())
    listed = "|".join([f"{len(field)}:{field}" for field in fields])
    return f"{method}|{request.cseq.number}|{listed}"
