"""Readers of header values: text in, value out, ``RemoteProtocolError`` if malformed.

Each takes the text without folds and without white space at its ends, the header's name and the
rule that describes it, both for the error. All take time linear in the length of the text.
"""

import re
from collections.abc import Callable
from typing import Final, TypeVar

from sansip.message import grammar
from sansip.message.fields import (
    STAR,
    CSeq,
    NameAddr,
    Via,
    parse_bracketed,
    parse_cseq,
    parse_name_addr,
    parse_via,
)
from sansip.message.grammar import TOKEN_CHARACTERS, Params, is_quoted_string, is_token, unquote
from sansip.message.header_params import seconds as seconds_in
from sansip.message.header_values import (
    MONTHS,
    Authentication,
    AuthenticationInfo,
    Date,
    DialogId,
    Interval,
    Parameterised,
    RAck,
    Reason,
    RetryAfter,
    SipWarning,
    Timestamp,
    comment_length,
)
from sansip.message.uri import parse_uri

T = TypeVar("T")
A = TypeVar("A", bound=Authentication)
Reader = Callable[[str, str, str], T]

_WORD: Final = r"[A-Za-z0-9\-.!%*_+`'~()<>:\\\"/\[\]?{}]++"  # may have brackets and quotes, alone
_CALL_ID: Final = re.compile(rf"{_WORD}(?:@{_WORD})?+")
_TOKEN: Final = re.compile(rf"[{TOKEN_CHARACTERS}]++")
_MEDIA: Final = re.compile(rf"[{TOKEN_CHARACTERS}]++[ \t]*+/[ \t]*+[{TOKEN_CHARACTERS}]++")
_PAIRED: Final = re.compile(r"[ \t]*+/[ \t]*+")
_VERSION: Final = re.compile(r"[0-9]++\.[0-9]++")
_SCHEME: Final = re.compile(rf"([{TOKEN_CHARACTERS}]++)[ \t]++(.++)", re.DOTALL)
_TOKEN_68: Final = re.compile(r"[A-Za-z0-9\-._~+/]++=*+")
_TIMESTAMP: Final = re.compile(r"([0-9]++(?:\.[0-9]*+)?+)(?:[ \t]++([0-9]*+(?:\.[0-9]*+)?+))?+")
_WARNING: Final = re.compile(r'([0-9]{3})[ \t]++([^\x00-\x20\x7f",;<>]++)[ \t]++("[^\r\n]*+)')
_DATE: Final = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),[ ]++([0-9]{2})[ ]++([A-Z][a-z]{2})[ ]++([0-9]{4})[ ]++"
    r"([0-9]{2}):([0-9]{2}):([0-9]{2})[ ]++GMT"
)


def anything(text: str, header: str, rule: str) -> str:  # noqa: ARG001 (anything will do)
    """Take the text as it is: any, even none."""
    return text


def _matching(pattern: "re.Pattern[str]", problem: str, remedy: str) -> Reader[str]:
    def read(text: str, header: str, rule: str) -> str:
        if not pattern.fullmatch(text):
            raise grammar.malformed(header, problem, rule, remedy)
        return text

    return read


token: Final = _matching(_TOKEN, "is not one token", "send letters, digits and -.!%*_+`'~")
call_id: Final = _matching(_CALL_ID, "is not a word, or two round an @", "send word@host")
version: Final = _matching(_VERSION, "is not two numbers round a dot", "send 1.0")


def whole_number(most: int) -> Reader[int]:
    """Give the reader of numbers up to a bound."""

    def read(text: str, header: str, rule: str) -> int:
        found = grammar.number(text, most)
        if found is None:
            raise grammar.malformed(header, f"is not a number up to {most}", rule, "send digits")
        return found

    return read


def seconds(text: str, header: str, rule: str) -> int:
    """Read delta-seconds; what is more than 2**32-1 counts as that (10.2.1.1)."""
    found = seconds_in(text)
    if found is None:
        raise grammar.malformed(header, "is not a number of seconds", rule, "send digits")
    return found


def address(text: str, header: str, rule: str) -> NameAddr:  # noqa: ARG001 (parse_name_addr knows them)
    """Read name-addr or addr-spec, and see that the URI can be read, too."""
    found = parse_name_addr(text, header)
    parse_uri(found.uri_text, header)
    return found


def bracketed(text: str, header: str, rule: str) -> NameAddr:  # noqa: ARG001 (as in address)
    """Read name-addr alone, and see that the URI can be read, too."""
    found = parse_bracketed(text, header)
    parse_uri(found.uri_text, header)
    return found


def contact(text: str, header: str, rule: str) -> NameAddr:
    """Read an address or "*"."""
    return STAR if text == "*" else address(text, header, rule)


def via(text: str, header: str, rule: str) -> Via:  # noqa: ARG001 (parse_via knows them)
    """Read one Via value."""
    return parse_via(text)


def cseq(text: str, header: str, rule: str) -> CSeq:  # noqa: ARG001 (parse_cseq knows them)
    """Read a CSeq."""
    return parse_cseq(text)


def _cut(text: str, header: str) -> tuple[str, Params]:
    """Cut a value from the parameters after it. What is before ";" may have quotes unpaired."""
    before, semicolon, rest = text.partition(";")
    pieces = grammar.split_outside(rest, ";") if semicolon else []
    return before.rstrip(" \t"), grammar.read_params(pieces, header)


def _parameterised(first: Reader[str]) -> Reader[Parameterised]:
    def read(text: str, header: str, rule: str) -> Parameterised:
        before, rest = _cut(text, header)
        return Parameterised(first(before, header, rule), rest)

    return read


