"""What differs is shown, and hardly anything else."""

import sansip
from sansip.replay.contrast import MOST, contrast
from stage import make_request

REMOTE = sansip.Address("192.0.2.1", 5060)
STOP = sansip.StopDns(1)


def send(data: bytes, name: str = "1 c|x") -> sansip.Send:
    return sansip.Send(name, "udp:h", REMOTE, None, data)


def shown(one: sansip.Action, other: sansip.Action) -> list[str]:
    """What is shown of two actions."""
    return list(contrast((one,), (other,)))


def test_of_a_message_the_line_that_differs_is_shown_and_where() -> None:
    assert shown(send(b"BYE\r\nTo: a\r\n\r\n"), send(b"BYE\r\nTo: b\r\n\r\n")) == [
        "  action 1: -> 192.0.2.1:5060  14 bytes that are no SIP",
        "    data, line 2:",
        "      recorded  To: a",
        "      replayed  To: b",
        "                    ^",
    ]


def test_a_line_more_is_shown_alone() -> None:
    plain, more = b"BYE\r\nTo: a\r\n\r\n", b"BYE\r\nFrom: b\r\nTo: a\r\n\r\n"
    assert shown(send(plain), send(more))[1:] == [
        "    data, line 2:",
        "      recorded  nothing",
        "      replayed  From: b",
    ]
    assert shown(send(more), send(plain))[2:] == [
        "      recorded  From: b",
        "      replayed  nothing",
    ]


def test_of_many_lines_the_first_are_shown() -> None:
    many = b"".join(b"X: %d\r\n" % number for number in range(9))
    lines = shown(send(b"BYE\r\n\r\n"), send(b"BYE\r\n" + many + b"\r\n"))
    assert lines[-2:] == ["      replayed  X: 5", "      replayed  and 3 more lines"]
    lines = shown(send(many), send(many.replace(b"X", b"Y")))
    assert lines[-1] == "    data: and 3 more lines"
    assert sum("recorded" in line for line in lines) == MOST


def test_of_a_long_line_the_part_that_differs_is_shown() -> None:
    long = b"x" * 500
    one, other, mark = shown(send(long + b"a" + long), send(long + b"b" + long))[-3:]
    assert one.startswith("      recorded  ...x")
    assert one.endswith("x...")
    assert one[mark.index("^")] == "a"
    assert other[mark.index("^")] == "b"
    assert len(one) < 200


def test_bytes_that_are_no_text_differ_too() -> None:
    for one, other in ((b"\xff", b"\xfe"), (b"\xff", b"\\xff"), (b"\x1b[2J", b"\x1b[3J")):
        lines = shown(send(one), send(other))
        assert lines[1] == "    data:"
        assert all(line.isascii() and line.isprintable() for line in lines)
        assert lines[2] != lines[3].replace("replayed", "recorded")


def test_other_fields_are_shown_as_they_are_the_number_of_a_send_last() -> None:
    lines = shown(send(b"BYE"), sansip.Send("2 c|x", "udp:i", REMOTE, 3, b"BYE"))
    names = [line for line in lines if line.endswith(":")]
    assert names == ["    endpoint:", "    flow:", "    id:"]
    assert "      recorded  None" in lines


def test_what_is_delivered_differs_by_lines() -> None:
    one = sansip.Deliver("h", "request", make_request())
    assert shown(one, sansip.Deliver("h", "request", make_request(call_id="x")))[1:4] == [
        "    message, line 6:",
        "      recorded  Call-ID: call-1",
        "      replayed  Call-ID: x",
    ]
    assert "      replayed  None" in shown(one, sansip.Deliver("h", "request", None))


def test_what_is_ordered_besides_or_no_more_is_shown_alone() -> None:
    both = (send(b"BYE"), STOP)
    assert list(contrast(both, (send(b"BYE"), sansip.CloseFlow(3), STOP))) == [
        "  ordered now, but not recorded:",
        "    action 2: closes connection 3",
    ]
    assert next(contrast(both, ())) == "  recorded, but not ordered now:"
    lines = list(contrast((), (STOP,) * (MOST + 2)))
    assert len(lines) == 2 + MOST
    assert lines[-1] == "    and 2 more"


def test_of_orders_of_two_kinds_both_are_shown() -> None:
    sides = (STOP, send(b"BYE")), (sansip.CloseFlow(3), sansip.CloseFlow(4))
    assert list(contrast(*sides)) == [
        "  action 1:",
        "    recorded  asks DNS no more, question 1",
        "    replayed  closes connection 3",
        "  and 1 more",
    ]
