"""The two errors, and what the remote one tells."""

from sansip.errors import LocalProtocolError, ProtocolError, RemoteProtocolError


def test_a_remote_error_says_what_to_answer() -> None:
    plain = RemoteProtocolError("no start line")
    assert (plain.status_hint, plain.header, plain.offset, plain.message) == (400, "", -1, None)
    told = RemoteProtocolError("too large", status_hint=513, header="Via", offset=7, message="m")
    assert (told.status_hint, told.header, told.offset, told.message) == (513, "Via", 7, "m")
    assert str(told) == told.reason == "too large"


def test_both_faults_are_protocol_errors() -> None:
    assert issubclass(RemoteProtocolError, ProtocolError)
    assert issubclass(LocalProtocolError, ProtocolError)
