"""What a proxy checks, and what it does with a Route that leads to it (RFC 3261 16.3, 16.4)."""

import pytest

from passing import EMPTY, make, mine, routed
from sansip.message import Request, Uri, parse
from sansip.proxy.request import HOPS, Arrived, Fault, check, hops_left, preprocess

HERE = ("udp", (5060,))


def arrive(
    request: Request, over: str = "udp", ports: tuple[int, ...] = (5060,)
) -> tuple[str, tuple[str, ...], list[str]]:
    """The Request-URI, the Route and our own values that were taken off."""
    arrived = preprocess(request, mine, over, ports)
    return (
        arrived.request.uri_text,
        arrived.request.values("route"),
        [str(uri) for uri in arrived.passed],
    )


# --- 16.3: checks


@pytest.mark.rule("3261-16.3-08", "3261-16.3-02", "3261-16.2-03")
@pytest.mark.parametrize(
    "request_",
    [
        make(),
        make("sips:bob@example.com"),
        make(method="NEWMETHOD"),
        make("sip:bob@example.com;new=1"),
        make("sip:bob@example.com", ("New-Header", "<<"), ("Date", "yesterday"), ("Require", "x")),
        make("sip:bob@example.com", ("Max-Forwards", "1")),
    ],
)
def test_what_a_proxy_need_not_understand_never_stops_a_request(request_: Request) -> None:
    assert check(request_) is None


@pytest.mark.rule("3261-16.3-04")
@pytest.mark.parametrize("uri", ["tel:+15551234", "urn:service:sos", "http://example.com/"])
def test_a_scheme_that_is_not_routed_gets_416(uri: str) -> None:
    fault = check(make(uri))
    assert fault is not None
    assert (fault.status, fault.headers) == (416, ())


@pytest.mark.rule("3261-16.3-05")
def test_max_forwards_0_gets_483() -> None:
    assert check(make("sip:b@c", ("Max-Forwards", "0"))) == Fault(483, "Max-Forwards is 0")


@pytest.mark.rule("3261-16.3-06", "3261-16.6.3-01")
def test_without_max_forwards_the_check_passes_and_the_copy_gets_70() -> None:
    assert check(make()) is None
    assert hops_left(make()) == HOPS == 70


@pytest.mark.rule("3261-16.6.3-01")
@pytest.mark.parametrize(("before", "after"), [(1, 0), (2, 1), (70, 69), (255, 254)])
def test_max_forwards_of_the_copy_is_one_less(before: int, after: int) -> None:
    assert hops_left(make("sip:b@c", ("Max-Forwards", str(before)))) == after


@pytest.mark.rule("3261-16.3-07")
def test_proxy_require_of_unknown_extensions_gets_420_that_lists_exactly_those() -> None:
    request = make("sip:b@c", ("Proxy-Require", "one, two"), ("Proxy-Require", "three"))
    fault = check(request, ("two",))
    assert fault is not None
    assert (fault.status, fault.headers) == (420, (("Unsupported", "one, three"),))
    assert check(request, ("one", "two", "three")) is None
    assert check(make("sip:b@c", ("Proxy-Require", ""))) is None


def test_a_420_is_not_larger_than_what_it_answers() -> None:
    tags = ",".join(["a", *[f"t{number}" for number in range(100)], "a"])
    fault = check(make("sip:bob@example.com", ("Proxy-Require", tags)))
    assert fault is not None
    ((_, unsupported),) = fault.headers
    assert unsupported.split(", ") == ["a", *[f"t{number}" for number in range(19)]]


@pytest.mark.rule("3261-16.3-07")
def test_option_tags_are_the_same_in_capitals() -> None:
    """RFC 3261 7.3.1: header field values are case-insensitive unless stated otherwise."""
    assert check(make("sip:b@c", ("Proxy-Require", "Two")), ("two",)) is None


@pytest.mark.rule("3261-8.2.2.3-01")
def test_in_an_ack_proxy_require_is_not_looked_at_and_the_rest_is() -> None:
    required = ("Proxy-Require", "one")
    assert check(make("sip:b@c", required, method="ACK"), None) is None
    for bad in (make("tel:1", required), make("sip:b@c", required, ("Max-Forwards", "0"))):
        fault = check(bad, None)
        assert fault is not None
        assert fault.status in (416, 483)


@pytest.mark.rule("3261-16.3-01")
def test_the_checks_run_in_their_order() -> None:
    headers = ("Max-Forwards", "0"), ("Proxy-Require", "one")
    faults = [check(make("tel:1", *headers)), check(make("sip:b@c", *headers))]
    assert [fault and fault.status for fault in faults] == [416, 483]


