"""The example proxy as a process of its own, on the loopback, on every loop that it has."""

import resource
import signal
import socket
import ssl
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from certificates import Authority, Files
from running import DEADLINE, Peer, Proxy
from sansip import Limits, Request, Response, parse


def test_it_says_where_it_listens(proxy: Proxy) -> None:
    udp, tcp = f"udp:127.0.0.1:{proxy.port}", f"tcp:127.0.0.1:{proxy.port}"
    proxy.file.write_text(f'listen = ["{udp}", "{tcp}"]', encoding="utf-8")
    process = proxy.start()
    assert process.stdout is not None
    assert process.stdout.readline() == f"listening on {udp}, {tcp}\n"


def test_a_call_fails_over_to_the_gateway_that_works(
    proxy: Proxy, peer: Callable[[], Peer]
) -> None:
    phone, works = peer(), peer()
    broken = peer()
    broken.sock.close()
    proxy.write([broken.target, works.target])
    proxy.ready()
    phone.invite(proxy.port, "one")
    works.accept("one")
    assert phone.final("one").status == 200
    assert proxy.line().startswith("health: udp:127.0.0.1:")
    told = proxy.line()
    assert told.startswith("failover: ")
    assert "Connection refused" in told


def test_quiet_says_nothing_and_a_signal_ends_an_idle_proxy_at_once(
    proxy: Proxy, peer: Callable[[], Peer]
) -> None:
    phone, works = peer(), peer()
    broken = peer()
    broken.sock.close()
    proxy.write([broken.target, works.target])
    process = proxy.ready("--quiet", "--drain", "60")
    phone.invite(proxy.port, "one")
    works.accept("one")
    assert phone.final("one").status == 200
    process.send_signal(signal.SIGINT)
    assert process.wait() == 0
    assert proxy.line() == ""


def test_sighup_replaces_groups_and_routes(proxy: Proxy, peer: Callable[[], Peer]) -> None:
    phone, old, new = peer(), peer(), peer()
    proxy.write([old.target])
    process = proxy.ready()
    phone.invite(proxy.port, "before")  # still unanswered when the file is read again
    proxy.write([new.target], more='[[route]]\nmethod = "MESSAGE"\nto = "group:gateways"')
    process.send_signal(signal.SIGHUP)
    assert proxy.line() == "proxy.toml: reloaded; 2 routes, 1 groups"
    phone.ask("MESSAGE", f"sip:bob@127.0.0.1:{proxy.port}", proxy.port, "text")
    assert new.sock.recv(65535).startswith(b"MESSAGE ")
    phone.invite(proxy.port, "after")
    new.accept("after")
    assert phone.final("after").status == 200
    old.accept("before")
    assert phone.final("before").status == 200


def test_sighup_with_a_broken_file_leaves_all_as_it_is(
    proxy: Proxy, peer: Callable[[], Peer]
) -> None:
    phone, works = peer(), peer()
    proxy.write([works.target])
    process = proxy.ready()
    proxy.write([works.target], more="domain = 1")
    process.send_signal(signal.SIGHUP)
    assert proxy.line() == 'proxy.toml: domain: unknown key; did you mean "domains"?'
    assert proxy.line() == "proxy.toml: not reloaded; the old configuration stays"
    proxy.file.unlink()
    process.send_signal(signal.SIGHUP)
    assert "No such file" in proxy.line()
    assert proxy.line() == "proxy.toml: not reloaded; the old configuration stays"
    phone.invite(proxy.port, "one")
    works.accept("one")
    assert phone.final("one").status == 200


def test_sighup_says_what_needs_a_restart(proxy: Proxy, peer: Callable[[], Peer]) -> None:
    phone, old, new = peer(), peer(), peer()
    proxy.write([old.target])
    process = proxy.ready()
    proxy.write([new.target], more='secret = "sixteen bytes...."', port=proxy.port + 1)
    process.send_signal(signal.SIGHUP)
    assert proxy.line() == "proxy.toml: listen or advertise: changes need a restart"
    assert proxy.line() == "proxy.toml: secret: changes need a restart"
    assert proxy.line() == "proxy.toml: reloaded; 1 routes, 1 groups"
    phone.invite(proxy.port, "one")
    new.accept("one")
    assert phone.final("one").status == 200


def test_sigusr1_shows_the_groups(proxy: Proxy, peer: Callable[[], Peer]) -> None:
    phone, works = peer(), peer()
    proxy.write([works.target])
    process = proxy.ready()
    process.send_signal(signal.SIGUSR1)
    assert proxy.line().startswith("group     member ")
    assert proxy.line().split()[:4] == ["gateways", works.target, "AX", "-"]
    assert proxy.line().startswith("kept: requests in flight 0, server transactions 0, ")
    phone.invite(proxy.port, "one")
    works.accept("one")
    assert phone.final("one").status == 200
    process.send_signal(signal.SIGUSR1)
    for _ in range(2):
        proxy.line()
    assert proxy.line().startswith("kept: requests in flight 0, server transactions 1, ")


