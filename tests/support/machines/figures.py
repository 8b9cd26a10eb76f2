"""The figures of RFC 3261 17 as RFC 6026 left them, edge by edge, and where sansip differs.

A line of a figure is ``state | event | next state | action``, in the words of the tables. Timers
that are started and stopped are not drawn there, but said in the text. A note stands for all rows
that it names as ``state + event``; the tables put its number there. Every row that is not as drawn
has to have one.
"""

from dataclasses import dataclass

ZERO_TIMER = (
    "Over a reliable transport this timer is zero: what it would do is done at once, and the state "
    "that waits for it is never entered (3261-17-T14)"
)


@dataclass(frozen=True)
class Note:
    """What is not as drawn, and why."""

    words: str
    rows: tuple[str, ...]
    only: str = ""  # "reliable": over such transports only

    def is_for(self, row: str, over: str) -> bool:
        return row in self.rows and self.only in {"", over}


@dataclass(frozen=True)
class Figure:
    """One figure, and the notes on what is not like it."""

    title: str
    source: str
    edges: str
    notes: tuple[Note, ...]


FIGURES = {
    "invite_client": Figure(
        "The INVITE client transaction",
        "RFC 3261 figure 5, as RFC 6026 8.4 has it",
        """
        -          | INVITE from TU | Calling    | send INVITE
        Calling    | Timer A        | Calling    | send INVITE
        Calling    | Timer B        | Terminated | inform TU of timeout
        Calling    | Transport Err. | Terminated | inform TU of transport error
        Calling    | 1xx            | Proceeding | response to TU
        Calling    | 2xx            | Accepted   | response to TU
        Calling    | 300-699        | Completed  | send ACK; response to TU
        Proceeding | 1xx            | Proceeding | response to TU
        Proceeding | 2xx            | Accepted   | response to TU
        Proceeding | 300-699        | Completed  | send ACK; response to TU
        Completed  | 300-699        | Completed  | send ACK
        Completed  | Transport Err. | Terminated | inform TU of transport error
        Completed  | Timer D        | Terminated | -
        Accepted   | 2xx            | Accepted   | response to TU
        Accepted   | Timer M        | Terminated | -
        """,
        (
            Note(ZERO_TIMER, ("Calling + 300-699", "Proceeding + 300-699"), "reliable"),
            Note(
                "Not of the RFC's machine: the user gives up an INVITE that was cancelled and has "
                "no final response after 64*T1 (9.1), or whose Timer C ran out (16.8). It may come "
                "before any response too. States that end by themselves take no notice",
                ("Calling + Abandon", "Proceeding + Abandon"),
            ),
            Note(
                "Nothing is sent in these states, so no failure is theirs; the response may come "
                "over another connection (AMB-11, AMB-29)",
                ("Proceeding + Transport Err.", "Accepted + Transport Err."),
            ),
            Note(
                "A 2xx after a refusal comes from another phone. It is no retransmission, so the "
                "ACK at hand is not for it (AMB-06)",
                ("Completed + 2xx",),
            ),
        ),
    ),
    "client": Figure(
        "The non-INVITE client transaction",
        "RFC 3261 figure 6",
        """
        -          | Request from TU | Trying     | send request
        Trying     | Timer E         | Trying     | send request
        Trying     | Timer F         | Terminated | inform TU of timeout
        Trying     | Transport Err.  | Terminated | inform TU of transport error
        Trying     | 1xx             | Proceeding | response to TU
        Trying     | 200-699         | Completed  | response to TU
        Proceeding | Timer E         | Proceeding | send request
        Proceeding | Timer F         | Terminated | inform TU of timeout
        Proceeding | Transport Err.  | Terminated | inform TU of transport error
        Proceeding | 1xx             | Proceeding | response to TU
        Proceeding | 200-699         | Completed  | response to TU
        Completed  | Timer K         | Terminated | -
        """,
        (
            Note(ZERO_TIMER, ("Trying + 200-699", "Proceeding + 200-699"), "reliable"),
            Note(
                "Over a reliable transport nothing is sent in this state; the server has the "
                "request, and may answer over another connection. Timer F decides (AMB-11)",
                ("Proceeding + Transport Err.",),
                "reliable",
            ),
            Note(
                "Not of the RFC's machine: the user has no use for an answer any more",
                ("Trying + Abandon", "Proceeding + Abandon"),
            ),
        ),
    ),
    "invite_server": Figure(
        "The INVITE server transaction",
        "RFC 3261 figure 7, as RFC 6026 8.6 has it",
        """
        -          | INVITE          | Proceeding | send 100 after 200 ms
        Proceeding | INVITE          | Proceeding | send response
        Proceeding | 101-199 from TU | Proceeding | send response
        Proceeding | 2xx from TU     | Accepted   | send response
        Proceeding | 300-699 from TU | Completed  | send response
        Proceeding | Transport Err.  | Proceeding | inform TU of transport error
        Completed  | INVITE          | Completed  | send response
        Completed  | ACK             | Confirmed  | -
        Completed  | Timer G         | Completed  | send response
        Completed  | Timer H         | Terminated | -
        Completed  | Transport Err.  | Completed  | inform TU of transport error
        Confirmed  | Timer I         | Terminated | -
        Accepted   | INVITE          | Accepted   | -
        Accepted   | ACK             | Accepted   | ACK to TU
        Accepted   | 2xx from TU     | Accepted   | send response
        Accepted   | Timer L         | Terminated | -
        Accepted   | Transport Err.  | Accepted   | inform TU of transport error
        """,
        (
            Note(ZERO_TIMER, ("Completed + ACK",), "reliable"),
            Note(
                "The 100 goes out at once, not after 200 ms; none if the user says that it will "
                "answer by then, and nothing to repeat until it has (AMB-13). A 100 that the user "
                "makes itself is sent like any provisional response, and repeated (AMB-14)",
                ("- + INVITE", "Proceeding + 100 from TU"),
            ),
            Note(
                "The figure has no action here. The text of 17.2.1 wants the user to know (AMB-28)",
                ("Completed + Timer H",),
            ),
            Note(
                "A phone answered while the INVITE was being refused. 16.7 forwards every 2xx, so "
                "it is sent once, and changes nothing (AMB-08); if it cannot be sent the user "
                "hears of that (RFC 6026 8.8)",
                (
                    *("Completed + 2xx from TU", "Confirmed + 2xx from TU"),
                    "Confirmed + Transport Err.",
                ),
            ),
            Note(
                "Not of the RFC's machine: the user will never answer",
                ("Proceeding + Abandon",),
            ),
            Note(
                "Any other response after a final one is a mistake of the user, and not sent "
                "(17.2.1, 6026-7.1-08)",
                (
                    *("Completed + 1xx from TU", "Completed + 300-699 from TU"),
                    *("Confirmed + 1xx from TU", "Confirmed + 300-699 from TU"),
                    *("Accepted + 1xx from TU", "Accepted + 300-699 from TU"),
                ),
            ),
        ),
    ),
    "server": Figure(
        "The non-INVITE server transaction",
        "RFC 3261 figure 8, with RFC 4320 and RFC 6026 8.8",
        """
        -          | Request         | Trying     | -
        Trying     | 1xx from TU     | Proceeding | send response
        Trying     | 200-699 from TU | Completed  | send response
        Proceeding | Request         | Proceeding | send response
        Proceeding | 1xx from TU     | Proceeding | send response
        Proceeding | 200-699 from TU | Completed  | send response
        Proceeding | Transport Err.  | Terminated | inform TU of transport error
        Completed  | Request         | Completed  | send response
        Completed  | Transport Err.  | Terminated | inform TU of transport error
        Completed  | Timer J         | Terminated | -
        """,
        (
            Note(
                ZERO_TIMER,
                ("Trying + 200-699 but 408 from TU", "Proceeding + 200-699 but 408 from TU"),
                "reliable",
            ),
            Note(
                "RFC 4320 4.1: no provisional response but 100, and that not before the client "
                "repeats its request every T2 only. Where nothing is repeated it may go out early",
                (
                    *("Trying + 100 from TU", "Trying + 101-199 from TU"),
                    "Proceeding + 101-199 from TU",
                ),
            ),
            Note(
                "RFC 4320 4.1: then it must go out, over any transport. The machine does that by a "
                "timer of its own, named 100",
                ("Trying + Timer 100",),
            ),
            Note(
                "RFC 4320 4.2: a 408 is never sent, for it would come too late. It means that "
                "there will be no answer, as does Abandon; copies of the request are absorbed in "
                "the state Abandoned until their sender has given up",
                (
                    *("Trying + 408 from TU", "Trying + Abandon"),
                    *("Proceeding + 408 from TU", "Proceeding + Abandon"),
                ),
            ),
            Note(
                "Timer J runs from the beginning, so that what nobody answers ends too, when its "
                "client has given up; a final response starts it anew (3261-17.2.2-07)",
                ("Trying + Timer J", "Proceeding + Timer J", "Abandoned + Timer J"),
            ),
            Note(
                "RFC 6026 8.8 replaces 17.2.4: the user hears of it, and the state stays to absorb "
                "copies of the request (AMB-27)",
                ("Proceeding + Transport Err.", "Completed + Transport Err."),
            ),
        ),
    ),
}
