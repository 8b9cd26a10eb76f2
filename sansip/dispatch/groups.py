"""Destination groups: the order of their members, and what a member makes of a Request-URI."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final, Literal, assert_never, get_args

from sansip.address import bracketed
from sansip.errors import LocalProtocolError
from sansip.message import Uri
from sansip.value import value

Algorithm = Literal[
    "hash-call-id",
    "hash-from",
    "hash-to",
    "hash-uri",
    "round-robin",
    "hash-auth-user",
    "random",
    "hash",
    "first",
    "weight",
    "call-load",
    "relative-weight",
    "parallel",
    "latency",
    "round-robin-or-first",
    "srv",
]
Rewrite = Literal["host", "none"]

ALGORITHMS: Final[tuple[Algorithm, ...]] = get_args(Algorithm)  # at the place of their numbers
_NAMED: Final[Mapping[str, Algorithm]] = MappingProxyType(
    {"serial": "first", **{name: name for name in ALGORITHMS}}
)

# Of the dialled URI; they would lead away from the member that was chosen.
_WHERE = ("transport", "maddr", "ttl", "method", "lr")


@value
class Dispatch:
    """Send a request to a group's members, one after the other until one takes it.

    ``algorithm``    one of ``sansip.dispatch.ALGORITHMS``, by its name or by its number in Kamailio
    ``rewrite``      "host": the dialled user at the member's host, as OpenSER's ds_select_domain
                     did; "none": only the next hop is set, as ds_select_dst does
    ``key``          what "hash" hashes
    ``user_only``    a hash looks only at the user part of a URI
    ``use_default``  the last member of the list is tried last, and chosen by no algorithm
    ``uri``          what counts as dialled, in place of the Request-URI: with digits put in front
                     of its user, say (``request.uri.with_user("0" + user)``)
    """

    group: str
    algorithm: Algorithm | Literal["serial"] | int = "first"
    rewrite: Rewrite = "host"
    key: str = ""
    user_only: bool = False
    use_default: bool = False
    uri: Uri | None = None


def algorithm_named(wanted: object) -> Algorithm:
    """The name of an algorithm that is given by its name or its number ("serial" is "first").

    LocalProtocolError if there is none; Kamailio takes the first member then, and warns at every
    call (as OpenSER did, whose 9 is 8 here).
    """
    if isinstance(wanted, str):
        found = _NAMED.get(wanted)
        if found is not None:
            return found
    elif type(wanted) is int and 0 <= wanted < len(ALGORITHMS):
        return ALGORITHMS[wanted]
    # What is wrong with a policy is reported in 200 characters: the remedy comes early.
    remedy = f"write 0 to {len(ALGORITHMS) - 1}, or one of: {', '.join(ALGORITHMS)}"
    if isinstance(wanted, str):
        for near in get_close_matches(wanted.lower(), _NAMED, 1):
            remedy = f'did you mean "{near}"?'
    raise LocalProtocolError(f"there is no algorithm {wanted!r}; {remedy}")


def rewriting(how: Rewrite, dialled: Uri) -> Callable[[Uri], tuple[str, str]]:
    """Give what makes, for a member, its Request-URI and the URI to be located.

    What all members of a group have in common is done once.
    """
    match how:
        case "host":
            return _at_hosts(dialled)
        case "none":
            uri = dialled.for_request_line().text
            return lambda member: (uri, member.text)
        case _:
            assert_never(how)


def _at_hosts(dialled: Uri) -> Callable[[Uri], tuple[str, str]]:
    """The dialled user at each host; parameters of both, but the way is the member's."""
    user = ""
    if dialled.user is not None:
        password = "" if dialled.password is None else f":{dialled.password}"
        user = f"{dialled.user}{password}@"
    params = [param for param in dialled.params if param[0] not in _WHERE]
    is_secure = dialled.scheme == "sips"

    def at(member: Uri) -> tuple[str, str]:
        scheme = "sips" if is_secure else member.scheme  # never down from TLS
        uri = f"{scheme}:{user}{bracketed(member.host)}"
        if member.port is not None:
            uri += f":{member.port}"
        if params or member.params:
            own = [name for name, _ in member.params]
            listed = [*member.params, *[param for param in params if param[0] not in own]]
            uri += "".join([f";{name}={text}" if text else f";{name}" for name, text in listed])
        return uri, uri

    return at
