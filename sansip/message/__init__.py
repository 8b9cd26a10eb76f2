"""SIP messages: reading, editing without loss, writing (RFC 3261 7, 19, 20, 25).

From the bottom up:

* ``limits``, ``grammar`` (tokens, quoted strings, parameters), ``names`` (of headers);
* ``uri``, with ``uri_text`` and ``uri_escapes`` (its pieces), ``uri_telephone``, ``uri_embedded``;
* ``fields``: Via, CSeq and addresses, which a proxy reads all the time; ``header_params``;
* ``ordinary``: the pattern that recognises what nearly all messages look like;
* ``rows`` (name, colon, value), ``base`` and ``model``: ``Message``, ``Request``, ``Response``;
* ``parse``: a datagram to a message; ``parse_ordinary`` takes what the pattern recognises,
  ``parse_careful`` everything else; ``salvage`` what can be saved of the rest;
* ``framing``: a stream to messages; ``build``: replies, ACK, CANCEL;
* ``headers``: all other headers, typed, by ``header_readers`` and ``header_values``.
"""

from sansip.message import framing, headers
from sansip.message.base import Message
from sansip.message.build import ack, cancel, not_understood, phrase, reply, trying
from sansip.message.fields import (
    CSeq,
    NameAddr,
    Via,
    bracketed_uri,
    parse_bracketed,
    parse_cseq,
    parse_name_addr,
    parse_via,
)
from sansip.message.limits import ANY_SIZE, DEFAULT_LIMITS, MessageLimits
from sansip.message.model import Request, Response
from sansip.message.parse import parse
from sansip.message.salvage import salvage, top_branch
from sansip.message.uri import Decoded, Uri, canonical, equivalent, parse_uri
from sansip.message.uri_embedded import Embedded, embedded

__all__ = [
    "ANY_SIZE",
    "DEFAULT_LIMITS",
    "CSeq",
    "Decoded",
    "Embedded",
    "Message",
    "MessageLimits",
    "NameAddr",
    "Request",
    "Response",
    "Uri",
    "Via",
    "ack",
    "bracketed_uri",
    "cancel",
    "canonical",
    "embedded",
    "equivalent",
    "framing",
    "headers",
    "not_understood",
    "parse",
    "parse_bracketed",
    "parse_cseq",
    "parse_name_addr",
    "parse_uri",
    "parse_via",
    "phrase",
    "reply",
    "salvage",
    "top_branch",
    "trying",
]
