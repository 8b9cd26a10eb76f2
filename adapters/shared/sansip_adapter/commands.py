"""What the command lines of the adapters take: ``python -m sansip_trio COMMAND ...``."""

import argparse
import sys
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Final, TextIO

import sansip
from sansip.toml import ConfigError, Settings, load
from sansip_adapter.endpoints import in_words
from sansip_adapter.loop import Loop
from sansip_adapter.printout import Paint
from sansip_adapter.resolve import Page, Wish, resolve
from sansip_adapter.resolver import parse_server

ABOUT: Final = """\
Says where a SIP request would go, and sends nothing but DNS questions: what is asked and
answered, which hops follow from that, in which order, and when each is tried if all before it
stay silent.
"""
EXAMPLES: Final = """\
Without --config the request goes where its URI leads (RFC 3263), to loopback addresses too; what a
proxy would refuse by default is said. With --config it takes the way that the proxy's file gives
it: its route, its group, its hop filter.

examples:
  python -m {program} resolve sip:bob@example.com
  python -m {program} resolve sips:example.com --nameserver 192.0.2.53
  python -m {program} resolve sip:+15550100@example.com --config proxy.toml --source 192.0.2.7

exit status: 0 if there is a hop, 1 if there is none, 2 if the command or the file is wrong
"""
TRANSPORTS: Final = ("udp", "tcp", "tls")
NOBODY: Final = "192.0.2.1"  # an address that nobody has (RFC 5737): whom no source is given for
REFUSED: Final = ("ACK", "CANCEL")


Begin = Callable[[Loop, Callable[[Page], object]], None]
Run = Callable[[Begin], Page]


def main(program: str, run: Run, arguments: Sequence[str], out: TextIO) -> int:
    """Run a command; gives the exit status.

    ``program`` is what help calls it. ``run`` runs an event loop: begins, and ends with what it is
    told.
    """
    parser, resolver = _parsers(program)
    if not arguments:
        parser.print_help(out)
        return 0
    try:
        given = parser.parse_args(arguments)
        wish = _wish(given, resolver)
    except SystemExit as ended:  # argparse has said why
        return ended.code if isinstance(ended.code, int) else 2
    except UnfitError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    try:
        lines, found = run(lambda loop, done: resolve(loop, wish, Paint.of(out), done))
    except KeyboardInterrupt:
        return 130  # as a shell says that it was SIGINT
    out.writelines([f"{line}\n" for line in lines])
    return 0 if found else 1


class UnfitError(Exception):
    """A configuration that cannot be used, and why."""


