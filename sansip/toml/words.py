"""Checks of the values that are SIP's own: URIs, methods, header names, status codes, timers."""

import re

from sansip.errors import RemoteProtocolError
from sansip.message import Uri, parse_uri
from sansip.toml.checked import Wrong, seconds, some_text

TIMER_C = 180  # seconds; RFC 3261 16.6 step 11: Timer C must be greater
METHOD = re.compile(r"[A-Z][A-Z0-9]*+")
HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]*+")


def sip_uri(content: object) -> Uri:
    """Check for a SIP URI."""
    try:
        uri = parse_uri(some_text(content), "SIP URI")
    except RemoteProtocolError as error:
        raise Wrong(error.reason) from None
    if not uri.is_sip:
        raise Wrong("must be a SIP URI, such as sip:gw-1.example.com")
    return uri


def method(content: object) -> str:
    """Check for a method that a route can be about."""
    text = some_text(content)
    if not METHOD.fullmatch(text):
        raise Wrong("must be a method, in capitals, such as INVITE")
    if text in {"ACK", "CANCEL"}:
        raise Wrong("follows its INVITE by itself; take this route out")
    return text


def header(content: object) -> str:
    """Check for a header's name; in lower case."""
    text = some_text(content)
    if not HEADER.fullmatch(text):
        raise Wrong("must be a header's name, such as P-Asserted-Identity")
    return text.lower()


def status(content: object) -> int:
    """Check for the status of a failure that another hop might not have."""
    if isinstance(content, bool) or not isinstance(content, int) or not 300 <= content < 600:
        raise Wrong("must be a status code from 300 to 599; a 6xx ends every hunt")
    return content


def sign_of_life(content: object) -> int:
    """Check for a status that a probe may get."""
    if isinstance(content, bool) or not isinstance(content, int) or not 200 <= content < 700:
        raise Wrong("must be a status code from 200 to 699")
    return content


def timer_c(content: object) -> float:
    """Check for a Timer C."""
    found = seconds(content)
    if found <= TIMER_C:
        raise Wrong(f"must be above {TIMER_C} (RFC 3261 16.6 step 11)")
    return found
