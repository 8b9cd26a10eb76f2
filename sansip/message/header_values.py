"""The values of typed headers, beside Via, CSeq and NameAddr (RFC 3261 20 and extensions).

``str`` of each gives the text that reads back as an equal value. It raises ``LocalProtocolError``
where something would end the value, a parameter or the row; whether the rest is sensible, only
``render`` of the header proves. What the peer sent in a parameter that nobody knows is kept.
"""

import re
from typing import Final, Self, final

from sansip.errors import LocalProtocolError
from sansip.message.grammar import Params, is_quoted_string
from sansip.message.header_params import (
    Parameters,
    quote,
    same_params,
    write_params,
)
from sansip.value import value

# What no value before ";" has in it; but it may be one quoted string, as in User-to-User.
_WRITABLE: Final = re.compile(r"[^\x00-\x20;,\x7f]++")
_COMMENT_STEPS: Final = re.compile(r"\\.|[^()\\]++|[()]", re.DOTALL)
_DAYS: Final = ("Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed")  # 1970 began on a Thursday
MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAY: Final = 86_400
_MARCH_YEAR_0: Final = 719_468  # days from 1 March of the year 0 to 1970
_LAST_YEAR: Final = 9999


def writable(text: str) -> str:
    """Let through only what can stand before the parameters of a value."""
    if not (_WRITABLE.fullmatch(text) or is_quoted_string(text)):
        message = f"{text!r} has characters that would end the value, or is empty"
        raise LocalProtocolError(message)
    return text


@value
class Parameterised(Parameters):
    """A value and parameters: ``presence;id=1``, ``application/sdp``.

    ``value`` is as it came, without white space in it. Names of media types, packages and codings
    are the same in any case: compare ``kind``.
    """

    value: str
    params: Params = ()

    def __str__(self) -> str:
        return writable(self.value) + write_params(self.params)

    @property
    def kind(self) -> str:
        """The value in lower case."""
        return self.value.lower()

    def matches(self, other: "Parameterised") -> bool:
        """Compare as RFC 3261 7.3.1 says: no case but in quoted strings, no order of parameters."""
        return self.kind == other.kind and same_params(self.params, other.params)

    def _with(self, params: Params) -> Self:
        return type(self)(self.value, params)


@final
@value
class Reason(Parameters):
    """Why a request was sent: ``Q.850;cause=16;text="Terminated"`` (RFC 3326)."""

    protocol: str
    params: Params = ()

    def __str__(self) -> str:
        return writable(self.protocol) + write_params(self.params)

    @property
    def cause(self) -> int | None:
        """The cause: a status code for SIP, a cause value for Q.850; None if it is no number."""
        return self.number("cause")

    @property
    def text(self) -> str | None:
        """The text without its quotes, or None."""
        return self.unquoted("text")

    def _with(self, params: Params) -> "Reason":
        return Reason(self.protocol, params)


@final
@value
class Interval(Parameters):
    """Seconds and parameters: ``1800;refresher=uac`` (RFC 4028: Session-Expires, Min-SE)."""

    seconds: int
    params: Params = ()

    def __str__(self) -> str:
        return f"{self.seconds}{write_params(self.params)}"

    @property
    def refresher(self) -> str | None:
        """Who refreshes: "uac", "uas" or None."""
        found = self.param("refresher")
        return found.lower() if found else None

    def _with(self, params: Params) -> "Interval":
        return Interval(self.seconds, params)


@final
@value
class DialogId(Parameters):
    """A dialog of somebody else: Replaces (RFC 3891), Join (RFC 3911), Target-Dialog (RFC 4538).

    The tags are parameters: to-tag and from-tag, or local-tag and remote-tag.
    """

    call_id: str
    params: Params = ()

    def __str__(self) -> str:
        return writable(self.call_id) + write_params(self.params)

    @property
    def to_tag(self) -> str:
        """The to-tag of Replaces and Join, "" if there is none."""
        return self.param("to-tag") or ""

    @property
    def from_tag(self) -> str:
        """The from-tag of Replaces and Join, "" if there is none."""
        return self.param("from-tag") or ""

    @property
    def local_tag(self) -> str:
        """The local-tag of Target-Dialog, "" if there is none."""
        return self.param("local-tag") or ""

    @property
    def remote_tag(self) -> str:
        """The remote-tag of Target-Dialog, "" if there is none."""
        return self.param("remote-tag") or ""

    @property
    def early_only(self) -> bool:
        """Whether Replaces is meant for an early dialog only."""
        return self.param("early-only") is not None

    def _with(self, params: Params) -> "DialogId":
        return DialogId(self.call_id, params)


def comment_length(text: str) -> int:
    """Give the length of the comment, with others in it or not, that the text begins with; or 0."""
    depth = 0
    for found in _COMMENT_STEPS.finditer(text):
        if found[0] == "(":
            depth += 1
        elif found[0] == ")":
            depth -= 1
        if depth <= 0:
            return found.end() if found[0] == ")" and depth == 0 else 0
    return 0


@final
@value
class RetryAfter(Parameters):
    """When to try again: ``120 (in a meeting);duration=3600`` (20.33).

    ``comment`` is what stands between the parentheses, as it came; None if there are none.
    """

    seconds: int
    comment: str | None = None
    params: Params = ()

    def __str__(self) -> str:
        text = "" if self.comment is None else f"({self.comment})"
        if comment_length(text) != len(text):
            message = f"the parentheses in {self.comment!r} are not in pairs"
            raise LocalProtocolError(message)
        return f"{self.seconds}{' ' if text else ''}{text}{write_params(self.params)}"

    @property
    def duration(self) -> int | None:
        """For how many seconds the callee will be reachable then, or None."""
        return self.number("duration")

    def _with(self, params: Params) -> "RetryAfter":
        return RetryAfter(self.seconds, self.comment, params)


