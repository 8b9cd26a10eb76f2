"""sansip in a loop of its own: a proxy on UDP. ``python examples/pure_loop.py proxy.toml``."""

import selectors
import signal
import socket
import sys
from collections import deque
from contextlib import suppress
from pathlib import Path
from secrets import token_bytes
from time import monotonic as now

from pure_dns import Questions

import sansip
from sansip import agenda, toml

signal.signal(signal.SIGINT, signal.SIG_DFL)  # as SIGTERM does: it ends at once
settings = toml.load(Path(sys.argv[1]).read_bytes(), sys.argv[1])
engine = sansip.Engine(settings.config(), settings.policy())
(endpoint,) = settings.endpoints  # "udp:" and an address of IPv4
sock, selector = socket.socket(type=socket.SOCK_DGRAM), selectors.DefaultSelector()
sock.bind((endpoint.bind.host, endpoint.bind.port))
timers, questions = agenda.Agenda(), Questions(settings.nameservers)
selector.register(sock, selectors.EVENT_READ)
selector.register(questions, selectors.EVENT_READ)
events = deque[sansip.Event]()

state, actions = engine.start(token_bytes(32), at := now())
print("listening on", endpoint.name, flush=True)
while True:
    for action in actions:  # what the core orders, in its order
        match action:
            case sansip.Send(id, name, remote, _, data):
                try:
                    sock.sendto(data, (remote.host, remote.port))
                except OSError as error:
                    events.append(sansip.SendFailed(now(), name, remote, str(error), id, data))
            case sansip.StartTimer(timer, after):
                timers.start(timer, at + after)
            case sansip.StopTimer(timer):
                timers.stop(timer)
            case sansip.QueryDns():
                questions.ask(action)
            case sansip.Report():
                print(action, file=sys.stderr)
            case _:  # StopDns, which may be left; what else there is comes with TCP and user agents
                pass
    while not events:  # what has happened, in the order in which it did
        due = timers.next_due()
        selector.select(None if due is None else max(0.0, due - now()))
        events.extend([sansip.TimerFired(now(), timer) for timer in timers.pop_due(now())])
        events.extend([sansip.DnsAnswered(now(), *answer) for answer in questions.answers()])
        with suppress(BlockingIOError):
            for _ in range(64):  # then it is the timers' turn
                data, source = sock.recvfrom(65535, socket.MSG_DONTWAIT)
                peer, local = sansip.Address(*source), endpoint.bind
                events.append(sansip.DatagramReceived(now(), endpoint.name, peer, local, data))
    (state, actions), at = engine.step(state, event := events.popleft()), event.at
