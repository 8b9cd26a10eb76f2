"""Changes that know what SIP is made of: rows, separators, numbers, words."""

import re
from random import Random

from sansip.message.names import COMPACT, SPELLED

WORDS: tuple[bytes, ...] = (
    *(name.encode() for name in SPELLED.values()),
    *(f"\r\n{name}: ".encode() for name in SPELLED.values()),
    *(f"\r\n{short}:".encode() for short in COMPACT),
    *rb"INVITE ACK BYE CANCEL OPTIONS REGISTER SIP/2.0 SIP/3.0 sip: sips: tel:+1 urn:x *".split(),
    *rb"z9hG4bK ;branch= ;tag= ;rport ;received= ;maddr= ;ttl= ;lr ;transport=tcp".split(),
    *rb";user=phone ;method=INVITE ;q=0.5 ;expires=0 ?Route=x [2001:db8::1] [::1]:5060".split(),
    *rb"::ffff:192.0.2.1 192.0.2.1 h :5060 :65536 ::: < > <> ; ;; , ,, = : / @ [ ]".split(),
    *rb"\ \" % %41 %00 %0d%0a %2525 ? & () 0 -1 256 4294967295 4294967296 2147483648".split(),
    *rb"00000000000000000001 Digest".split(),
    *(b"SIP/2.0/UDP ", b"SIP/2.0 200 OK", b"SIP/2.0 100 ", b"Content-Length: 0", b"l: 5"),
    *(b"\r\n", b"\r\n\r\n", b"\r\n ", b"\r\n\t", b"\n", b"\r", b" ", b"\t", b"\0", b"\\\0", b'"'),
    *(b'realm="a, b"', b"Sat, 13 Nov 2010 23:29:00 GMT", b"9" * 40),
    # outside ASCII: letters that case-folding changes, digits, a blank, an overlong NUL, half a one
    *("\u00e9\u0131\u212a\u017f\u0661\u00b2\u00a0\u2028"[at].encode() for at in range(8)),
    *(b"\xc0\x80", b"\x80"),
)
_PLACES = re.compile(rb'[;,=<>"@:/? \[\]]|(?=\r\n)|(?<=\r\n)')
_NUMBER = re.compile(rb"[0-9]++")
_MOST = 3


def mutated(data: bytes, random: Random) -> bytes:
    """Change one thing, or up to three."""
    for _ in range(random.randint(1, _MOST)):
        data = random.choice(_CHANGES)(data, random)
    return data


def _word(data: bytes, random: Random) -> bytes:
    """Put a word where a separator is, or before it."""
    start, end = _place(_PLACES, data, random)
    return data[: random.choice((start, end))] + random.choice(WORDS) + data[end:]


def _number(data: bytes, random: Random) -> bytes:
    start, end = _place(_NUMBER, data, random)
    found = data[start:end] or b"0"
    near = b"%d" % (int(found[:18]) + random.choice((-1, 1, 10)))
    return data[:start] + random.choice((near, b"0" + found, found * 2, b"-1")) + data[end:]


def _line(data: bytes, random: Random) -> bytes:
    """Take a line out, or put it elsewhere, or there as well."""
    lines = data.split(b"\r\n")
    at, to = random.randrange(len(lines)), random.randrange(len(lines))
    line = lines[at]
    if random.random() < 2 / 3:
        del lines[at]
    if random.random() < 2 / 3:
        lines.insert(to, line)
    return b"\r\n".join(lines)


def _space(data: bytes, random: Random) -> bytes:
    start, end = _place(_PLACES, data, random)
    spaces = (b" ", b"\t", b"\r\n ", b"\r\n\t ", b" \r\n \r\n ")
    return data[:start] + random.choice(spaces) + data[start:end] + data[end:]


def _case(data: bytes, random: Random) -> bytes:
    start, _ = _place(_PLACES, data, random)
    end = start + random.randint(1, 12)
    return data[:start] + data[start:end].swapcase() + data[end:]


def _cut(data: bytes, random: Random) -> bytes:
    start, end = sorted((random.randint(0, len(data)), random.randint(0, len(data))))
    return random.choice((data[:start], data[:start] + data[end:], data + data[start:end]))


def _byte(data: bytes, random: Random) -> bytes:
    at = random.randint(0, len(data))
    return data[:at] + random.randbytes(1) + data[at + random.randint(0, 1) :]


def _place(pattern: re.Pattern[bytes], data: bytes, random: Random) -> tuple[int, int]:
    """Find a place, most of them as likely as others."""
    found = pattern.search(data, random.randint(0, len(data)))
    return (len(data), len(data)) if found is None else found.span()


_CHANGES = (_word, _word, _number, _line, _line, _space, _case, _cut, _byte)
