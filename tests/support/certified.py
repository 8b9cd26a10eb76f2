"""The TLS of phones and gateways, by Python's own ssl: contexts that are none of ours."""

import socket
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from certificates import Files
from peers import Peer, dial
from sansip import Address


def calling(
    ca: str | None = None,
    shown: Files | None = None,
    *,
    newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED,
) -> ssl.SSLContext:
    """Who calls: trusts anybody without a CA, and shows a certificate if there is one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    if ca is None:
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(ca)
    return _made(context, shown, newest)


def called(
    shown: Files,
    ca: str | None = None,
    *,
    newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED,
) -> ssl.SSLContext:
    """Who is called: wants a certificate of who calls, if there is a CA."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(ca)
    return _made(context, shown, newest)


def _made(context: ssl.SSLContext, shown: Files | None, newest: ssl.TLSVersion) -> ssl.SSLContext:
    context.maximum_version = newest
    if newest in {ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1}:
        context.minimum_version = newest
        context.set_ciphers("ALL:@SECLEVEL=0")  # OpenSSL has done away with it otherwise
    if shown is not None:
        context.load_cert_chain(shown.certificate, shown.key)
    return context


@asynccontextmanager
async def at_once(where: Address, data: bytes) -> AsyncGenerator[Peer]:
    """Call, and say this in one segment with the end of the handshake."""
    peer = await dial(where)
    sock = calling().wrap_socket(peer.sock, do_handshake_on_connect=False)
    with Peer(sock) as phone:
        with suppress(ssl.SSLWantReadError):  # the first flight
            sock.do_handshake()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        await phone.ready(sock.do_handshake)
        sock.send(data)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
        yield phone
