"""The program's responses: they must answer their request, and get what the program left out.

RFC 3261 8.2.6, RFC 4320 4. What does not fit is a mistake of the program: ``LocalProtocolError``.
"""

from sansip.errors import LocalProtocolError
from sansip.message import Request, Response

COPIED = ("From", "Call-ID", "CSeq")


def fitted(request: Request, response: Response, chosen: str | None, drawn: str) -> Response:
    """The response as it goes out to this request.

    ``chosen`` is the To tag that earlier responses had, ``drawn`` the one to use if the program has
    none of its own.
    """
    status = response.status
    _check_status(request, status)
    # "The From field of the response MUST equal the From header field of the request. The Call-ID
    # header field of the response MUST equal [...], the CSeq [...]. The Via header field values in
    # the response MUST equal the Via header field values in the request and MUST maintain the same
    # ordering" (8.2.6.2).
    if response.values("via") != request.values("via"):
        raise _strange(status, "Via", request, response)
    for name in COPIED:
        if response.get(name) != request.get(name):
            raise _strange(status, name, request, response)
    response = _with_tag(request, response, chosen, drawn)
    if response.content_length != len(response.body):
        response = response.set("Content-Length", str(len(response.body)))
    return response


def _check_status(request: Request, status: int) -> None:
    if request.method == "INVITE":
        return
    # It "MUST NOT send any provisional response with a Status-Code other than 100 to a non-INVITE
    # request", nor a 408 (RFC 4320 4.1, 4.2).
    if 100 < status < 200 or status == 408:
        raise LocalProtocolError(f"no {status} to {request.method}: RFC 4320 4 forbids it")


def _with_tag(request: Request, response: Response, chosen: str | None, drawn: str) -> Response:
    asked, to, tag = request.get("To") or "", response.get("To") or "", response.to_tag
    if request.to_tag is not None or response.status == 100:
        if to != asked:
            raise _strange(response.status, "To", request, response)
        return response
    # "However, if the To header field in the request did not contain a tag, the URI in the To
    # header field in the response MUST equal the URI in the To header field; additionally, the UAS
    # MUST add a tag [...]. The same tag MUST be used for all responses to that request" (8.2.6.2).
    if not to.startswith(asked) or to[len(asked) :].lstrip()[:1] not in ("", ";"):
        raise _strange(response.status, "To", request, response)
    if tag is None:
        return response.set("To", f"{to};tag={chosen or drawn}")
    if chosen is not None and tag != chosen:
        raise LocalProtocolError(
            f"the {response.status} has To tag {tag!r}, an earlier response had {chosen!r}"
        )
    return response


def _strange(status: int, name: str, request: Request, response: Response) -> LocalProtocolError:
    said, asked = response.get(name), request.get(name)
    return LocalProtocolError(
        f"the {status} does not answer its request, {name} is {said!r} and was {asked!r}: "
        "make it with sansip.reply"
    )
