"""The torture messages of RFC 4475 and RFC 5118, in words of our own, as tables of rows."""

from torture import invalid, ipv6, semantics, valid

RFC_4475 = (*valid.ROWS, *invalid.ROWS, *semantics.ROWS)
RFC_5118 = ipv6.ROWS
# The message that came from Appendix A of RFC 4475 without an end, with one (3.1.2.15).
ALL = (*RFC_4475, invalid.BADDN_WITH_END, *RFC_5118)