LISTED = """
listen = ["udp:127.0.0.1:{port}"]
allow_hops = ["127.0.0.0/8"]
[[route]]
to = "group:gateways"
[groups.gateways]
list = "dispatcher.list"
set = 1
"""


def test_sighup_reads_a_dispatcher_list_again(proxy: Proxy, peer: Callable[[], Peer]) -> None:
    phone, old, new = peer(), peer(), peer()
    gateways = proxy.file.with_name("dispatcher.list")
    gateways.write_text(f"1 {old.target}\n", encoding="utf-8")
    proxy.file.write_text(LISTED.format(port=proxy.port), encoding="utf-8")
    process = proxy.ready()
    phone.invite(proxy.port, "before")
    old.accept("before")
    assert phone.final("before").status == 200
    gateways.write_text(f"1 {new.target}\n2 {old.target}\n", encoding="utf-8")
    process.send_signal(signal.SIGHUP)
    assert proxy.line() == "proxy.toml: reloaded; 1 routes, 1 groups"
    phone.invite(proxy.port, "after")
    new.accept("after")
    assert phone.final("after").status == 200
    gateways.write_text("1\n", encoding="utf-8")
    process.send_signal(signal.SIGHUP)
    assert proxy.line().startswith("dispatcher.list:1:")
    assert proxy.line() == "proxy.toml: not reloaded; the old configuration stays"
    gateways.unlink()
    process.send_signal(signal.SIGHUP)
    assert proxy.line().startswith(
        'proxy.toml: groups.gateways.list: "dispatcher.list": no such file or directory; '
    )


def test_gateways_are_probed(proxy: Proxy, peer: Callable[[], Peer]) -> None:
    works = peer()
    proxy.file.with_name("dispatcher.list").write_text(f"1 {works.target}\n", encoding="utf-8")
    text = LISTED.format(port=proxy.port) + 'algorithm = "call-load"\nprobe_every = 5\n'
    proxy.file.write_text(text, encoding="utf-8")
    process = proxy.ready()
    assert works.sock.recv(65535).startswith(b"OPTIONS ")
    process.send_signal(signal.SIGUSR1)
    proxy.line()
    assert proxy.line().split()[:4] == ["gateways", works.target, "AP", "0"]


def test_a_group_that_needs_a_new_endpoint_needs_a_restart(
    proxy: Proxy, peer: Callable[[], Peer]
) -> None:
    phone, works = peer(), peer()
    proxy.write([works.target])
    process = proxy.ready()
    elsewhere = f"udp:127.0.0.1:{proxy.port + 1}"
    more = f'[groups.more]\ntargets = [{{ uri = "{works.target}", endpoint = "{elsewhere}" }}]'
    proxy.write([works.target], more=more, port=proxy.port + 1)
    process.send_signal(signal.SIGHUP)
    assert proxy.line() == "proxy.toml: listen or advertise: changes need a restart"
    assert elsewhere in proxy.line()
    assert proxy.line() == "proxy.toml: not reloaded; the old configuration stays"
    phone.invite(proxy.port, "one")
    works.accept("one")
    assert phone.final("one").status == 200


def test_sigterm_lets_the_calls_in_set_up_finish(proxy: Proxy, peer: Callable[[], Peer]) -> None:
    phone, works = peer(), peer()
    proxy.write([works.target])
    process = proxy.ready()
    phone.invite(proxy.port, "early")
    assert isinstance(parse(phone.sock.recv(65535)), Response)  # its 100: it is in set-up
    process.send_signal(signal.SIGTERM)
    refused = phone.until_refused(proxy.port)
    assert (refused.status, refused.get("retry-after")) == (503, "10")
    works.accept("early")
    answer = phone.final("early")
    assert answer.status == 200
    with pytest.raises(subprocess.TimeoutExpired):  # there is time for the ACK
        process.wait(0.3)
    headers = [(name, answer.get(name.lower()) or "") for name in ("From", "To", "Call-ID")]
    headers += [("Via", f"SIP/2.0/UDP 127.0.0.1:{phone.port};branch=z9hG4bKack")]
    headers += [("CSeq", "1 ACK"), ("Route", answer.get("record-route") or "")]
    ack = Request.make("ACK", works.target, headers)
    phone.sock.sendto(ack.render(), ("127.0.0.1", proxy.port))
    assert works.sock.recv(65535).startswith(b"ACK ")
    assert process.wait() == 0


def test_a_second_signal_ends_it_at_once(proxy: Proxy, peer: Callable[[], Peer]) -> None:
    phone, silent = peer(), peer()
    proxy.write([silent.target])
    process = proxy.ready("--drain", "60")
    phone.invite(proxy.port, "never")
    silent.sock.recv(65535)
    process.send_signal(signal.SIGTERM)
    assert phone.until_refused(proxy.port).status == 503
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 0


