"""Destination groups: the order of their members, and what a member makes of a Request-URI."""

from typing import Literal, assert_never

from sansip.dispatch.members import Member
from sansip.message import Uri
from sansip.value import value

Algorithm = Literal["first"]
Rewrite = Literal["host", "none"]

ALGORITHMS: tuple[Algorithm, ...] = ("first",)

# Of the dialled URI; they would lead away from the member that was chosen.
_WHERE = ("transport", "maddr", "ttl", "method", "lr")


@value
class Dispatch:
    """Send a request to a group's members, one after the other until one takes it.

    ``algorithm``    "first": in the order of the list, always from its beginning
    ``rewrite``      "host": the dialled user at the member's host, as OpenSER's ds_select_domain
                     did; "none": only the next hop is set, as ds_select_dst does
    ``key``          what "hash" hashes
    ``user_only``    a hash looks only at the user part of a URI
    ``use_default``  the last member of the list is tried last, and chosen by no algorithm
    """

    group: str
    algorithm: Algorithm = "first"
    rewrite: Rewrite = "host"
    key: str = ""
    user_only: bool = False
    use_default: bool = False


def order(algorithm: Algorithm, members: tuple[Member, ...]) -> tuple[Member, ...]:
    """The members in the order in which a request tries them."""
    match algorithm:
        case "first":
            return members
        case _:
            assert_never(algorithm)


def rewrite(how: Rewrite, dialled: Uri, member: Uri) -> tuple[str, str]:
    """The Request-URI for this member, and the URI to be located."""
    match how:
        case "host":
            uri = _at(member, dialled)
            return uri, uri
        case "none":
            return str(dialled.for_request_line()), str(member)
        case _:
            assert_never(how)


def _at(member: Uri, dialled: Uri) -> str:
    """The dialled user at the member's host; parameters of both, but the way is the member's."""
    user = ""
    if dialled.user is not None:
        password = "" if dialled.password is None else f":{dialled.password}"
        user = f"{dialled.user}{password}@"
    host = f"[{member.host}]" if ":" in member.host else member.host
    port = "" if member.port is None else f":{member.port}"
    own = {name for name, _ in member.params}
    params = (
        *member.params,
        *(p for p in dialled.params if p[0] not in _WHERE and p[0] not in own),
    )
    listed = "".join([f";{name}={text}" if text else f";{name}" for name, text in params])
    scheme = "sips" if dialled.scheme == "sips" else member.scheme  # never down from TLS
    return f"{scheme}:{user}{host}{port}{listed}"
