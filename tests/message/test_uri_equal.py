"""URIs compared (RFC 3261 19.1.4, its examples included; RFC 3966 4, 5954 4.2, 3986 6.2.2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sansip.errors import RemoteProtocolError
from sansip.message.uri import canonical, equivalent, parse_uri

EQUAL = [
    # the list of 19.1.4
    ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtlanTa.CoM;Transport=tcp"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
    ("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"),
    (
        "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
        "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
    ),
    (
        "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
        "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
    ),
    # escapes
    ("sip:a%2fb@h", "sip:a%2Fb@h"),
    ("sip:%2541@h", "sip:%2541@h"),
    ("sip:%7e%21@h", "sip:~!@h"),
    ("sip:a:%70w@h", "sip:a:pw@h"),
    ("sip:\u00e9@h", "sip:%C3%A9@h"),
    ("sip:\udce9@h", "sip:%e9@h"),
    ("sip:h;%6dethod=INVITE", "sip:h;method=%49NVITE"),
    ("sip:h;x=%5B1%5d", "sip:h;x=[1]"),
    ("sip:h;%5B=1", "sip:h;[=1"),
    # hosts and ports
    ("sip:[2001:db8::0:1]", "sip:[2001:DB8:0::1]"),
    ("sip:[::ffff:192.0.2.1]", "sip:[::FFFF:C000:201]"),
    ("sip:h;maddr=[2001:db8::0:1]", "sip:h;maddr=[2001:DB8::1]"),
    ("sip:h;maddr=Mc.example.com", "sip:h;maddr=mC.example.com"),
    ("sip:h:05060", "sip:h:5060"),
    ("sIpS:H", "sips:h"),
    # parameters and headers
    ("sip:h;user=Phone", "sip:h;USER=phone"),
    ("sip:h;method=INVITE", "sip:h;method=invite"),
    ("sip:h;x=A;y", "sip:h;Y;X=a"),
    ("sip:h;x=1;x=2", "sip:h;x=1;x=2"),
    ("sip:h?", "sip:h"),
    ("sip:h?Subject=a&&s=b", "sip:h?SUBJECT=b&subject=a"),
    ("sip:h?T%6f=%61", "sip:h?t=a"),
    # tel
    ("tel:+1", "TEL:+1"),
    ("tel:+1-201-555-0123", "tel:+1(201)555.0123"),
    ("tel:12ab;phone-context=Example.com", "tel:12AB;Phone-Context=example.COM"),
    ("tel:7;phone-context=+1-914;ext=1-2", "tel:7;ext=12;phone-context=+1914"),
    ("tel:+1;x=%41", "tel:+1;X=a"),
    # others
    ("URN:service:sos", "urn:service:sos"),
    ("im:%61lice@h", "im:alice@h"),
    ("HTTP://User@Example.com/A", "http://User@example.COM/A"),
    ("http://example.com", "http://EXAMPLE.com"),
]

DIFFERENT = [
    # the list of 19.1.4
    ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
    ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
    ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
    # schemes
    ("sip:bob@biloxi.com", "sips:bob@biloxi.com"),
    ("tel:1", "sip:1"),
    ("tel:+1", "sip:+1@h;user=phone"),
    # users
    ("sip:bob@h", "sip:h"),
    ("sip:bob@h", "sip:bob:@h"),
    ("sip:bob:a@h", "sip:bob:A@h"),
    ("sip:@h", "sip:h"),
    ("sip:a%3Ab@h", "sip:a:b@h"),
    ("sip:+358-555-1234567;a=1@h;user=phone", "sip:+3585551234567;a=1@h;user=phone"),
    ("sip:+1;a;b@h;user=phone", "sip:+1;b;a@h;user=phone"),
    # escapes
    ("sip:a%2541@h", "sip:aA@h"),
    ("sip:a%2541@h", "sip:a%41@h"),
    ("sip:a%25zz@h", "sip:a%zz@h"),
    ("sip:a%3Bb@h", "sip:a;b@h"),
    ("sip:a%2Bb@h", "sip:a+b@h"),
    ("sip:null-%00@h", "sip:null-%01@h"),
    ("sip:null-%00@h", "sip:null-@h"),
    ("sip:\u00c9@h", "sip:\u00e9@h"),
    # hosts
    ("sip:[::ffff:192.0.2.1]", "sip:192.0.2.1"),
    ("sip:192.0.2.1", "sip:192.0.2.01"),
    # parameters
    ("sip:h;user=phone", "sip:h"),
    ("sip:h;ttl=1", "sip:h"),
    ("sip:h;method=INVITE", "sip:h"),
    ("sip:h;maddr=192.0.2.1", "sip:h"),
    ("sip:h;maddr=192.0.2.1", "sip:h;maddr=192.0.2.2"),
    ("sip:h;x", "sip:h;x=1"),
    ("sip:h;x=1;x=2", "sip:h;x=1"),
    ("sip:h;x=1;x=2", "sip:h;x=2;x=1"),
    # headers
    ("sip:h?a=1&a=1", "sip:h?a=1"),
    ("sip:h?a=1%26b=2", "sip:h?a=1&b=2"),
    # tel
    ("tel:+1", "tel:+2"),
    ("tel:+1", "tel:1"),
    ("tel:+1;x=y", "tel:+1"),
    ("tel:7;phone-context=a-b.com", "tel:7;phone-context=ab.com"),
    ("tel:+1;isub=1-2", "tel:+1;isub=12"),
    # others
    ("urn:service:sos", "urn:service:SOS"),
    ("http://User@h/", "http://user@h/"),
    ("http://h/A", "http://h/a"),
    ("x:%2f", "x:/"),
]


@pytest.mark.rule(
    *("3261-19.1.4-02", "3261-19.1.4-04", "3261-19.1.4-05", "3261-19.1.4-06", "3261-19.1.4-07"),
    *("3261-19.1.2-01", "3261-25-11"),
)
@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_equivalent_uris(one: str, other: str) -> None:
    assert equivalent(parse_uri(one), parse_uri(other))
    assert equivalent(parse_uri(other), parse_uri(one))


@pytest.mark.rule(
    *("3261-19.1.4-01", "3261-19.1.4-02", "3261-19.1.4-03", "3261-19.1.4-04", "3261-19.1.4-05"),
    *("3261-19.1.4-06", "3261-19.1.4-07", "3261-19.1.2-01", "AMB-09"),
)
@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_uris_that_are_not_equivalent(one: str, other: str) -> None:
    assert not equivalent(parse_uri(one), parse_uri(other))
    assert not equivalent(parse_uri(other), parse_uri(one))


@pytest.mark.rule("3261-19.1.4-08")
def test_equivalence_is_not_transitive_and_no_hash_pretends_that_it_is() -> None:
    on, none, off = (parse_uri(f"sip:c@h{p}") for p in (";security=on", "", ";security=off"))
    assert equivalent(on, none)
    assert equivalent(none, off)
    assert not equivalent(on, off)
    assert len({on, none, off}) == 3
    assert canonical(on) == canonical(none) == canonical(off)
    assert parse_uri("sip:%63@h") != parse_uri("sip:c@h")


PIECES = st.sampled_from(
    [
        *("%61", "a", "A", "@", ":", ";", "?", "=", "&", "h", "H", "[::1]", "%25", ":1", "\u00e9"),
        *(";x=1", ";X=%31", ";x=2", ";transport=tcp", ";transport=%54CP", ";maddr=h"),
        *("?s=1", "?Subject=1"),
    ]
)
URIS = st.tuples(
    st.sampled_from(["sip:h", "SIP:a@H", "sips:a@[::1]"]), st.lists(PIECES, max_size=3)
).map(lambda parts: parts[0] + "".join(parts[1]))


@pytest.mark.rule("3261-19.1.4-08")
@given(URIS, URIS)
def test_equivalence_is_reflexive_and_symmetric_and_shares_a_canonical_form(
    one_text: str, other_text: str
) -> None:
    try:
        one, other = parse_uri(one_text), parse_uri(other_text)
    except RemoteProtocolError:
        return
    assert equivalent(one, one)
    assert equivalent(one, other) == equivalent(other, one)
    if equivalent(one, other):
        assert canonical(one) == canonical(other)
    assert canonical(one).isascii()
    assert " " not in canonical(parse_uri("sip:a%20b@h;x=%20?s=%20"))
