"""Kamailio: a proxy that stays in the path of dialogs, and a registrar that forgets at its end."""

from certificates import Files
from interop.programs import Place, Program

PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061}

CONFIG = """#!KAMAILIO
debug = 1
log_stderror = yes
fork = yes
children = 1
tcp_children = 1
auto_aliases = no
dns = no
rev_dns = no
use_dns_cache = no
server_signature = no
{globals}

{loads}
loadmodule "kex.so"
loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
modparam("usrloc", "db_mode", 0)
modparam("rr", "enable_full_lr", 0)

request_route {{
    if (!mf_process_maxfwd_header("70")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (is_method("OPTIONS") && uri == myself) {{ sl_send_reply("200", "Alive"); exit; }}
    if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
    if (has_totag()) {{
        if (loose_route()) {{ t_relay(); exit; }}
        if (is_method("ACK")) {{ if (t_check_trans()) t_relay(); exit; }}
        sl_send_reply("404", "No such dialog");
        exit;
    }}
    if (t_precheck_trans()) {{ t_check_trans(); exit; }}
    t_check_trans();
    if (is_method("REGISTER")) {{ save("location"); exit; }}
    if (is_method("INVITE")) record_route();
    {onward}
    if (!t_relay()) sl_reply_error();
}}
"""

LOOKED_UP = """if (!lookup("location")) {{ sl_send_reply("404", "Not registered"); exit; }}
    {onward}"""

TLS = """
[server:default]
method = TLSv1.2+
verify_certificate = no
require_certificate = no
certificate = {files.certificate}
private_key = {files.key}

[client:default]
method = TLSv1.2+
verify_certificate = yes
require_certificate = yes
certificate = {files.certificate}
private_key = {files.key}
verify_depth = 3
ca_list = {ca}
"""


class Kamailio:
    """Kamailio at work, on UDP, TCP and, with a certificate, TLS."""

    def __init__(self, host: str, program: Program) -> None:
        self.host, self.program = host, program


def kamailio(
    place: Place,
    host: str,
    onward: str = "",
    *,
    registrar: bool = False,
    files: Files | None = None,
    ca: str = "",
) -> Kamailio:
    """Start one.

    Requests outside of dialogs go ``onward``, if that is a URI; as ``registrar`` it first asks who
    is registered.
    """
    folder = place.own("kamailio")
    listen = [f"listen = udp:{host}:5060", f"listen = tcp:{host}:5060"]
    loads: list[str] = []
    if files is not None:
        listen += ["enable_tls = yes", f"listen = tls:{host}:5061"]
        loads += ['loadmodule "tls.so"', f'modparam("tls", "config", "{folder}/tls.cfg")']
        text = TLS.format(files=files, ca=ca)
        (folder / "tls.cfg").write_text(text)
    way = f'$du = "{onward}";' if onward else ""
    if registrar:
        way = LOOKED_UP.format(onward=way)
    config = folder / "kamailio.cfg"
    text = CONFIG.format(globals="\n".join(listen), loads="\n".join(loads), onward=way)
    config.write_text(text)
    argv = ["kamailio", "-f", str(config), "-DD", "-E", "-Y", str(folder), "-w", str(folder)]
    program = place.run([*argv, "-P", str(folder / "pid")], folder)
    for transport, port in PORTS.items():
        if transport != "tls" or files is not None:
            program.there(transport, host, port)
    return Kamailio(host, program)
