"""What a hash looks at in a request: the keys of Kamailio's algorithms 0 to 3, 5 and 7.

Nothing here raises, whatever the request. A URI counts as user, host and port: parameters, the
scheme, a port that is the default and escapes that need not be say nothing about who it is.
"""

from typing import Literal, assert_never

from sansip.dispatch.groups import Dispatch
from sansip.errors import RemoteProtocolError
from sansip.message import Request, Uri, headers, parse_name_addr
from sansip.message.uri_escapes import plain

Hash = Literal["hash-call-id", "hash-from", "hash-to", "hash-uri", "hash-auth-user", "hash"]

_CREDENTIALS = (headers.PROXY_AUTHORIZATION, headers.AUTHORIZATION)
_DEFAULT_PORTS = (("sip", 5060), ("sips", 5061))


def key_of(hashed: Hash, wish: Dispatch, request: Request) -> str:
    """What is hashed; empty if there is nothing."""
    match hashed:
        case "hash-call-id":
            return request.call_id or ""
        case "hash-from":
            return _of_address(request.get("from") or "", user_only=wish.user_only)
        case "hash-to":
            return _of_address(request.get("to") or "", user_only=wish.user_only)
        case "hash-uri":
            return _of_request_uri(wish, request)
        case "hash-auth-user":
            return _auth_user(request)
        case "hash":
            return wish.key
        case _:
            assert_never(hashed)


def _of_address(text: str, *, user_only: bool) -> str:
    try:
        return _of_uri(parse_name_addr(text).uri, user_only=user_only)
    except RemoteProtocolError:
        return text


def _of_request_uri(wish: Dispatch, request: Request) -> str:
    try:
        return _of_uri(wish.uri or request.uri, user_only=wish.user_only)
    except RemoteProtocolError:  # not from the network: somebody made it
        return request.uri_text


def _of_uri(uri: Uri, *, user_only: bool) -> str:
    """The user, with its host and port unless only the user counts; never empty.

    Kamailio takes all URIs without a user for the same one then; here their host counts.
    """
    user = plain(uri.user or "")
    if user and user_only:
        return user
    if not (user or uri.host):
        return uri.text
    is_default = uri.port is None or (uri.scheme, uri.port) in _DEFAULT_PORTS
    return f"{user}@{uri.host}" if is_default else f"{user}@{uri.host}:{uri.port}"


def _auth_user(request: Request) -> str:
    """Who says to be calling; credentials that cannot be read are none."""
    for header in _CREDENTIALS:
        try:
            given = header.of(request)
        except RemoteProtocolError:
            continue
        for credentials in given:
            if credentials.username:
                return credentials.username
    return ""
