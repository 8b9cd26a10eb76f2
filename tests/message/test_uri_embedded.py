"""URIs that want headers and a body in the request that is made of them (RFC 3261 19.1.5)."""

import pytest

from sansip.message.uri import parse_uri
from sansip.message.uri_embedded import Embedded, embedded


@pytest.mark.rule("3261-19.1.1-02", "3261-19.1.2-01")
def test_harmless_headers_and_the_body_are_for_the_request() -> None:
    uri = parse_uri(
        "sip:h?Subject=a%20%2541&t=%3Csip:b%40h%3E&X-Mine=&body=v%3D0%0D%0A%FF&c=text/plain"
    )
    assert embedded(uri) == Embedded(
        (("subject", "a %41"), ("to", "<sip:b@h>"), ("x-mine", ""), ("content-type", "text/plain")),
        (),
        b"v=0\r\n\xff",
    )
    assert embedded(parse_uri("sip:h")) == Embedded((), (), None)


@pytest.mark.rule("3261-19.1.1-02")
@pytest.mark.parametrize(
    "header",
    [
        *("From=x", "f=x", "Call-ID=x", "%49=x", "CSeq=1", "Via=x", "v=x", "Record-Route=x"),
        *("ROUTE=x", "Path=x", "Authorization=x", "P-Asserted-Identity=x", "Accept=x", "k=x"),
        *("m=x", "Allow=x", "User-Agent=x", "Organization=x", "Content-Length=1", "l=1", "Date=x"),
        *("Content-Type=x/y", "Subject=a%0D%0ARoute:%20x", "Subject=a%00", "Subject=%0A"),
        *("a%0D%0AVia:%20x=", "a%20b=x", "=x"),
    ],
)
def test_dangerous_headers_are_refused(header: str) -> None:
    found = embedded(parse_uri(f"sip:h?s=1&{header}&s=2"))
    assert found.headers == (("subject", "1"), ("subject", "2"))
    assert len(found.refused) == 1


def test_a_body_brings_what_describes_it_and_the_first_one_counts() -> None:
    found = embedded(parse_uri("sip:h?Content-Type=a/b&body=1&body=2&Content-Length=9"))
    assert found == Embedded(
        (("content-type", "a/b"),), (("content-length", "9"), ("body", "2")), b"1"
    )
