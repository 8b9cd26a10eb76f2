"""The two errors that sansip raises, as h11 has them: the peer's fault, and yours."""


class ProtocolError(Exception):
    """What both errors have in common; sansip never raises this one itself."""


class LocalProtocolError(ProtocolError):
    """The embedding program asked for something impossible; the old state is still good."""


class RemoteProtocolError(ProtocolError):
    """The peer sent something that is not SIP.

    ``status_hint`` is the status code to answer a request with (400, 413, 416, 505 ...), and
    ``message`` what could be read of it: a ``Request`` with enough in it to be answered, a
    ``Response`` (drop it), or None when nothing was recognisable. ``reason`` is a sentence for
    people: what is wrong, which rule says so, what to do about it. ``rule`` is that rule alone
    ("RFC 3261 20.42"); ``header`` the header at fault in lower case, or empty; ``offset`` the place
    in bytes from the start of the message: where the row at fault begins, or -1 for an error about
    something that is not in a message.
    """

    def __init__(
        self,
        reason: str,
        *,
        status_hint: int = 400,
        header: str = "",
        offset: int = -1,
        rule: str = "",
        message: object = None,
    ) -> None:
        """All but the reason may be left out."""
        super().__init__(reason)
        self.reason = reason
        self.status_hint = status_hint
        self.header = header
        self.offset = offset
        self.rule = rule
        self.message = message


def kept(error: RemoteProtocolError) -> RemoteProtocolError:
    """Make an error a value, to be looked at later: it forgets how it was raised.

    A frame that knows its own exception is a cycle, and its callers' frames know the state that was
    stepped, which by way of its tables keeps all later ones: until a collector comes by, memory
    would grow with each call.
    """
    error.__traceback__ = error.__context__ = None
    return error
