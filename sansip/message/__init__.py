"""SIP messages: reading, editing without loss, writing (RFC 3261 7, 19, 20, 25)."""

from sansip.message.build import ack, cancel, phrase, reply
from sansip.message.fields import CSeq, NameAddr, Via, name_addr, parse_cseq, parse_via
from sansip.message.limits import ANY_SIZE, DEFAULT_LIMITS, MessageLimits
from sansip.message.model import Message, Request, Response
from sansip.message.parse import parse
from sansip.message.salvage import salvage, top_branch
from sansip.message.uri import Uri, equivalent, parse_uri

__all__ = [
    "ANY_SIZE",
    "DEFAULT_LIMITS",
    "CSeq",
    "Message",
    "MessageLimits",
    "NameAddr",
    "Request",
    "Response",
    "Uri",
    "Via",
    "ack",
    "cancel",
    "equivalent",
    "name_addr",
    "parse",
    "parse_cseq",
    "parse_uri",
    "parse_via",
    "phrase",
    "reply",
    "salvage",
    "top_branch",
]