def _media_type(text: str, header: str, rule: str) -> str:
    if not _MEDIA.fullmatch(text):
        raise grammar.malformed(header, "is not a media type", rule, "send application/sdp")
    return _PAIRED.sub("/", text)


media_type: Final = _parameterised(_media_type)
with_params: Final = _parameterised(token)


def token_or_quoted(text: str, header: str, rule: str) -> Parameterised:
    """Read a token or a quoted string, and parameters (RFC 7315 4.3, RFC 7433 4.1)."""
    length = grammar.quoted_length(text)
    if not length:
        return with_params(text, header, rule)
    between, rest = _cut(text[length:], header)
    if between:
        problem = "has something between the quoted string and its parameters"
        raise grammar.malformed(header, problem, rule, "send a semicolon there")
    return Parameterised(text[:length], rest)


def reason(text: str, header: str, rule: str) -> Reason:
    """Read a protocol and parameters (RFC 3326 2)."""
    protocol, rest = _cut(text, header)
    return Reason(token(protocol, header, rule), rest)


def interval(text: str, header: str, rule: str) -> Interval:
    """Read seconds and parameters (RFC 4028 4, 5)."""
    before, rest = _cut(text, header)
    return Interval(seconds(before, header, rule), rest)


def dialog(*tags: str) -> Reader[DialogId]:
    """Give the reader of a Call-ID and parameters, of which these must be there."""

    def read(text: str, header: str, rule: str) -> DialogId:
        before, rest = _cut(text, header)
        found = DialogId(call_id(before, header, rule), rest)
        for tag in tags:
            if not is_token(found.param(tag) or ""):
                raise grammar.malformed(header, f"{tag} is missing or no token", rule, "send it")
        return found

    return read


def retry_after(text: str, header: str, rule: str) -> RetryAfter:
    """Read seconds, a comment or none, and parameters (20.33)."""
    digits = text[: len(text) - len(text.lstrip("0123456789"))]
    rest = text[len(digits) :].lstrip(" \t")
    length = comment_length(rest)
    between, pairs = _cut(rest[length:], header)
    if between:
        problem = "has something else than digits, a comment and parameters"
        raise grammar.malformed(header, problem, rule, "send for example 120 (in a meeting)")
    comment = rest[1 : length - 1] if length else None
    return RetryAfter(seconds(digits, header, rule), comment, pairs)


def date(text: str, header: str, rule: str) -> Date:
    """Read an RFC 1123 date in GMT; the day of the week is not looked at."""
    found = _DATE.fullmatch(text)
    if found is not None and found[2] in MONTHS:
        day, year, hour, minute, second = map(int, found.group(1, 3, 4, 5, 6))
        moment = Date(year, MONTHS.index(found[2]) + 1, day, hour, minute, second)
        if moment.exists:
            return moment
    problem = "is not a moment in GMT as RFC 1123 writes it"
    raise grammar.malformed(header, problem, rule, "send for example Sat, 13 Nov 2010 23:29:00 GMT")


def timestamp(text: str, header: str, rule: str) -> Timestamp:
    """Read a number and, if there is one, a delay (20.38)."""
    found = _TIMESTAMP.fullmatch(text)
    if found is None:
        raise grammar.malformed(header, "is not one or two decimal numbers", rule, "send 54.25")
    return Timestamp(found[1], found[2] or "")


def rack(text: str, header: str, rule: str) -> RAck:
    """Read two numbers and a method (RFC 3262 7.2)."""
    words = [word for word in text.replace("\t", " ").split(" ") if word]
    numbers = [grammar.number(word, grammar.MAX_32_BITS) for word in words[:2]]
    if len(words) == 3 and is_token(words[2]):
        match numbers:
            case [int(rseq), int(count)]:
                return RAck(rseq, count, words[2])
            case _:
                pass
    raise grammar.malformed(header, "is not two numbers and a method", rule, "send 1 2 INVITE")


def warning(text: str, header: str, rule: str) -> SipWarning:
    """Read a code of three digits, an agent and a quoted text (20.43)."""
    found = _WARNING.fullmatch(text)
    if found is None or not is_quoted_string(found[3]):
        problem = "is not three digits, an agent and a quoted string"
        raise grammar.malformed(header, problem, rule, 'send for example 399 host "text"')
    return SipWarning(int(found[1]), found[2], unquote(found[3]))


def authentication(make: Callable[[str, Params, str], A]) -> Reader[A]:
    """Give the reader of a scheme and comma-separated parameters, or one word of Base64."""

    def read(text: str, header: str, rule: str) -> A:
        found = _SCHEME.fullmatch(text)
        if found is None:
            problem = "does not begin with a scheme and something after it"
            raise grammar.malformed(header, problem, rule, 'send for example Digest realm="a"')
        scheme, rest = found.groups()
        if _TOKEN_68.fullmatch(rest):
            return make(scheme, (), rest)
        return make(scheme, _comma_params(rest, header, rule), "")

    return read


def authentication_info(text: str, header: str, rule: str) -> AuthenticationInfo:
    """Read comma-separated parameters (20.6)."""
    return AuthenticationInfo(_comma_params(text, header, rule))


def _comma_params(text: str, header: str, rule: str) -> Params:
    pieces = [piece for piece in grammar.split_outside(text, ",") if piece.strip(" \t")]
    pairs = grammar.read_params(pieces, header)
    if not pairs or not all(given and given[0] != "=" for _, given in pairs):
        problem = "is not a list of name=value"
        raise grammar.malformed(header, problem, rule, "send a value for each, at least one")
    return pairs
