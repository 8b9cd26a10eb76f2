"""The ordinary form of a message's head, recognised and taken apart by one pattern.

Nearly every message that comes is in this form: each header that a proxy depends on is there, once,
in a usual spelling and without anything odd in it. What the pattern does not recognise is not wrong
for that: ``sansip.message.parse_careful`` decides about it. The two agree wherever the pattern
matches, but for line ends: it takes a bare LF within a row.
"""

import re
from typing import Any, Final

from sansip.message.fields import ORDINARY_ADDRESS, CSeq, Via
from sansip.message.grammar import TOKEN_CHARACTERS

_HOST: Final = r"(?:[A-Za-z0-9.\-]++|\[[0-9A-Fa-f:.]++\])"  # what is in brackets is checked later
_PORT: Final = r"(?::([0-9]{1,4}+))?+"
_PARAMS: Final = rf"(?:;[a-z]++(?:=[{TOKEN_CHARACTERS}]++)?+)*+"
_VIA: Final = (
    rf"SIP/2\.0/([A-Z]++) ({_HOST}){_PORT}((?:;rport)?+);branch=([{TOKEN_CHARACTERS}]++)({_PARAMS})"
    r"(?: ?,[^\r]*+)?+"  # other people's values are none of our business
)
_USER: Final = r"(?:[A-Za-z0-9_.+\-]++@)?+"
_REQUEST_LINE: Final = rf"([A-Z]++) (sips?:{_USER}{_HOST}(?::[0-9]{{1,4}}+)?+{_PARAMS}) SIP/2\.0"
_STATUS_LINE: Final = r"SIP/2\.0 ([1-6][0-9][0-9]) ([^\r]*+)"
_REST: Final = r":[^\r]*+\r\n"  # of a row that nobody needs
_ADDRESS: Final = rf"{ORDINARY_ADDRESS}()\r\n"  # an empty group shows that the row was there
_NEEDED: Final = r"(?i:v|via|f|from|t|to|i|call-id|cseq|l|content-length|max-forwards):"
# A branch of the pattern that begins with a character, or a set of them, costs nothing where
# another one is found; so most rows meet one branch only. "(?(n)(?!)|" refuses a row that has
# been there before, "(?(n)|(?!))" a message without one, with the number of a group in that row.
# No row that a branch has begun to take apart is ever taken by a later one: CPython before 3.13
# would leave wrong groups behind (python/cpython 101955).
ORDINARY: Final = re.compile(
    rf"(?:{_REQUEST_LINE}|{_STATUS_LINE})\r\n(?:"
    rf"[ABDEGHJKN-SUW-Zabdeghjknopqrsuwxyz][{TOKEN_CHARACTERS}]*+{_REST}"  # is none of _NEEDED
    rf"|C(?:o(?:ntact|ntent-Type){_REST}"
    rf"|Seq: (?(5)(?!)|([0-9]{{1,9}}+) ((?(1)\1|[A-Z]++))\r\n))"
    rf"|[Vv](?:ia)?+: (?(7)[^\r]*+|{_VIA})\r\n"
    rf"|[Ff](?:rom)?+: (?(14)(?!)|{_ADDRESS})"
    rf"|[Tt]o?+: (?(16)(?!)|{_ADDRESS})"
    r"|Max-Forwards: (?(17)(?!)|([0-9]{1,2}+)\r\n)"
    r"|[Ci](?:(?<=i)|(?<=C)all-ID): (?(18)(?!)|([^\x00-\x20\x7f]++)\r\n)"
    r"|[Cl](?:(?<=l)|(?<=C)ontent-Length): *+(?(19)(?!)|([0-9]{1,5}+)\r\n)"
    rf"|(?!{_NEEDED})[{TOKEN_CHARACTERS}]++{_REST}"
    r")*+\r\n(?(5)|(?!))(?(7)|(?!))(?(14)|(?!))(?(16)|(?!))(?(18)|(?!))(?(19)|(?!))"
    r"(?(1)(?(17)|(?!)))"
).match
Found = tuple[Any, ...]  # the groups of the pattern
# The parameters beside branch that nearly every Via has.
_few_params: Final = {"": (), ";rport": (("rport", ""),)}.get


def is_certain(found: Found) -> bool:
    """Whether what was found of the top Via needs no other reader to be sure of it."""
    host, rport, rest = found[7], found[9], found[11]
    return not rport and host[0] != "[" and _few_params(rest) is not None


def fields_in(found: Found) -> tuple[Via, CSeq, str, str | None, str | None, int | None]:
    """Give the fields in a message: via, cseq, call_id, from_tag, to_tag, max_forwards."""
    (
        _, _, _, _, number, method, transport, host, port, _, branch, rest,
        from_tag, _, to_tag, _, forwards, call_id, _,
    ) = found  # fmt: skip
    return (
        Via(transport, host, int(port) if port else None, branch, _few_params(rest, ())),
        CSeq(int(number), method),
        call_id,
        from_tag,
        to_tag,
        None if forwards is None else int(forwards),
    )
