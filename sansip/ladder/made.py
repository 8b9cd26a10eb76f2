"""Which final responses the engine has made itself: those that nobody has sent to it."""

from sansip.ladder.wording import field


class Made:
    """What has come so far; it is asked about all messages in their order."""

    def __init__(self) -> None:
        """Nothing has come."""
        self._came: dict[tuple[str, str], set[str]] = {}  # to a request: the statuses

    def here(self, data: bytes, *, came: bool) -> bool:
        """Whether this is a final response, to a request that has come, and was made here."""
        request = field(data, "call-id"), field(data, "cseq")
        status = data[8:11].decode("latin-1") if data.startswith(b"SIP/2.0 ") else ""
        if not came:
            return status >= "200" and status not in self._came.get(request, (status,))
        statuses = self._came.get(request)
        if statuses is not None and status:
            statuses.add(status)
        elif not status:
            self._came.setdefault(request, set())
        return False
