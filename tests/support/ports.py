"""Ports that nobody uses."""

import os
from contextlib import closing
from itertools import count
from socket import AF_INET, AF_INET6, SOCK_DGRAM, SOCK_STREAM, socket

_numbers = count(20_000 + os.getpid() % 10_000)  # the kernel itself takes those from 32,768 on


def free_port(host: str = "127.0.0.1") -> int:
    """Give a port that is free for UDP and TCP; none is given twice."""
    return next(port for port in _numbers if is_free(host, port))


def is_free(host: str, port: int) -> bool:
    """Whether a port is free for UDP and TCP."""
    for kind in (SOCK_DGRAM, SOCK_STREAM):
        with closing(socket(AF_INET6 if ":" in host else AF_INET, kind)) as sock:
            try:
                sock.bind((host, port))
            except OSError:
                return False
    return True
