"""The checks that a user agent server makes before anything else, in their order (RFC 3261 8.2)."""

from collections.abc import Iterable

from sansip.errors import LocalProtocolError
from sansip.message import Request, Response, not_understood, reply

# The registry of methods: one of these that is not served is known, and not allowed.
METHODS = frozenset(
    {
        "ACK", "BYE", "CANCEL", "INFO", "INVITE", "MESSAGE", "NOTIFY", "OPTIONS", "PRACK",
        "PUBLISH", "REFER", "REGISTER", "SUBSCRIBE", "UPDATE",
    }
)  # fmt: skip


def refusal(
    request: Request,
    *,
    methods: Iterable[str],
    extensions: Iterable[str] = (),
    content: Iterable[str] = ("application/sdp",),
    encodings: Iterable[str] = ("identity",),
) -> Response | None:
    """What a user agent must answer before it looks any closer; None if all is well (RFC 3261 8.2).

    In this order: a method that is not served gets 405 with Allow, or 501 if nobody knows it; an
    option tag in Require that is not among ``extensions`` gets 420 with Unsupported; a body of a
    type or encoding that is not understood, unless it may be ignored, gets 415 with Accept or
    Accept-Encoding, whichever it was. Whom the request is for (To, Request-URI: 404) is for the
    program to say, and so is who it comes from. ACK and CANCEL are never refused.
    """
    if isinstance(methods, str):
        raise LocalProtocolError(f"methods={methods!r} is one text; give the names one by one")
    # An ACK is never answered, whatever is wrong with it; and of Require in CANCEL and ACK: "These
    # header fields MUST be ignored if they are present in these requests" (8.2.2.3).
    if request.method in ("ACK", "CANCEL"):
        return None
    served = tuple(methods)
    if request.method not in served:
        return _not_served(request, served)
    return _not_extended(request, extensions) or _not_understood(request, content, encodings)


def _not_served(request: Request, served: tuple[str, ...]) -> Response:
    # "If the UAS recognizes but does not support the method of a request, it MUST generate a 405
    # (Method Not Allowed) response [...] MUST also add an Allow header field" (8.2.1). 501: "when a
    # UAS does not recognize the request method" (21.5.2).
    allow = ("Allow", ", ".join(served))
    return reply(request, 405 if request.method in METHODS else 501, headers=(allow,))


def _not_extended(request: Request, extensions: Iterable[str]) -> Response | None:
    # "If a UAS does not understand an option-tag listed in a Require header field, it MUST respond
    # by generating a response with status code 420 (Bad Extension). The UAS MUST add an Unsupported
    # header field, and list in it those options it does not understand" (8.2.2.3).
    tags = not_understood(request, "require", extensions)
    return reply(request, 420, headers=(("Unsupported", tags),)) if tags else None


def _not_understood(
    request: Request, content: Iterable[str], encodings: Iterable[str]
) -> Response | None:
    # "If there are any bodies whose type (indicated by the Content-Type), language [...] or
    # encoding [...] are not understood, and that body part is not optional (as indicated by the
    # Content-Disposition header field), the UAS MUST reject the request with a 415" (8.2.3).
    if not request.body or _is_optional(request):
        return None
    media = (request.get("content-type") or "").partition(";")[0].strip().lower()
    types = tuple(content)
    if media not in [text.lower() for text in types]:
        return reply(request, 415, headers=(("Accept", ", ".join(types)),))
    used = [encoding.lower() for encoding in request.values("content-encoding")]
    understood = tuple(encodings)
    if not set(used) <= {text.lower() for text in understood}:
        return reply(request, 415, headers=(("Accept-Encoding", ", ".join(understood)),))
    return None


def _is_optional(request: Request) -> bool:
    params = (request.get("content-disposition") or "").lower().split(";")[1:]
    return any(param.replace(" ", "") == "handling=optional" for param in params)
