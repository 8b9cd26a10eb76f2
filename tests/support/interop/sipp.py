"""sipp: callers and callees by the hundred, with scenarios made of a conversation.

A conversation is a tuple of steps such as ``"caller INVITE"``, ``"callee INVITE"`` (a re-INVITE)
and ``"caller BYE"``; each side's scenario follows from it. Whatever comes that does not belong
there counts as a failure of that call, in sipp's own statistics.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import sansip
from interop.programs import Place, Program

Side = Literal["caller", "callee"]
Conversation = tuple[str, ...]

CALL: Conversation = ("caller INVITE", "caller BYE")
TALK: Conversation = ("caller INVITE", "caller INVITE", "callee INVITE", "caller BYE")
HUNG_UP_TALK: Conversation = (*TALK[:-1], "callee BYE")

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="{side}">\n'
BODY = """Content-Type: application/sdp
      Content-Length: [len]

      v=0
      o=- 1 1 IN IP[local_ip_type] [local_ip]
      s=-
      c=IN IP[local_ip_type] [local_ip]
      t=0 0
      m=audio 4000 RTP/AVP 0"""
NO_BODY = "Content-Length: 0"
LISTED = ("Via", "From", "To", "Call-ID", "CSeq")


@dataclass(frozen=True)
class Party:
    """One side: where it is, and what it calls itself."""

    host: str
    transport: str = "udp"  # of sipp's socket
    said: str = ""  # what it says in Via and Contact, if that is another: TLS
    contact: str = ""  # where it says it can be reached, if that is elsewhere
    lost: int = 0  # percent of what it sends and of what it receives

    @property
    def word(self) -> str:
        """The transport as its messages have it."""
        return self.said or self.transport

    @property
    def where(self) -> str:
        """Its Contact."""
        if self.contact:
            return self.contact
        parameter = "" if self.word == "udp" else f";transport={self.word}"
        return f"sip:{{}}@{self.host}:5060{parameter}"


def scenario(side: Side, party: Party, conversation: Conversation, uri: str, hold: float) -> str:
    """Write the scenario of one side; ``hold``: seconds between two steps."""
    parts = [HEAD.format(side=side)]
    number = 0
    for at, step in enumerate(conversation):
        who, method = step.split()
        if who == side:
            number += 1
            parts.append(f'<pause milliseconds="{hold * 1000:.0f}"/>\n' if at else "")
            parts += _asking(side, party, method, number, uri, first=at == 0)
        else:
            parts += _answering(party, method, first=at == 0)
    if not conversation[-1].startswith(side):
        # Who gives the last answer stays as long as it may be asked for again (17.2.2).
        parts.append(f'<timewait milliseconds="{32_000 if party.lost else 100}"/>\n')
    return "".join((*parts, "</scenario>\n"))


def _asking(
    side: Side, party: Party, method: str, number: int, uri: str, *, first: bool
) -> Iterator[str]:
    yield _request(side, party, method, number, uri, first=first)
    if method == "INVITE":
        yield '<recv response="100" optional="true"/>\n'
        if first:
            yield '<recv response="180" optional="true"/>\n'
        kept = ' rrs="true"' if first else ""
        yield f'<recv response="200"{kept}/>\n'
        yield _request(side, party, "ACK", number, uri, first=False)
    else:
        yield '<recv response="200"/>\n'


def _request(side: Side, party: Party, method: str, number: int, uri: str, *, first: bool) -> str:
    if side == "caller":
        own, peer = "<sip:alice@example.com>;tag=[pid]a[call_number]", f"<{uri}>[peer_tag_param]"
        name = "alice"
    else:
        own, peer, name = "[$own];tag=[pid]b[call_number]", "[$peer]", "bob"
    retransmitted = "" if method == "ACK" or party.transport != "udp" else ' retrans="500"'
    lines = [
        f"{method} {uri if first else '[next_url]'} SIP/2.0",
        f"Via: SIP/2.0/{party.word.upper()} {party.host}:5060;branch=[branch];rport",
        *([] if first else ["[routes]"]),
        f"From: {own}",
        f"To: {peer}",
        "Call-ID: [call_id]",
        f"CSeq: {number} {method}",
        f"Contact: <{party.where.format(name)}>",
        "Max-Forwards: 70",
        BODY if method == "INVITE" else NO_BODY,
    ]
    return _sent(lines, retransmitted)


def _answering(party: Party, method: str, *, first: bool) -> Iterator[str]:
    if method == "INVITE" and first:
        # The lines are kept: what the callee asks later begins with them.
        yield (
            '<recv request="INVITE" rrs="true"><action>'
            '<ereg regexp="[^ ].*" search_in="hdr" header="From:" assign_to="peer"/>'
            '<ereg regexp="[^ ].*" search_in="hdr" header="To:" assign_to="own"/>'
            "</action></recv>\n"
        )
        yield '<Reference variables="peer,own"/>\n'
        # After two answers sipp does not know an INVITE again, and fails the call if it comes once
        # more because both were lost.
        if not party.lost:
            yield _response("180 Ringing", party, NO_BODY, tagged=True)
        yield _response("200 OK", party, BODY, tagged=True)
        yield '<recv request="ACK"/>\n'
    elif method == "INVITE":
        yield '<recv request="INVITE"/>\n'
        yield _response("200 OK", party, BODY)
        yield '<recv request="ACK"/>\n'
    else:
        yield f'<recv request="{method}"/>\n'
        yield _response("200 OK", party, NO_BODY)


def _response(status: str, party: Party, body: str, *, tagged: bool = False) -> str:
    name = "bob"
    lines = [
        f"SIP/2.0 {status}",
        "[last_Via:]",
        *(["[last_Record-Route:]"] if tagged else []),
        "[last_From:]",
        f"[last_To:]{';tag=[pid]b[call_number]' if tagged else ''}",
        "[last_Call-ID:]",
        "[last_CSeq:]",
        f"Contact: <{party.where.format(name)}>",
        body,
    ]
    return _sent(lines, ' retrans="500"' if body == BODY else "")


def _sent(lines: Sequence[str], attributes: str) -> str:
    text = "\n      ".join(lines)
    return f"<send{attributes}><![CDATA[\n\n      {text}\n\n]]></send>\n"


class Sipp:
    """One side of many calls."""

    def __init__(self, side: Side, program: Program) -> None:
        self.side, self.program = side, program

    @property
    def _statistics(self) -> dict[str, str]:
        (file,) = self.program.folder.glob("statistics.csv")
        with file.open(newline="") as text:
            *_, last = csv.DictReader(text, delimiter=";")
        return last

    def count(self, what: str) -> int:
        """One of sipp's own statistics, by its name there."""
        return int(self._statistics[f"{what}(C)"])

    @property
    def counts(self) -> Counter[str]:
        """How often each step of the scenario has happened: ``3_ACK_Recv``, ``3_ACK_Unexp``."""
        (file,) = self.program.folder.glob("*_counts.csv")
        with file.open(newline="") as text:
            *_, last = csv.DictReader(text, delimiter=";")
        return Counter({k: int(v) for k, v in last.items() if "_" in k and v})

    @property
    def messages(self) -> list[sansip.Request | sansip.Response]:
        """What it has received."""
        text = (self.program.folder / "messages.log").read_bytes()
        return [
            sansip.parse(text[head.end() : head.end() + int(head[1])])
            for head in re.finditer(rb" received \[(\d+)\] bytes ?:\n\n", text)
        ]

    def trouble(self) -> str:
        """What it says of what went wrong."""
        errors = self.program.folder / "errors.log"
        told = errors.read_text(errors="replace")[:3000] if errors.exists() else ""
        return f"{self.side}: {self.program.said[-2500:]}\n{told}"


