"""The tables are complete, and their messages are what they say."""

import pytest

from torture import RFC_4475, RFC_5118
from torture.proxy import plain
from torture.rows import Row, params

NAMES_OF_4475 = """
    wsinv intmeth esc01 escnull esc02 lwsdisp longreq dblreq semiuri transports mpart01 unreason
    noreason
    badinv01 clerr ncl scalar02 scalarlg quotbal ltgtruri lwsruri lwsstart trws escruri baddate
    regbadct badaspec baddn badvers mismatch01 mismatch02 bigcode
    badbranch insuf unkscm novelsc unksm2 bext01 invut regaut01 multi01 mcl01 bcast zeromf cparam01
    cparam02 regescrt sdp01 inv2543
"""
NAMES_OF_5118 = """
    ipv6-good ipv6-bad port-ambiguous port-unambiguous via-received-param-with-delim
    via-received-param-no-delim ipv6-in-sdp mult-ip-in-header mult-ip-in-sdp ipv4-mapped-ipv6
    ipv6-bug-abnf-3-colons ipv6-correct-abnf-2-colons
"""
LENGTH_NAMES = (b"content-length", b"l")
# Their Content-Length is wrong or missing on purpose.
MISMEASURED = {"clerr", "ncl", "mcl01", "dblreq", "inv2543"}


def test_there_are_49_rows_and_12() -> None:
    assert [row.name for row in RFC_4475] == NAMES_OF_4475.split()
    assert [row.name for row in RFC_5118] == NAMES_OF_5118.split()
    assert (len(RFC_4475), len(RFC_5118)) == (49, 12)
    assert len({row.data for row in RFC_4475 + RFC_5118}) == 61


@pytest.mark.parametrize("row", params(RFC_4475 + RFC_5118))
def test_content_length_is_right_where_it_is_not_meant_to_be_wrong(row: Row) -> None:
    _, rows, body = plain(row.data)
    lengths = [text.partition(b":")[2].strip() for name, text in rows if name in LENGTH_NAMES]
    assert (lengths == [b"%d" % len(body)]) is (row.name not in MISMEASURED)
