"""What the error queue of a UDP socket says, and which of it is the core's business."""

import os
import socket
import struct

# Linux constants that Python 3.11 does not name.
IP_RECVERR, IPV6_RECVERR = 11, 25
ICMP, ICMP6 = 2, 3  # ee_origin: what the network says; the rest are local echoes of failed sends


def transport_error(ancillary: list[tuple[int, int, bytes]]) -> str | None:
    """Say what an entry of the error queue means; None when it is to be ignored.

    "Host, network, port or protocol unreachable errors, or parameter problem errors SHOULD cause
    the transport layer to inform the transport user of a failure in sending. Source quench and
    TTL exceeded ICMP errors SHOULD be ignored" (RFC 3261 18.4; 3261-18.4-01). "Fragmentation
    needed" is ignored too: the kernel has learnt the size, and fragments the retransmission.
    """
    for level, kind, data in ancillary:
        if (level, kind) not in (
            (socket.IPPROTO_IP, IP_RECVERR),
            (socket.IPPROTO_IPV6, IPV6_RECVERR),
        ):
            continue
        number, origin, icmp_type, code = struct.unpack_from("=IBBB", data)
        four = origin == ICMP and (icmp_type == 12 or (icmp_type == 3 and code != 4))
        six = origin == ICMP6 and icmp_type in (1, 4)
        if four or six:
            return f"ICMP: {os.strerror(number)}"
    return None
