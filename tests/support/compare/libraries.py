"""How each library reads a datagram: its own ordinary entry point, and nothing besides.

The libraries have no types that count, and may not be there; what comes out of them is Any, and
stays in here.
"""

import importlib
import importlib.metadata
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias
from unittest.mock import MagicMock

Raw: TypeAlias = Any  # a message of some library, a header of one

NOT_OFFERED: Final = "(not offered)"


class Typed(NamedTuple):
    """What is read of the top Via, of From and of To, as the library gives it."""

    via_host: Raw
    via_port: Raw
    branch: Raw
    display: Raw
    from_host: Raw
    from_tag: Raw
    to_host: Raw
    to_tag: Raw


@dataclass(frozen=True)
class Library:
    """One library: what it does with a datagram, and with the message that comes out."""

    name: str
    parse: Callable[[bytes], Raw]
    typed: Callable[[Raw], Typed]
    call_id: Callable[[Raw], Raw]
    cseq: Callable[[Raw], Raw]
    body: Callable[[Raw], Raw]
    render: Callable[[Raw], bytes] | None = None

    @property
    def version(self) -> str:
        """The release that is installed."""
        if self.name == "sansip":
            return str(importlib.import_module("sansip").__version__)
        return importlib.metadata.version(self.name)


def _load(name: str) -> Any:  # noqa: ANN401 - nothing is known of it
    return importlib.import_module(name)


def _sansip() -> Library:
    message = _load("sansip.message")
    parse_name_addr = message.parse_name_addr

    def typed(read: Raw) -> Typed:
        via = read.via
        sender = parse_name_addr(read.get("from"), "From")
        to = parse_name_addr(read.get("to"), "To")
        return Typed(
            via.host,
            via.port,
            via.branch,
            sender.display,
            sender.uri.host,
            sender.param("tag"),
            to.uri.host,
            to.param("tag"),
        )

    return Library(
        "sansip",
        message.parse,
        typed,
        lambda read: read.call_id,
        lambda read: read.cseq,
        lambda read: read.body,
        lambda read: read.render(),
    )


def _sippy() -> Library:
    # SipTransactionManager.handleIncoming decodes, and then asks which of the two it is.
    request, response = _load("sippy.SipRequest").SipRequest, _load("sippy.SipResponse").SipResponse

    def parse(data: bytes) -> Raw:
        text = data.decode()
        return response(text) if text.startswith("SIP/2.0 ") else request(text)

    def typed(read: Raw) -> Typed:
        via = read.getHFBody("via")
        host, port = via.getAddr()
        sender, to = read.getHFBody("from"), read.getHFBody("to")
        address = sender.getUri()
        return Typed(
            host,
            port,
            via.getBranch(),
            address.name,
            address.url.host,
            sender.getTag(),
            to.getUri().url.host,
            to.getTag(),
        )

    return Library(
        "sippy",
        parse,
        typed,
        lambda read: str(read.getHFBody("call-id")),
        lambda read: read.getHFBody("cseq").getCSeq(),
        lambda read: str(read.getBody()),
        lambda read: str(read).encode(),
    )


def _aiosipua() -> Library:
    ua = _load("aiosipua")

    def typed(read: Raw) -> Typed:
        via = ua.parse_via(read.get_header("via"))
        sender, to = read.from_addr, read.to_addr
        return Typed(
            via.host,
            via.port,
            via.branch,
            sender.display_name,
            sender.uri.host,
            sender.tag,
            to.uri.host,
            to.tag,
        )

    return Library(
        "aiosipua",
        ua.SipMessage.parse,
        typed,
        lambda read: read.call_id,
        lambda read: read.cseq,
        lambda read: read.body,
        bytes,
    )


def _sipmessage() -> Library:
    sip = _load("sipmessage")

    def typed(read: Raw) -> Typed:
        via = sip.Via.parse_many(read.headers["Via"])[0]
        sender, to = read.from_address, read.to_address
        return Typed(
            via.host,
            via.port,
            via.parameters.get("branch"),
            sender.name,
            sender.uri.host,
            sender.parameters.get("tag"),
            to.uri.host,
            to.parameters.get("tag"),
        )

    return Library(
        "sipmessage",
        sip.Message.parse,
        typed,
        lambda read: read.call_id,
        lambda read: read.cseq,
        lambda read: read.body,
        bytes,
    )


def _opensip() -> Library:
    headers = _load("opensip.headers")
    vias, address = headers.parse_via_list, headers.NameAddr.parse

    def typed(read: Raw) -> Typed:
        via = vias(read.headers.get("Via"))[0]
        sender, to = address(read.headers.get("From")), address(read.headers.get("To"))
        return Typed(
            via.host,
            via.port,
            via.params.get("branch"),
            sender.display,
            sender.uri.host,
            sender.params.get("tag"),
            to.uri.host,
            to.params.get("tag"),
        )

    return Library(
        "opensip",
        _load("opensip.message").parse_message,
        typed,
        lambda read: read.call_id,
        lambda read: read.cseq,
        lambda read: read.body,
        lambda read: read.encode(),
    )


