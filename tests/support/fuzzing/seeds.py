"""What fuzzing begins with: the messages that the tests of this project are made of."""

from itertools import cycle, pairwise

import sansip
from fuzzing.targets import BETWEEN, RINGING
from sansip.message import headers, reply
from torture import ALL
from traffic import answer, invite

ODD_URIS: tuple[bytes, ...] = (
    b"sip:alice;x=1%40y:p%2fw@[2001:db8::1]:05060;transport=TCP;lr;maddr=h?Subject=a%20b&body=x",
    b"sips:%61lice@EXAMPLE.com;newparam=5;security=off\nsips:alice@example.com;security=off",
    b"sip:bob@h;lr\nsip:bob@h;LR=on\nsip:bob@h",
    b"tel:+1-201-555-0123;phone-context=example.com;ext=1\ntel:+12015550123",
    b"sip:+1(20)1@gw;user=phone\nhttp://a.example/x?y#z\nurn:service:sos",
)


def seeds(target: str) -> list[bytes]:
    """Give the seeds of one target."""
    return {
        "message": messages,
        "stream": _streams,
        "header": _rows,
        "uri": _uris,
        "engine": _events,
    }[target]()


def messages() -> list[bytes]:
    """An ordinary call, and the torture messages."""
    offer = invite(1)
    return [offer, answer(offer, 180), answer(offer, 200), *(row.data for row in ALL)]


def _streams() -> list[bytes]:
    every = messages()
    pings = b"\r\n\r\n\r\n"
    several = [b"\x02\x40\x80" + a + pings + b for a, b in pairwise(every)]
    hows = cycle([b"\x00", b"\x08", b"\x18", b"\x28", b"\x21\x80", b"\x10"])
    return [how + data for how, data in zip(hows, every, strict=False)] + several


def _rows() -> list[bytes]:
    """Every row of every message, and one for each header that there is a type for."""
    found = {b"%s: x" % name.encode() for name in headers.BY_NAME}
    for data in messages():
        head = data.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ")
        found.update(head.split(b"\r\n")[1:])
    return sorted(found)


def _uris() -> list[bytes]:
    found = set(ODD_URIS)
    for data in messages():
        words = data.partition(b"\r\n")[0].split(b" ")
        found.add(words[1] if len(words) > 1 else words[0])
    return sorted(found)


def _events() -> list[bytes]:
    forwarded = next(sansip.parse(send.data) for send in RINGING.sent if send.data[:6] == b"INVITE")
    assert isinstance(forwarded, sansip.Request)
    answers = [
        reply(forwarded, status, to_tag="g").render() for status in (100, 180, 200, 486, 503)
    ]
    cancelled = forwarded.render().replace(b"INVITE", b"CANCEL")
    calls = [
        BETWEEN.join([b"g" + answers[1], b"g" + final, b"t", b"c" + cancelled])
        for final in answers[2:]
    ]
    alone = [kind + data for data in messages() for kind in (b"c", b"s")]
    return calls + alone + [b"e" + forwarded.render(), b"t", b"g" + answers[0]]
