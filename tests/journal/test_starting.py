"""What the start of an engine has ordered is in its journal, too."""

import dataclasses
import json

import pytest

import sansip
from journals import head_of
from sansip.journal import JournalError, Writer, read

PROBED = sansip.Config(
    [sansip.Endpoint("udp", "192.0.2.10:5060")],
    groups={"gateways": sansip.Group((sansip.Member("sip:192.0.2.1"),), sansip.Probing(5.0))},
)


def head(ordered: tuple[sansip.Action, ...] | None, *redacted: str) -> list[str]:
    lines: list[str] = []
    made = head_of(PROBED, None, redacted=redacted)
    Writer(lines.append, dataclasses.replace(made, ordered=ordered))
    return lines


def test_what_the_start_has_ordered_comes_back() -> None:
    _, ordered = sansip.Engine(PROBED).start(bytes(32), 1000.0)
    assert any(isinstance(action, sansip.Send) for action in ordered)
    for those in (ordered, (), None):
        assert read(head(those)).head.ordered == those


def test_a_journal_that_does_not_say_it_can_be_read() -> None:
    first, second = head(())
    content = json.loads(second)
    del content["ordered"]
    assert read([first, json.dumps(content)]).head.ordered is None


def test_it_is_redacted_as_all_else() -> None:
    where = sansip.Address("192.0.2.1", 5060)
    data = b"OPTIONS sip:a SIP/2.0\r\nAuthorization: secret\r\n\r\n"
    send = sansip.Send("1", "udp:192.0.2.10:5060", where, None, data)
    assert "secret" in "".join(head((send,)))
    found = read(head((send,), "authorization")).head.ordered
    assert found == (dataclasses.replace(send, data=data.replace(b"secret", b"xxxxxx")),)


@pytest.mark.parametrize("ordered", [3, [3], [{"is": "Send"}]])
def test_what_is_no_order_is_refused(ordered: object) -> None:
    first, second = head(())
    with pytest.raises(JournalError, match=r"^line 2: "):
        read([first, json.dumps(json.loads(second) | {"ordered": ordered})])