# --- 16.4: route information preprocessing


@pytest.mark.rule("3261-16.6.1-01")
def test_a_request_that_has_nothing_of_ours_is_left_alone() -> None:
    request = routed("<sip:other.example.org;lr>, <sip:proxy.example.com;lr>", uri="sip:bob@x;lr")
    assert preprocess(request, mine, *HERE) == Arrived(request)
    assert preprocess(make(), mine, *HERE) == Arrived(make())


@pytest.mark.rule("3261-16.4-01")
def test_what_a_strict_router_did_is_undone() -> None:
    request = routed("<sip:next.example.org>", "<sip:bob@phone>", uri="sip:proxy.example.com;lr")
    assert arrive(request) == (
        "sip:bob@phone",
        ("<sip:next.example.org>",),
        ["sip:proxy.example.com;lr"],
    )


@pytest.mark.rule("3261-16.4-01", "3261-16.6.1-01")
def test_the_order_of_the_other_routes_stays_in_one_row_or_in_several() -> None:
    request = routed(
        "<sip:a.example.org;lr>, <sip:b.example.org;lr>",
        '"The phone, at last" <sip:bob@phone;x=1>',
        uri="sip:proxy.example.com;lr",
    )
    uri, routes, _ = arrive(request)
    assert uri == "sip:bob@phone;x=1"
    assert routes == ("<sip:a.example.org;lr>", "<sip:b.example.org;lr>")


@pytest.mark.rule("3261-16.4-01")
def test_the_only_route_is_used_up_by_it() -> None:
    request = routed("<sip:bob@phone>", uri="sip:proxy.example.com;lr")
    assert arrive(request) == ("sip:bob@phone", (), ["sip:proxy.example.com;lr"])


@pytest.mark.rule("3261-16.4-01", "AMB-16")
def test_without_a_route_there_is_nothing_to_undo() -> None:
    request = make("sip:proxy.example.com;lr")
    assert preprocess(request, mine, *HERE) == Arrived(request)


@pytest.mark.rule("3261-16.4-01")
def test_a_uri_of_ours_that_was_never_in_a_record_route_is_no_strict_routing() -> None:
    request = routed("<sip:next.example.org;lr>", uri="sip:bob@proxy.example.com")
    assert preprocess(request, mine, *HERE) == Arrived(request)


@pytest.mark.rule("3261-16.4-02")
@pytest.mark.parametrize(
    ("uri", "bare"),
    [
        ("sip:bob@example.com;maddr=192.0.2.10", "sip:bob@example.com"),
        ("sip:bob@example.com;maddr=192.0.2.10;transport=UDP;x=1", "sip:bob@example.com;x=1"),
        ("sip:bob@example.com;maddr=[2001:DB8::A]", "sip:bob@example.com"),
    ],
)
def test_a_maddr_that_names_this_proxy_is_taken_out(uri: str, bare: str) -> None:
    assert arrive(make(uri)) == (bare, (), [])


@pytest.mark.rule("3261-16.4-02", "3261-16.5-01")
@pytest.mark.parametrize(
    "uri",
    [
        "sip:bob@example.com;maddr=192.0.2.99",
        "sip:bob@example.com:5999;maddr=192.0.2.10",
        "sip:bob@example.com;maddr=192.0.2.10;transport=tcp",
    ],
)
def test_a_maddr_that_leads_elsewhere_stays(uri: str) -> None:
    assert preprocess(make(uri), mine, *HERE) == Arrived(make(uri))


@pytest.mark.rule("3261-16.4-02")
@pytest.mark.parametrize(
    ("over", "transport", "stripped"),
    [
        ("udp", "", True),
        ("tcp", "", True),
        ("tcp", ";transport=tcp", True),
        ("tcp", ";transport=udp", False),
    ],
)
def test_a_maddr_of_ours_goes_only_if_the_request_came_over_that_transport(
    over: str, transport: str, *, stripped: bool
) -> None:
    """ "and it arrived on the port and transport indicated (explicitly or by default)" (16.4)."""
    uri = f"sip:bob@example.com;maddr=192.0.2.10{transport}"
    assert arrive(make(uri), over)[0] == ("sip:bob@example.com" if stripped else uri)


@pytest.mark.rule("3261-16.4-02")
@pytest.mark.parametrize(
    ("port", "ports", "stripped"),
    [
        ("", (5060,), True),
        (":5060", (5060,), True),
        (":5070", (5070,), True),
        (":5070", (5999, 5070), True),
        ("", (5070,), False),
        (":5070", (5060,), False),
        ("", (), False),
    ],
)
def test_nor_if_it_came_to_another_port(
    port: str, ports: tuple[int, ...], *, stripped: bool
) -> None:
    """Both ports are ours, and still the request was meant for the other one."""
    uri = f"sip:bob@example.com{port};maddr=192.0.2.10"
    bare = "sip:bob@example.com" + (port if port == ":5060" else "")
    assert arrive(make(uri), "udp", ports)[0] == (bare if stripped else uri)


