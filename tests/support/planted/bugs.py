"""The bugs: each is one text of the core, and another one that takes its place.

They are those that proxies have had, or that one is likely to make here. ``promise`` is what is
broken when they are found: it has to be found by that, and not because something falls over.

What changes nothing on any wire is not here: a response context that wants a second final answer
sent, for one. The server transaction does not send it; to have two, the transaction has to be
forgotten (``second-life``).
"""

from typing import NamedTuple


class Bug(NamedTuple):
    """A bug: what is replaced in which file by what, what that breaks, and where it is written."""

    name: str
    file: str  # in sansip/
    text: str
    instead: str
    breaks: str
    rule: str
    promise: str  # a pattern of what it is found with


GETS_NO_ACK = "gets no ACK"
TOO_EARLY = "a CANCEL before any provisional response"
NEW_BRANCH = "a new branch, to "
GONE_UPSTREAM = r"a new branch, to .*, after a \d+ has gone upstream"
NOT_UPSTREAM = "does not go upstream"
STILL_HOLDS = "still holds"
RINGING = "is left ringing"
NO_ANSWER = "never got a final answer"
ALONE = "goes another way than it would alone"

BUGS = (
    Bug(
        "no-ack-to-503",
        "transaction/invite_client.py",
        "    return Completed(ack), (Transmit(ack), *running, waiting, Pass(response))",
        "    acks = () if response.status == 503 else (Transmit(ack),)\n"
        "    return Completed(ack), (*acks, *running, waiting, Pass(response))",
        "a 503 gets its ACK only when it comes again",
        "RFC 3261 17.1.1.2",
        GETS_NO_ACK,
    ),
    Bug(
        "ack-to-5060",
        "engine/transactions.py",
        "        turn.send(key, record.endpoint, record.remote, data)\n        return None",
        '        port = 5060 if data.startswith(b"ACK") else record.remote.port\n'
        "        remote = Address(record.remote.host, port)\n"
        "        turn.send(key, record.endpoint, remote, data)\n        return None",
        "the ACK to a refusal goes to port 5060, wherever its INVITE went",
        "RFC 3261 17.1.1.3",
        "an ACK goes to ",
    ),
    Bug(
        "cancel-too-early",
        "proxy/hunter.py",
        'if branch.cancel == "wanted" and branch.heard in ("trying", "ringing"):',
        'if branch.cancel == "wanted":',
        "a CANCEL does not wait for a provisional response",
        "RFC 3261 9.1",
        TOO_EARLY,
    ),
    Bug(
        "cancel-to-first-hop",
        "engine/contexts.py",
        "        remote=invite.remote,",
        "        remote=turn.client.get(\n"
        '            _transaction(turn, key, record, 0, "INVITE"), invite\n'
        "        ).remote,",
        "a CANCEL goes where the first INVITE went",
        "RFC 3261 9.1",
        "a CANCEL goes to ",
    ),
    Bug(
        "invite-after-cancel",
        "proxy/hunter.py",
        "over = self.cancelled is not None or self.refused or self.is_late()",
        "over = self.refused or self.is_late()",
        "after the caller's CANCEL the next hop is tried",
        "RFC 3261 16.10",
        NEW_BRANCH,
    ),
    Bug(
        "cancel-lost-in-dns",
        "proxy/hunting.py",
        "    if hunter.cancelled is None and hunter.facts.invite:\n"
        "        hunter.cancelled = reasons",
        "    if hunter.cancelled is None and hunter.facts.invite and hunter.branches:\n"
        "        hunter.cancelled = reasons",
        "a CANCEL that comes while DNS is asked is forgotten",
        "RFC 3261 16.10",
        NEW_BRANCH,
    ),
    Bug(
        "waiting-cancel-lost",
        "proxy/concluded.py",
        "    if number not in state.uncancelled:\n        return state, ()",
        "    if number in state.open:\n        return state, ()",
        "the CANCEL that waits for a 1xx is forgotten once the caller has an answer",
        "RFC 3261 9.1",
        RINGING,
    ),
    Bug(
        "losers-ring-on",
        "proxy/hunting.py",
        "            hunter.want_cancel(branch.number, *reasons)\n            waiting",
        "            waiting",
        "who has not answered when another one does is left ringing",
        "RFC 3261 16.7",
        RINGING,
    ),
    Bug(
        "6xx-does-not-stop",
        "proxy/hunting.py",
        "        hunter.refused = True\n",
        "        hunter.refused = False\n",
        "after a 6xx the next stage is tried",
        "RFC 3261 16.7.5",
        NEW_BRANCH,
    ),
    Bug(
        "first-refusal-wins",
        "proxy/hunting.py",
        '        _failed(hunter, number, status, f"answered {status}", response)\n',
        "        if status != 503:\n            hunter.out.append(Forward(response))\n"
        '        _failed(hunter, number, status, f"answered {status}", response)\n',
        "the first refusal goes upstream at once, and the hunt goes on",
        "RFC 3261 16.7.5",
        GONE_UPSTREAM,
    ),
    Bug(
        "503-goes-upstream",
        "proxy/hunting.py",
        "    hidden = hunter.facts.relayed and",
        "    hidden = False and",
        "a gateway's 503 is passed on to the caller",
        "RFC 3261 16.7.6",
        "a 503 of a branch goes upstream",
    ),
    Bug(
        "late-200-lost",
        "proxy/concluded.py",
        "forward = facts.invite and response.status < 300",
        "forward = False",
        "a 200 that comes after another answer is thrown away",
        "RFC 3261 16.7.5",
        NOT_UPSTREAM,
    ),
    Bug(
        "silence-is-408",
        "proxy/hunting.py",
        "            hunter.out.append(Unheard(number, trigger))\n"
        "        _pass(hunter, number, trigger)\n",
        "            hunter.out.append(Unheard(number, trigger))\n"
        "        hunter.out.append(Discard(number))\n"
        "        hunter.put(hunter.branches[number].but(over=True))\n"
        "        _failed(hunter, number, 408, trigger)\n",
        "who is silent for too long is given up, and its late 200 matches nothing",
        "docs/decisions.md: silence",
        f"{NOT_UPSTREAM}|{GETS_NO_ACK}",
    ),
    Bug(
        "copies-of-200-dropped",
        "transaction/invite_client.py",
        "            if 200 <= given.response.status < 300:\n"
        "                return state, (Pass(given.response),)\n"
        "            return state, ()",
        "            return state, ()",
        "a 200 that comes again is not passed on, though the first may have been lost",
        "RFC 6026 7.2",
        NOT_UPSTREAM,
    ),
    Bug(
        "second-200-dropped",
        "transaction/invite_server.py",
        "            return state, (Transmit(given.data),) if 200 <= given.status < 300 else ()\n"
        '        # "When Timer L',
        '            return state, ()\n        # "When Timer L',
        "once a 200 has gone upstream no other does",
        "RFC 6026 7.1",
        NOT_UPSTREAM,
    ),
    Bug(
        "ringing-kept-back",
        "proxy/hunting.py",
        '    # "any provisional response other than 100 MUST be forwarded immediately" (16.7.5)\n'
        "    hunter.out.append(Forward(response))\n",
        "",
        "the caller never hears that it rings",
        "RFC 3261 16.7.5",
        NOT_UPSTREAM,
    ),
    Bug(
        "icmp-ends-branch",
        "proxy/hunting.py",
        "    hunter.put(hunter.branches[number].but(trigger=reason))\n"
        "    if not branch.abandoned and hunter.may_pass(branch):",
        "    _failed(hunter, number, 503, reason)\n"
        "    if not branch.abandoned and hunter.may_pass(branch):",
        "an ICMP error ends its branch, which rings when the gateway comes back",
        "docs/decisions.md: ICMP",
        RINGING,
    ),
    Bug(
        "via-left-on",
        "engine/contexts.py",
        "    stripped = response.without_top_via()\n",
        "    stripped = response\n",
        "responses go back with our own Via on top",
        "RFC 3261 16.7.3",
        NOT_UPSTREAM,
    ),
    Bug(
        "back-to-5060",
        "engine/vias.py",
        '    if port == source.port or rport in ("", str(source.port)):\n'
        "        return source, request",
        "    port = DEFAULT_PORT",
        "responses go to port 5060, wherever the request came from",
        "RFC 3581 4",
        "its INVITE came from",
    ),
    Bug(
        "timer-b-unheard",
        "engine/transactions.py",
        "                    turn.tell(record.context, news.TimedOut(record.branch))\n",
        "                    pass\n",
        "a gateway that never says a word is waited for for ever",
        "RFC 3261 17.1.1.2",
        NO_ANSWER,
    ),
    Bug(
        "second-life",
        "engine/requests.py",
        "    if key in turn.contexts:\n        # Its transaction",
        "    if key in turn.server:\n        # Its transaction",
        "a copy of the INVITE that comes late begins a second hunt, with an answer of its own",
        "RFC 3261 17.2.3",
        GONE_UPSTREAM,
    ),
    Bug(
        "shared-dns-cursor",
        "engine/contexts.py",
        '    """Start a client transaction (16.6 steps 8 to 10)."""\n    hop = given.hop\n',
        '    """Start a client transaction (16.6 steps 8 to 10)."""\n'
        "    hop = given.hop\n"
        "    from sansip.dns import Found, Ip\n"
        "    from sansip.locate import remember\n"
        "    for question, entry in tuple(turn.cache.entries.items()) if given.branch else ():\n"
        '        records = getattr(entry.answer, "records", ())\n'
        "        if Ip(hop.address.host) in records:\n"
        "            rest = Found(records[records.index(Ip(hop.address.host)) :], 60.0)\n"
        "            limits = turn.config.limits.cache\n"
        "            turn.cache = remember(turn.cache, question, rest, turn.at, limits)\n",
        "the place in the list of DNS belongs to the name: one call's failure moves all calls on",
        "one call's failure is no other's",
        ALONE,
    ),
    Bug(
        "context-leaked",
        "engine/contexts.py",
        "    turn.contexts = turn.contexts.without(key)\n",
        "",
        "response contexts are kept for ever",
        "every path ends",
        STILL_HOLDS,
    ),
    Bug(
        "server-leaked",
        "engine/transactions.py",
        "        turn.server = turn.server.without(key)\n",
        "",
        "server transactions are kept for ever",
        "RFC 3261 17.2",
        STILL_HOLDS,
    ),
    Bug(
        "timer-leaked",
        "engine/lookups.py",
        "    turn.disarm(query.timer)\n    _conclude",
        "    _conclude",
        "DNS has answered, and the timer of its question runs on",
        "every path ends",
        "fires, and nobody waits for it",
    ),
)
