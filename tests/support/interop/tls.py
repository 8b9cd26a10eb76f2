"""stunnel, which speaks TLS by OpenSSL for programs that cannot.

Debian's sipp is built without TLS. So its TCP goes through stunnel at each end: the handshakes, the
records and the verification of our certificate are OpenSSL's and stunnel's, and what is inside says
TLS where it names its transport, as it would without the detour.
"""

from certificates import Files
from interop.programs import Place, Program

COMMON = """foreground = yes
pid =
debug = 6
syslog = no
"""

WRAPS = """
[wraps]
client = yes
accept = {host}:{accept}
connect = {connect}
CAfile = {ca}
verifyChain = yes
checkIP = {name}
"""

UNWRAPS = """
[unwraps]
accept = {host}:{accept}
connect = {connect}
cert = {files.certificate}
key = {files.key}
"""


def wrapping(place: Place, host: str, connect: tuple[str, int], ca: str) -> Program:
    """Take TCP at port 5060 of a host, and carry it over TLS; the other end must prove its IP."""
    port = 5060
    text = WRAPS.format(
        host=host, accept=port, connect="{}:{}".format(*connect), ca=ca, name=connect[0]
    )
    return _stunnel(place, text, host, port)


def unwrapping(place: Place, host: str, connect: tuple[str, int], files: Files) -> Program:
    """Take TLS at port 5061 of a host, and carry it over TCP."""
    port = 5061
    text = UNWRAPS.format(host=host, accept=port, connect="{}:{}".format(*connect), files=files)
    return _stunnel(place, text, host, port)


def _stunnel(place: Place, text: str, host: str, port: int) -> Program:
    folder = place.own("stunnel")
    config = folder / "stunnel.conf"
    config.write_text(COMMON + text)
    program = place.run(["stunnel4", str(config)], folder)
    program.there("tcp", host, port)
    return program