def _twisted() -> Library:
    # What Base.datagramReceived does. Whatever is wrong goes to the log, and no message comes.
    sip = _load("twisted.protocols.sip")
    came: list[Raw] = []
    parser = sip.MessagesParser(came.append)

    def parse(data: bytes) -> Raw:
        came.clear()
        try:
            parser.dataReceived(data)
            parser.dataDone()
        except RuntimeError:
            parser.reset()
        if not came:
            problem = "no message came"
            raise ValueError(problem)
        return came[0]

    def typed(read: Raw) -> Typed:
        headers = read.headers
        via = sip.parseViaHeader(headers["via"][0])
        display, uri, params = sip.parseAddress(headers["from"][0])
        _, to_uri, to_params = sip.parseAddress(headers["to"][0])
        return Typed(
            via.host,
            via.port,
            via.branch,
            display,
            uri.host,
            params.get("tag"),
            to_uri.host,
            to_params.get("tag"),
        )

    return Library(
        "Twisted",
        parse,
        typed,
        lambda read: read.headers.get("call-id", [None])[0],
        lambda read: read.headers.get("cseq", [None])[0],
        lambda read: read.body,
        lambda read: read.toString().encode(),
    )


def _phone(name: str, package: str) -> Library:
    """PyVoIP, and rfcvoip which came of it: all is read at once, nothing is written back."""
    _load(f"{package}.VoIP")  # they import one another in a circle, which has to be entered here
    sip = _load(f"{package}.SIP")

    def typed(read: Raw) -> Typed:
        headers = read.headers
        via, sender, to = headers["Via"][0], headers["From"], headers["To"]
        host, port = via["address"]
        return Typed(
            host,
            port,
            via.get("branch"),
            sender["caller"],
            sender["host"],
            sender["tag"],
            to["host"],
            to["tag"],
        )

    return Library(
        name,
        sip.SIPMessage,
        typed,
        lambda read: read.headers.get("Call-ID"),
        lambda read: read.headers.get("CSeq"),
        lambda read: getattr(read, "body_raw", NOT_OFFERED),
    )


def _voip_utils() -> Library:
    # The package looks for the Opus library when it is imported; its SIP code has no use for it.
    sys.modules.setdefault("opuslib_next", MagicMock())
    sip = _load("voip_utils.sip")
    endpoint = sip.SipEndpoint

    def typed(read: Raw) -> Typed:
        headers = read.headers
        host, port = sip.parse_via_header(headers["via"])
        sender, to = endpoint(headers["from"]), endpoint(headers["to"])
        return Typed(
            host,
            port,
            NOT_OFFERED,
            sender.description,
            sender.host,
            sender.header_parameters.get("tag"),
            to.host,
            to.header_parameters.get("tag"),
        )

    return Library(
        "voip-utils",
        lambda data: sip.SipMessage.parse_sip(data.decode("utf-8")),
        typed,
        lambda read: read.headers.get("call-id"),
        lambda read: read.headers.get("cseq"),
        lambda read: read.body,
    )


def _pysipio() -> Library:
    core = _load("PySIP.sip_core")

    def parse(data: bytes) -> Raw:
        read = core.SipMessage(data.decode())
        read.parse()
        return read

    def typed(read: Raw) -> Typed:
        no = NOT_OFFERED
        return Typed(no, no, read.branch, no, no, read.from_tag, no, read.to_tag)

    return Library(
        "PySIPio",
        parse,
        typed,
        lambda read: read.call_id,
        lambda read: read.cseq,
        lambda read: NOT_OFFERED,
    )


_MAKERS: Final[dict[str, Callable[[], Library]]] = {
    "sansip": _sansip,
    "sippy": _sippy,
    "aiosipua": _aiosipua,
    "sipmessage": _sipmessage,
    "opensip": _opensip,
    "Twisted": _twisted,
    "rfcvoip": lambda: _phone("rfcvoip", "rfcvoip"),
    "pyVoIP": lambda: _phone("pyVoIP", "pyVoIP"),
    "voip-utils": _voip_utils,
    "PySIPio": _pysipio,
}


def available() -> tuple[list[Library], dict[str, str]]:
    """Give the libraries that are there, and for each that is not the reason."""
    found: list[Library] = []
    missing: dict[str, str] = {}
    for name, make in _MAKERS.items():
        try:
            found.append(make())
        except Exception as error:  # noqa: BLE001 - a library may fail to load in any way
            missing[name] = f"{type(error).__name__}: {error}"
    return found, missing
