"""Whose a certificate is: the SIP domains that it names, and whether the wanted one is among them.

RFC 5922 7. Chain, validity and purpose of a certificate are for whoever has verified it, a TLS
library: what has not been verified has no identities.
"""

import re
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Final, Literal, cast

from sansip.errors import RemoteProtocolError
from sansip.message import parse_uri

Clients = Literal["any", "ask", "require"]
"""What is asked of those who call: no certificate, one if they have it, or one in any case. One
that cannot be verified ends the connection."""

# A wildcard is no name: "Implementations MUST NOT match any form of wildcard" (7.2).
_DOMAIN: Final = re.compile(r"[A-Za-z0-9_-]++(?:\.[A-Za-z0-9_-]++)*+\.?+")


def identities(certificate: Mapping[str, object] | None) -> tuple[str, ...]:
    """The SIP domains that a verified certificate names, in lower case; of most there is one.

    ``certificate`` is what ``getpeercert()`` of Python's ``ssl`` gives: a dict, empty (or None)
    where nothing has been verified. IP addresses come last: RFC 5922 knows no such identities, but
    whoever is asked for by address has no other.
    """
    if not certificate:
        return ()
    found = certificate.get("subjectAltName")
    if found is None:
        # "If and only if the subjectAltName does not appear in the certificate, the implementation
        # MAY examine the CN field of the certificate. If a valid DNS name is found there, the
        # implementation MAY accept this value as a SIP domain identity" (7.1).
        subject = cast("Iterable[Iterable[tuple[str, str]]]", certificate.get("subject", ()))
        common = [text for part in subject for kind, text in part if kind == "commonName"]
        return _distinct(filter(_is_domain, common))
    names = tuple(cast("Iterable[tuple[str, str]]", found))
    # "An implementation MUST accept a domain name system identifier as a SIP domain identity if and
    # only if no other identity is found that matches the "sip" URI type" (7.1).
    domains = _hosts(names) or [text for kind, text in names if kind == "DNS" and _is_domain(text)]
    return _distinct([*domains, *[text for kind, text in names if kind == "IP Address"]])


def identifies(names: Iterable[str], wanted: str) -> bool:
    """Whether one of these identities is the domain, or the IP address, that was asked for.

    Without regard to case, and as a whole: no suffix counts, and no wildcard (7.2).
    """
    return _plain(wanted) in map(_plain, names)


def _hosts(names: Iterable[tuple[str, str]]) -> list[str]:
    """The hosts of the URIs that stand for a domain: scheme ``sip``, and no user (7.1)."""
    hosts: list[str] = []
    for kind, text in names:
        if kind == "URI":
            try:
                uri = parse_uri(text)
            except RemoteProtocolError:
                continue
            if uri.scheme == "sip" and uri.user is None:
                hosts.append(uri.host)
    return hosts


def _is_domain(text: str) -> bool:
    top = text.removesuffix(".").rpartition(".")[2]
    return _DOMAIN.fullmatch(text) is not None and not top.isdecimal()  # an IP address has its kind


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(_plain, names)))


def _plain(name: str) -> str:
    """The form in which names are compared."""
    text = name.strip().lower().removeprefix("[").removesuffix("]").removesuffix(".")
    try:
        return str(ip_address(text))
    except ValueError:
        return text