@pytest.mark.rule("3261-16.4-02")
def test_of_the_port_only_one_that_is_not_the_default_is_taken_out() -> None:
    """With a port no SRV record is asked for (RFC 3263 4.2)."""
    assert arrive(make("sip:b@c:5060;maddr=192.0.2.10"))[0] == "sip:b@c:5060"


@pytest.mark.rule("3261-16.4-03")
def test_our_own_route_is_taken_off() -> None:
    request = routed("<sip:proxy.example.com;lr>, <sip:next.example.org;lr>")
    uri, routes, passed = arrive(request)
    assert uri == "sip:bob@example.com"
    assert routes == ("<sip:next.example.org;lr>",)
    assert passed == ["sip:proxy.example.com;lr"]


@pytest.mark.rule("3261-16.4-03", "5658-5-02", "5658-5-03")
@pytest.mark.parametrize("rows", [False, True], ids=["one row", "rows"])
def test_both_values_of_a_double_record_route_are_taken_off(*, rows: bool) -> None:
    routes = "<sip:192.0.2.10;lr>", "<sip:192.0.2.10:5070;lr>", "<sip:next.example.org;lr>"
    request = routed(*(routes if rows else (", ".join(routes),)))
    _, left, passed = arrive(request)
    assert left == routes[2:]
    assert passed == ["sip:192.0.2.10;lr", "sip:192.0.2.10:5070;lr"]


@pytest.mark.rule("3261-16.4-03")
def test_our_own_values_further_down_stay() -> None:
    routes = "<sip:next.example.org;lr>", "<sip:proxy.example.com;lr>"
    assert arrive(routed("<sip:proxy.example.com;lr>", *routes))[1] == routes


@pytest.mark.rule("3261-16.4-03")
def test_when_all_of_the_route_is_ours_none_is_left() -> None:
    arrived = preprocess(routed("<sip:proxy.example.com;lr>"), mine, *HERE)
    assert "route" not in arrived.request.names


@pytest.mark.rule("SIO-08", "3261-16.4-03")
@pytest.mark.parametrize("rows", [False, True], ids=["one row", "rows"])
@pytest.mark.parametrize("strict", [False, True])
def test_a_datagram_full_of_our_own_routes_is_read_once(
    monkeypatch: pytest.MonkeyPatch, *, rows: bool, strict: bool
) -> None:
    """60 kB of them: anybody may send that."""
    asked: list[Uri] = []
    read: list[str] = []

    def counting(uri: Uri) -> bool:
        asked.append(uri)
        return mine(uri)

    values = ["<sip:192.0.2.10;lr>"] * 3000
    routes = values if rows else [",".join(values)]
    request = routed(*routes, uri="sip:192.0.2.10;lr" if strict else "sip:bob@example.com")

    values_of = Request.values

    def reading(request: Request, name: str) -> tuple[str, ...]:
        read.append(name)
        return values_of(request, name)

    monkeypatch.setattr(Request, "values", reading)
    arrived = preprocess(request, counting, *HERE)
    assert len(asked) <= len(values) + 3
    assert len(read) <= 1
    assert len(arrived.passed) == len(values)
    assert "route" not in arrived.request.names


@pytest.mark.rule("3261-16.4-05")
def test_strict_routing_comes_before_maddr_and_maddr_before_the_route() -> None:
    request = routed(
        "<sip:proxy.example.com;lr>",
        "<sip:next.example.org;lr>",
        "<sip:bob@example.com;maddr=192.0.2.10>",
        uri="sip:192.0.2.10;lr",
    )
    assert arrive(request) == (
        "sip:bob@example.com",
        ("<sip:next.example.org;lr>",),
        ["sip:192.0.2.10;lr", "sip:proxy.example.com;lr"],
    )


@pytest.mark.rule("SIO-04")
@pytest.mark.parametrize("uri", ["sip:bob@example.com", "sip:proxy.example.com;lr"])
@pytest.mark.parametrize("empty", EMPTY)
def test_an_empty_route_header_is_no_route(empty: str, uri: str) -> None:
    """Whoever sends it must not stop the proxy."""
    request = parse(routed(empty, uri=uri).render())
    assert isinstance(request, Request)
    assert preprocess(request, mine, *HERE).request.uri_text == uri