def _parsers(program: str) -> tuple[argparse.ArgumentParser, argparse.ArgumentParser]:
    parser = argparse.ArgumentParser(
        f"python -m {program}", description="Tools of sansip, a SIP core that fails over."
    )
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND")
    resolver = commands.add_parser(
        "resolve",
        help="say where a SIP request would go, like dig",
        description=ABOUT,
        epilog=EXAMPLES.format(program=program),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = resolver.add_argument
    add("uri", metavar="URI", help="a sip or sips URI, like sip:bob@example.com")
    add("--config", type=Path, metavar="FILE", help="a proxy's TOML file, which decides")
    add("--method", default="INVITE", help="of the request (default: %(default)s)")
    add(
        "--source", default=NOBODY, metavar="IP",
        help="who sends it, where routes ask for that (default: %(default)s, which is nobody)",
    )  # fmt: skip
    add(
        "--from", default="sip:resolve@sansip.invalid", dest="sender", metavar="URI",
        help="its From, for algorithms that hash it (default: %(default)s)",
    )  # fmt: skip
    add(
        "--call-id", default="resolve", metavar="TEXT",
        help="its Call-ID: another one draws and hashes otherwise (default: %(default)s)",
    )  # fmt: skip
    add(
        "--nameserver", action="append", metavar="IP[:PORT]",
        help="whom to ask, as often as there are (default: the file's, or /etc/resolv.conf's)",
    )  # fmt: skip
    add(
        "--transports", metavar="LIST",
        help="what can be sent with, best first (default: udp,tcp,tls)",
    )  # fmt: skip
    add("--ipv6", action="store_true", help="look for IPv6 addresses, too")
    return parser, resolver


def _wish(given: argparse.Namespace, parser: argparse.ArgumentParser) -> Wish:
    """What the command line asks for; ``parser`` complains of what is wrong with it."""
    uri = _uri(given.uri, "URI", parser)
    method = given.method.upper()
    if method in REFUSED:
        parser.error(f"--method {method}: it goes where its INVITE went; say --method INVITE")
    try:
        source = sansip.Address(str(ip_address(given.source.strip("[]"))), 5060)
    except ValueError:
        parser.error(f"--source {given.source}: must be an IP address, like {NOBODY}")
    try:
        nameservers = given.nameserver and tuple([str(parse_server(s)) for s in given.nameserver])
    except ValueError as error:
        parser.error(f"--nameserver {error}")
    try:
        request = sansip.Request.make(
            method,
            uri,
            [
                ("Via", f"SIP/2.0/UDP {source};branch=z9hG4bK{given.call_id.encode().hex()}"),
                ("Max-Forwards", "70"),
                ("From", f"<{_uri(given.sender, '--from', parser)}>;tag=resolve"),
                ("To", f"<{uri}>"),
                ("Call-ID", given.call_id),
                ("CSeq", f"1 {method}"),
            ],
        )
    except sansip.ProtocolError as error:
        parser.error(str(error))
    if given.config is None:
        engine = _plain(_transports(given.transports, parser), ipv6=given.ipv6)
        return Wish(request, source, engine, nameservers, by_file=False)
    if given.transports or given.ipv6:
        parser.error("--transports and --ipv6 are what the file's listen says; leave them out")
    settings = _settings(given.config)
    engine = sansip.Engine(settings.config(), settings.policy())
    return Wish(request, source, engine, nameservers or settings.nameservers, by_file=True)


def _uri(text: str, what: str, parser: argparse.ArgumentParser) -> str:
    try:
        uri = sansip.parse_uri(text, what)
    except sansip.RemoteProtocolError as error:
        hint = f"; did you mean sip:{text}?" if ":" not in text.partition("@")[0] else ""
        parser.error(f"{error.reason}{hint}")
    if uri.scheme not in ("sip", "sips"):
        parser.error(f"{what}: {text!r} must be a sip or sips URI")
    return text


def _transports(text: str | None, parser: argparse.ArgumentParser) -> tuple[str, ...]:
    names = tuple((text or ",".join(TRANSPORTS)).lower().split(","))
    for name in names:
        if name not in TRANSPORTS:
            known = ",".join(TRANSPORTS)
            parser.error(f"--transports {text}: {name!r} is none; say for example {known}")
    return tuple(dict.fromkeys(names))


class _Follow(sansip.Policy):
    """Every request goes where its URI leads."""

    def route(self, request: sansip.Request, scene: sansip.Scene) -> sansip.Decision:  # noqa: ARG002
        """Relay."""
        return sansip.Relay(request.uri_text)


def _plain(transports: tuple[str, ...], *, ipv6: bool) -> sansip.Engine:
    """An engine that sends to anywhere, from a machine that is nowhere."""
    endpoints = [
        sansip.Endpoint(transport, f"{anywhere}:5060", advertise="sansip.invalid:5060")
        for anywhere in (("0.0.0.0", "[::]") if ipv6 else ("0.0.0.0",))  # noqa: S104 - unused
        for transport in transports
    ]
    return sansip.Engine(sansip.Config(endpoints, allow_hops=["0.0.0.0/0", "::/0"]), _Follow())


def _settings(file: Path) -> Settings:
    try:
        # What it names is beside it.
        return load(file.read_bytes(), file.name, lambda name: (file.parent / name).read_bytes())
    except OSError as error:
        raise UnfitError(f"{file}: {in_words(error).lower()}") from None
    except ConfigError as error:
        raise UnfitError(str(error)) from None
