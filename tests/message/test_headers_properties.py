"""Typed headers: what any value and any text must hold."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sansip.errors import LocalProtocolError, RemoteProtocolError
from sansip.message import CSeq, NameAddr, Request, Via, headers
from sansip.message.fields import STAR
from sansip.message.grammar import Params
from sansip.message.header_params import quote
from sansip.message.header_values import (
    AuthenticationInfo,
    Challenge,
    Credentials,
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
from sansip.message.headers import Header, One

ALNUM = string.ascii_letters + string.digits
tokens = st.text(ALNUM + "-.!%*_+`'~", min_size=1, max_size=12)
words = st.text(ALNUM + "-.!%*_+`'~()<>:\\\"/[]?{}", min_size=1, max_size=12)
call_ids = st.one_of(words, st.builds("{}@{}".format, words, words))
numbers = st.integers(0, 2**32 - 1)
# any text of one line: controls, separators, quotes, what UTF-8 has and what it has not
# Any text, and what stands for bytes that are no UTF-8; other surrogates stand for nothing.
lines = st.text(
    st.one_of(
        st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]),
        st.sampled_from("\udc80\udcff"),
    ),
    max_size=20,
)
texts = st.one_of(lines, st.text(ALNUM + ' \t"\\,;<>()=@', max_size=20)).map(
    lambda it: it.strip(" \t")
)
given_values = st.one_of(st.just(""), tokens, lines.map(quote), st.just("[2001:db8::1]"))
params: st.SearchStrategy[Params] = st.dictionaries(
    tokens.map(str.lower), given_values, max_size=4
).map(lambda found: tuple(found.items()))
full_params = st.dictionaries(
    tokens.map(str.lower), given_values.filter(bool), min_size=1, max_size=4
).map(lambda found: tuple(found.items()))
uris = st.one_of(
    st.builds(
        "sip:{}@h{}".format, st.text(ALNUM, min_size=1), st.sampled_from(["", ";lr", "?a=b,c"])
    ),
    st.sampled_from(["tel:+1;ext=2", "http://h/a,b;c?d", "urn:service:sos"]),
)
tags = st.tuples(st.tuples(st.just("to-tag"), tokens), st.tuples(st.just("from-tag"), tokens))
comments = st.recursive(
    st.text(ALNUM + ' ,;"<', max_size=5) | st.sampled_from(["\\(", "\\)", "\\\\"]),
    lambda inner: st.lists(st.one_of(inner, inner.map("({})".format)), max_size=4).map("".join),
)
vias = st.builds(
    Via,
    st.sampled_from(["UDP", "TCP", "TLS", "UNKNOWN"]),
    st.sampled_from(["h", "H.example.com.", "192.0.2.1", "2001:db8::1"]),
    st.none() | st.integers(0, 65_535),
    st.none() | tokens,
    params.map(lambda found: tuple([pair for pair in found if pair[0] != "branch"])),
)
decimals = st.from_regex(r"[0-9]{1,9}(\.[0-9]{0,9})?", fullmatch=True)

VALUES: tuple[tuple[Header, st.SearchStrategy[object]], ...] = (
    (headers.TO, st.builds(NameAddr, lines, uris, params)),
    (headers.CONTACT, st.builds(NameAddr, lines, uris, params) | st.just(STAR)),
    (headers.VIA, vias),
    (headers.CSEQ, st.builds(CSeq, numbers, tokens)),
    (headers.CALL_ID, call_ids),
    (headers.IN_REPLY_TO, call_ids),
    (headers.EXPIRES, numbers),
    (headers.RSEQ, numbers),
    (headers.REQUIRE, tokens),
    (headers.PRIVACY, tokens),
    (headers.SUBJECT, texts),
    (headers.IDENTITY, texts),
    (headers.EVENT, st.builds(Parameterised, tokens, params)),
    (headers.ACCEPT, st.builds(Parameterised, st.builds("{}/{}".format, tokens, tokens), params)),
    (headers.USER_TO_USER, st.builds(Parameterised, tokens | lines.map(quote), params)),
    (headers.REASON, st.builds(Reason, tokens, params)),
    (headers.SESSION_EXPIRES, st.builds(Interval, numbers, params)),
    (headers.REPLACES, st.builds(DialogId, call_ids, tags)),
    (headers.RETRY_AFTER, st.builds(RetryAfter, numbers, st.none() | comments, params)),
    (headers.DATE, st.builds(Date.at, st.integers(-62_167_219_200, 253_402_300_799))),
    (headers.TIMESTAMP, st.builds(Timestamp, decimals, st.just("") | decimals | st.just("."))),
    (headers.RACK, st.builds(RAck, numbers, numbers, tokens)),
    (headers.WARNING, st.builds(SipWarning, st.integers(0, 999), tokens, lines)),
    (headers.WWW_AUTHENTICATE, st.builds(Challenge, tokens, full_params)),
    (headers.AUTHORIZATION, st.builds(Credentials, tokens, full_params)),
    (
        headers.AUTHORIZATION,
        st.builds(
            Credentials,
            tokens,
            st.just(()),
            tokens.map("YT{}==".format).filter(lambda it: not set("!%*`'") & set(it)),
        ),
    ),
    (headers.AUTHENTICATION_INFO, st.builds(AuthenticationInfo, full_params)),
)
IDS = [f"{header.name}-{at}" for at, (header, _) in enumerate(VALUES)]


@pytest.mark.rule("3261-7.3.1-03", "3261-25-02", "3261-25-03", "3261-25-04")
@pytest.mark.parametrize(("header", "values"), VALUES, ids=IDS)
@given(data=st.data())
def test_every_value_reads_back_from_its_text(
    header: Header, values: st.SearchStrategy[object], data: st.DataObject
) -> None:
    value = data.draw(values)
    written = header.render(value)
    assert written == str(value)
    assert header.parse(written) == value
    request = Request.make("OPTIONS", "sip:h", [(header.name, written)])
    assert header.of(request) == (value if isinstance(header, One) else (value,))


@pytest.mark.rule("3261-7.3.1-03")
@given(values=st.lists(st.builds(NameAddr, lines, uris, params), max_size=5), data=st.data())
def test_lists_read_the_same_however_they_are_cut_into_rows(
    values: list[NameAddr], data: st.DataObject
) -> None:
    rows = [[str(value)] for value in values]
    for at in range(len(rows) - 1, 0, -1):
        if data.draw(st.booleans()):
            rows[at - 1] += rows.pop(at)
    request = Request.make("OPTIONS", "sip:h", [("Contact", " ,".join(row)) for row in rows])
    assert headers.CONTACT.of(request) == tuple(values)


READERS = {header.read: header for header in headers.BY_NAME.values()}  # one for each grammar
NEARLY = st.lists(
    st.one_of(
        st.sampled_from(
            [
                *'",;<>()@=/\\ \t\r\n[]:.*?',
                "\r\n ",
                "a",
                "1",
                "Digest ",
                "sip:h",
                "SIP/2.0/UDP h",
                ";tag=1",
                '"b"',
            ]
        ),
        st.characters(),
    ),
    max_size=12,
).map("".join)


def outcome(header: Header, text: str) -> object:
    try:
        return header.parse(text)
    except RemoteProtocolError as error:
        return error


@pytest.mark.rule("3261-25-02")
@pytest.mark.parametrize("header", READERS.values(), ids=lambda header: header.name)
@given(text=NEARLY)
def test_any_text_is_read_or_refused_and_what_is_read_can_be_written(
    header: Header, text: str
) -> None:
    value = outcome(header, text)
    if isinstance(value, RemoteProtocolError):
        assert value.header == header.name.lower()
        assert value.rule
        return
    try:
        written = header.render(value)
    except LocalProtocolError:
        # a text with a line end in it, or that is more than one value, never came from a row
        whole = isinstance(header, One) or header.split(text) == [text]
        assert {"\r", "\n"} & set(text) or not whole
    else:
        assert header.parse(written) == value


@given(params=params, name=tokens, text=lines)
def test_a_parameter_put_in_means_what_was_said(params: Params, name: str, text: str) -> None:
    address = NameAddr("", "sip:h", params).with_param(name, text)
    if not (len(text) > 1 and text[0] == text[-1] == '"'):  # quoted already
        assert address.unquoted(name.lower()) == text
    assert headers.TO.parse(str(address)) == address


@given(comment=comments, after=st.text(ALNUM + "()\\ "))
def test_a_comment_ends_where_its_parentheses_do(comment: str, after: str) -> None:
    assert comment_length(f"({comment}){after}") == len(comment) + 2
    assert comment_length(f"({comment}") == 0
    assert comment_length(f"{after.lstrip('(')}({comment})") in {0, len(comment) + 2}
