"""The timers of RFC 3261 table 4 (with RFC 6026 and RFC 4320), all in seconds."""

from sansip.value import value


@value
class Timing:
    """The base values that every other timer derives from (RFC 3261 17, table 4)."""

    t1: float = 0.5  # round-trip estimate; may be raised, not lowered, on the Internet
    t2: float = 4.0  # longest interval between retransmissions
    t4: float = 5.0  # how long a message may stay in the network

    @property
    def timeout(self) -> float:
        """Timers B, F, H, J, L, M: 64*T1."""
        return 64 * self.t1

    @property
    def timer_d(self) -> float:
        """Timer D: at least 32 seconds, whatever T1 is (17.1.1.2; longer if T1 is larger)."""
        return max(32.0, 64 * self.t1)

    @property
    def non_invite_100(self) -> float:
        """When a non-INVITE without a final answer gets its 100.

        When the caller's Timer E would have been reset to T2: the sum of T1, 2*T1 ... below T2,
        3.5 s by default (RFC 4320 4.1).
        """
        elapsed = interval = self.t1
        while 2 * interval < self.t2:
            interval *= 2
            elapsed += interval
        return elapsed
