"""The text of a URI, piece by piece: cut apart, and put together (RFC 3261 19.1.1, 19.1.2)."""

from collections.abc import Iterable
from typing import Final

from sansip.errors import LocalProtocolError, RemoteProtocolError
from sansip.message.grammar import MAX_PORT, Params, malformed, read_host_port
from sansip.message.uri_escapes import IN_HEADER, IN_PARAM, IN_PASSWORD, IN_USER, escape, plain_name

# "any given parameter-name MUST NOT appear more than once" (19.1.1). With two of these, whoever
# checks a URI and whoever follows it may go by different ones. Any other does no harm, lr included:
# however often it is there, it is there.
_ONCE: Final = ("transport", "maddr", "user", "ttl", "method")


# Cutting apart


def sections(text: str) -> tuple[str, str, str, str]:
    """Cut into what is before the host, host and port, parameters, headers; together the text.

    The first "@" ends the userinfo, which may hold ";" and "?" (19.1.1). A tel URI has its number
    in the place of the host, and no headers.
    """
    if text[:4].lower() == "tel:":
        number, semicolon, params = text[4:].partition(";")
        return text[:4], number, semicolon + params, ""
    at = text.find("@") + 1 or text.find(":") + 1
    rest, question, headers = text[at:].partition("?")
    where, semicolon, params = rest.partition(";")
    return text[:at], where, semicolon + params, question + headers


def read_uri_params(text: str) -> Params:
    """Read parameters, which begin with ";" each; empty ones do not count."""
    pairs = [piece.partition("=") for piece in text.split(";") if piece]
    return tuple([(plain_name(name), given) for name, _, given in pairs])


def read_uri_headers(text: str | None) -> Params:
    """Read what is behind "?"."""
    pairs = [piece.partition("=") for piece in (text or "").split("&") if piece]
    return tuple([(name, given) for name, _, given in pairs])


def check_params(params: Params, header: str) -> None:
    """Refuse parameters that leave in doubt where a request goes."""
    names = [name for name, _ in params]
    for name in _ONCE:
        if names.count(name) > 1:
            problem = f"parameter {name} comes twice"
            raise malformed(header, problem, "RFC 3261 19.1.1", "send it once")
    maddr = dict(params).get("maddr")
    if maddr:
        host = f"[{maddr}]" if maddr.count(":") > 1 and maddr[0] != "[" else maddr
        if read_host_port(host, header)[1] is not None:
            problem = "maddr has a port"
            raise malformed(header, problem, "RFC 3261 19.1.1", "send a host alone")


# Putting together


def scheme_text(scheme: str) -> str:
    """Give the scheme, if it is one that has a host."""
    if scheme.lower() not in {"sip", "sips"}:
        raise LocalProtocolError(f"scheme {scheme!r} is made by nobody here; say sip or sips")
    return scheme


def userinfo_text(user: str | None, password: str | None) -> str:
    """Give user and password, escaped, and "@"."""
    if user is None and password is None:
        return ""
    if not user:
        raise LocalProtocolError("a URI with an empty user is none; give None, or a user")
    secret = "" if password is None else f":{escape(password, IN_PASSWORD)}"
    return f"{escape(user, IN_USER)}{secret}@"


def host_text(host: str) -> str:
    """Give a host as it stands in a URI: IPv6 in brackets."""
    text = f"[{host}]" if ":" in host and host[0] != "[" else host
    try:
        good = read_host_port(text, "host") == (text.strip("[]"), None)
    except RemoteProtocolError:
        good = False
    if not good or text.startswith("[") != (":" in text):
        raise LocalProtocolError(f"{host[:80]!r} is neither a host name nor an IP address")
    return text


def port_text(port: int | None) -> str:
    """Give ":" and the port, or nothing."""
    if port is None:
        return ""
    if not 0 <= port <= MAX_PORT:
        raise LocalProtocolError(f"port {port} is not from 0 to {MAX_PORT}")
    return f":{port}"


def param_text(name: str, text: str) -> str:
    """Give ";" and a parameter, escaped; an address in maddr gets its brackets."""
    if not name:
        raise LocalProtocolError("a parameter has an empty name; give it one, or leave it out")
    given = host_text(text) if text and name.lower() == "maddr" else escape(text, IN_PARAM)
    return f";{escape(name, IN_PARAM)}={given}" if given else f";{escape(name, IN_PARAM)}"


def headers_text(headers: Iterable[tuple[str, str]]) -> str:
    """Give "?" and headers, escaped, or nothing."""
    pairs = [(escape(name, IN_HEADER), escape(text, IN_HEADER)) for name, text in headers]
    if not all(name for name, _ in pairs):
        raise LocalProtocolError("a header has an empty name; give it one, or leave it out")
    return "?" + "&".join([f"{name}={text}" for name, text in pairs]) if pairs else ""