def sipp(
    place: Place,
    side: Side,
    party: Party,
    conversation: Conversation,
    *options: str,
    uri: str = "",
    hold: float = 0.1,
) -> Sipp:
    """Start sipp as one side of a conversation; a callee has opened its socket."""
    folder = place.own(side)
    text = scenario(side, party, conversation, uri, hold)
    file = folder / f"{side}.xml"
    file.write_text(text)
    mode = "u1" if party.transport == "udp" else "t1"
    program = place.run(
        [
            *("sipp", "-sf", str(file), "-i", party.host, "-p", "5060", "-t", mode, "-nostdin"),
            *("-mi", party.host, "-ci", party.host),
            *(("-lost", str(party.lost), "-max_retrans", "12") if party.lost else ()),
            *("-trace_stat", "-stf", "statistics.csv", "-fd", "1", "-trace_counts"),
            *("-trace_err", "-error_file", "errors.log"),
            *("-trace_msg", "-message_file", "messages.log"),
            *options,
        ],
        folder,
    )
    if side == "callee":
        program.there(party.transport, party.host, 5060)
    return Sipp(side, program)


def all_completed(caller: Sipp, callee: Sipp, calls: int, within: float) -> None:
    """Wait until the caller has made its calls; nothing may have gone wrong at either end."""
    status = caller.program.ended(within)
    callee.program.stop()
    trouble = f"{caller.trouble()}\n{callee.trouble()}"
    assert status == 0, trouble
    assert caller.count("SuccessfulCall") == calls, trouble
    for end in (caller, callee):
        assert end.count("FailedCall") == 0, trouble
        odd = {
            key: n for key, n in end.counts.items() if n and key.endswith(("_Unexp", "_Timeout"))
        }
        assert not odd, f"{odd}\n{trouble}"
    received = {key: n for key, n in callee.counts.items() if key.endswith("_Recv")}
    assert set(received.values()) == {calls}, f"{received}\n{trouble}"