@value
class Date:
    """A moment in GMT, to the second: ``Sat, 13 Nov 2010 23:29:00 GMT`` (20.17)."""

    year: int
    month: int
    day: int
    hour: int = 0
    minute: int = 0
    second: int = 0

    def __str__(self) -> str:
        if not self.exists:
            message = f"there is no such moment as {self!r}"
            raise LocalProtocolError(message)
        clock = f"{self.hour:02}:{self.minute:02}:{self.second:02}"
        month = MONTHS[self.month - 1]
        return f"{self.weekday}, {self.day:02} {month} {self.year:04} {clock} GMT"

    @property
    def exists(self) -> bool:
        """Whether the calendar and the clock have it."""
        return 0 <= self.year <= _LAST_YEAR and Date.at(self.timestamp) == self

    @property
    def weekday(self) -> str:
        """The day of the week, as "Sat"."""
        return _DAYS[self.timestamp // _DAY % 7]

    @property
    def timestamp(self) -> int:
        """Seconds since the beginning of 1970."""
        # A year that begins in March has its odd day last: years, months and days only add up.
        year = self.year - (self.month <= 2)
        leaps = year // 4 - year // 100 + year // 400
        months = (153 * ((self.month + 9) % 12) + 2) // 5
        days = 365 * year + leaps + months + self.day - 1 - _MARCH_YEAR_0
        return ((days * 24 + self.hour) * 60 + self.minute) * 60 + self.second

    @classmethod
    def at(cls, timestamp: float) -> "Date":
        """Give the moment so many seconds after the beginning of 1970."""
        days, clock = divmod(int(timestamp // 1), _DAY)
        era, day = divmod(days + _MARCH_YEAR_0, 146_097)  # 400 years
        year = (day - day // 1460 + day // 36_524 - day // 146_096) // 365
        day -= 365 * year + year // 4 - year // 100
        month = (5 * day + 2) // 153
        day -= (153 * month + 2) // 5 - 1
        month += 3 if month < 10 else -9
        year += 400 * era + (month <= 2)
        return cls(year, month, day, clock // 3600, clock // 60 % 60, clock % 60)


@value
class Timestamp:
    """When a request was sent, and how long it took to answer (20.38): to be sent back as it came.

    Both are texts such as "54.25"; an empty ``delay`` is none.
    """

    time: str
    delay: str = ""

    def __str__(self) -> str:
        return f"{self.time} {self.delay}" if self.delay else self.time


@value
class RAck:
    """Which reliable provisional response a PRACK is for (RFC 3262 7.2)."""

    rseq: int
    cseq: int
    method: str

    def __str__(self) -> str:
        return f"{self.rseq} {self.cseq} {self.method}"


@value
class SipWarning:
    """A warning: ``370 devnull "Choose a bigger pipe"`` (20.43); ``text`` is without quotes."""

    code: int
    agent: str
    text: str

    def __str__(self) -> str:
        return f"{self.code:03} {writable(self.agent)} {quote(self.text)}"


@value
class Authentication(Parameters):
    """A challenge or credentials (20.7, 20.27, 20.28, 20.44, 22): one row, commas and all.

    ``params`` keep the quotes that they came with, since Digest wants some quoted and others not;
    ``unquoted("nonce")`` takes them off. A scheme that sends one word of Base64 instead of
    parameters, such as Basic, has it in ``token``. ``with_param`` quotes what Digest wants quoted.
    """

    scheme: str
    params: Params = ()
    token: str = ""
    _bare = frozenset({"algorithm", "nc", "qop", "stale"})

    def __str__(self) -> str:
        rest = self.token or write_params(self.params, ", ")[2:]
        return f"{writable(self.scheme)} {rest}"

    @property
    def realm(self) -> str | None:
        """The realm, unquoted."""
        return self.unquoted("realm")

    @property
    def nonce(self) -> str | None:
        """The nonce, unquoted."""
        return self.unquoted("nonce")

    def _as_written(self, name: str, text: str) -> str:
        bare = is_quoted_string(text) or name in self._bare
        return text if bare else quote(text)

    def _with(self, params: Params) -> Self:
        return type(self)(self.scheme, params, self.token)


@final
@value
class Challenge(Authentication):
    """A value of WWW-Authenticate or Proxy-Authenticate."""

    _bare = frozenset({"algorithm", "stale"})

    @property
    def stale(self) -> bool:
        """Whether only the nonce was too old (22.4)."""
        return (self.unquoted("stale") or "").lower() == "true"

    @property
    def qop(self) -> tuple[str, ...]:
        """The qualities of protection offered, in lower case."""
        offered = (self.unquoted("qop") or "").lower().split(",")
        return tuple([text.strip(" \t") for text in offered if text.strip(" \t")])


@final
@value
class Credentials(Authentication):
    """A value of Authorization or Proxy-Authorization."""

    @property
    def username(self) -> str | None:
        """The user's name, unquoted."""
        return self.unquoted("username")


@final
@value
class AuthenticationInfo(Parameters):
    """Authentication-Info: parameters alone, such as ``nextnonce="47364c23432d2e131a5fb210"``."""

    params: Params = ()

    def __str__(self) -> str:
        return write_params(self.params, ", ")[2:]

    def _with(self, params: Params) -> "AuthenticationInfo":
        return AuthenticationInfo(params)
