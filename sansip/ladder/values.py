"""What a ladder consists of: columns, and rows from the top to the bottom."""

from typing import Final, Literal

from sansip.value import value

PROXY: Final = "proxy"  # the column of the engine itself
PROGRAM: Final = "program"  # and that of what it is embedded in

# What a row is about:
#   message    a SIP message on the wire, or between the core and its program
#   trouble    something did not get there: ICMP, a refusal, bytes that are no SIP
#   flow       a connection is opened, or closed
#   dns        a question, or what came of it
#   timer      a timer has fired
#   failover   a decision about where a request goes next, and why
#   report     whatever else the core has said
#   policy     a question of the policy to its program, or the answer
#   operator   an order of the operator, a reload
Kind = Literal[
    "message", "trouble", "flow", "dns", "timer", "failover", "report", "policy", "operator"
]
KINDS: Final[tuple[Kind, ...]] = (
    "message", "trouble", "flow", "dns", "timer", "failover", "report", "policy", "operator",
)  # fmt: skip


@value
class Column:
    """One place: the engine, its program, or a host at an address and port.

    ``name`` is what people call it, if anybody does: the names that DNS gave its address, say.
    """

    key: str
    name: str
    addresses: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """One line for it."""
        return self.name or ", ".join(self.addresses) or self.key


@value
class Row:
    """Something that happened: an arrow from one column to another, or a note at one."""

    at: float
    number: int  # of the step in the journal; 0: of none
    kind: Kind
    source: str  # the key of its column
    target: str | None  # None: a note
    text: str  # one line of printable ASCII
    remark: str = ""  # the same: what else is to be said
    calls: tuple[str, ...] = ()  # the Call-IDs that it has to do with
    data: bytes = b""  # the whole message
    again: int = 0  # how many copies of it have gone the same way before
    lost: bool = False  # whether it is known that it has never arrived

    @property
    def label(self) -> str:
        """Text and remarks."""
        return f"{self.text} ({self.noted})" if self.noted else self.text

    @property
    def noted(self) -> str:
        """All remarks."""
        again = "again" if self.again == 1 else f"again, {self.again}" if self.again else ""
        parts = ("lost" if self.lost else "", again, self.remark)
        return ", ".join([part for part in parts if part])


@value
class Ladder:
    """Who was there, and what happened; ``notes`` say what is not to be seen."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    begun: float = 0.0  # the time that people count from
    clock: float | None = None  # Unix seconds then

    def place(self) -> dict[str, int]:
        """The number of each column, by its key."""
        return {column.key: number for number, column in enumerate(self.columns)}

    def calls(self) -> tuple[str, ...]:
        """All Call-IDs, in the order in which they come."""
        return tuple(dict.fromkeys([call for row in self.rows for call in row.calls]))