def test_draining_has_an_end(proxy: Proxy, peer: Callable[[], Peer]) -> None:
    phone, silent = peer(), peer()
    proxy.write([silent.target])
    process = proxy.ready("--drain", "0.1")
    phone.invite(proxy.port, "never")
    silent.sock.recv(65535)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 0


def test_a_port_in_use_is_said(proxy: Proxy, peer: Callable[[], Peer]) -> None:
    occupant = peer()
    proxy.port = occupant.port
    proxy.write(["sip:127.0.0.1:9"])
    process = proxy.start()
    assert process.wait() == 1
    assert proxy.line().startswith(f"udp:127.0.0.1:{occupant.port}: address already in use (")


def test_a_wrong_configuration_ends_with_status_2(proxy: Proxy) -> None:
    proxy.write(["tel:1"])
    process = proxy.start()
    assert process.wait() == 2
    assert proxy.line() == (
        'proxy.toml: groups.gateways.targets[0]: "tel:1": '
        "must be a SIP URI, such as sip:gw-1.example.com"
    )


def test_a_missing_file_ends_with_status_2(proxy: Proxy) -> None:
    process = proxy.start()
    assert process.wait() == 2
    assert proxy.line() == f"{proxy.file}: no such file or directory"


SECURE = """
listen = ["udp:127.0.0.1:{port}", "tls:127.0.0.1:{port}"]
[tls]
certificate = "proxy.pem"
key = "proxy.key"
"""
OPTIONS = (
    b"OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bK%d\r\n"
    b"From: <sip:a@example.com>;tag=a\r\nTo: <sip:127.0.0.1>\r\nCall-ID: %d\r\n"
    b"CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)


def secure(proxy: Proxy, stack: ExitStack) -> ssl.SSLSocket:
    """Connect, and take whatever certificate there is."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    sock = socket.create_connection(("127.0.0.1", proxy.port), DEADLINE)
    return stack.enter_context(context.wrap_socket(sock))


def shown(sock: ssl.SSLSocket) -> bytes | None:
    return sock.getpeercert(binary_form=True)


ANSWER = b"SIP/2.0 404 Not Found"  # there is no route


def ask(sock: ssl.SSLSocket, number: int) -> bytes:
    """Give the first line of what the proxy answers over a connection."""
    sock.sendall(OPTIONS % (number, number))
    return sock.recv(65535).partition(b"\r\n")[0]


def test_sighup_reads_the_certificates_again_and_keeps_connections(
    proxy: Proxy, tmp_path: Path
) -> None:
    def install(files: Files) -> bytes:
        for name, file in (("proxy.pem", files.certificate), ("proxy.key", files.key)):
            (tmp_path / name).write_bytes(Path(file).read_bytes())
        return ssl.PEM_cert_to_DER_cert(Path(files.certificate).read_text(encoding="ascii"))

    authority = Authority(tmp_path)
    old = install(authority.leaf("old.example.com"))
    proxy.file.write_text(SECURE.format(port=proxy.port), encoding="utf-8")
    process = proxy.start()
    assert process.stdout is not None
    assert process.stdout.readline().startswith("listening on udp:")
    with ExitStack() as stack:
        before = secure(proxy, stack)
        assert shown(before) == old
        new = install(authority.leaf("new.example.com"))
        process.send_signal(signal.SIGHUP)
        assert proxy.line() == "proxy.toml: reloaded; 0 routes, 0 groups"
        assert ask(before, 1) == ANSWER
        after = secure(proxy, stack)
        assert shown(after) == new
        assert ask(after, 2) == ANSWER
        (tmp_path / "proxy.key").write_text("gone", encoding="ascii")
        process.send_signal(signal.SIGHUP)
        assert proxy.line().startswith(f"{tmp_path / 'proxy.key'}: no private key in PEM")
        assert proxy.line() == "proxy.toml: not reloaded; the old configuration stays"
        assert shown(secure(proxy, stack)) == new


def test_a_certificate_that_is_missing_ends_with_status_2(proxy: Proxy) -> None:
    proxy.file.write_text(SECURE.format(port=proxy.port), encoding="utf-8")
    process = proxy.start()
    assert process.wait() == 2
    assert "proxy.pem: no such file or directory" in proxy.line()


def test_as_many_files_may_be_open_as_there_may_be_connections(proxy: Proxy) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    proxy.write(["sip:127.0.0.1:9"])
    process = proxy.ready(within=("prlimit", "--nofile=256:"))
    flows = Limits().flows
    wanted = 2 * flows if hard == resource.RLIM_INFINITY else min(2 * flows, hard)
    assert resource.prlimit(process.pid, resource.RLIMIT_NOFILE) == (wanted, hard)
