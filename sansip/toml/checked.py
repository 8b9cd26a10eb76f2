"""Reading a TOML file so strictly that nothing in it is ignored: tables, and checks of values.

A check is a function that gives the checked value, or raises ``Wrong`` with reason and remedy.
"""

import json
import math
import re
from collections.abc import Callable
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, TypeVar, cast

from sansip.engine.hosts import is_ip
from sansip.locate import canonical

T = TypeVar("T")
W = TypeVar("W", bound=str)
Network = IPv4Network | IPv6Network

HOST = re.compile(r"[A-Za-z0-9_]++(?:[.-]++[A-Za-z0-9_]++)*+")
LAST_PORT = 65535
NOTHING: tuple[object, ...] = ()


class Wrong(ValueError):  # noqa: N818 (a value is wrong; the file's author made the error)
    """A value is wrong, and why; ``at`` says where within it, and ``content`` is that part."""

    reason: str
    at: str
    content: object

    def __init__(self, reason: str, at: str = "", content: object = None) -> None:
        super().__init__(reason)
        self.reason, self.at, self.content = reason, at, content


class Secret(str):
    """A text that is not to be shown."""

    __slots__ = ()


class Table:
    """A table of the file. Each key is taken once; ``close`` complains of those that nobody took.

    Errors are collected, and the default stands in, so that one run shows them all.
    """

    errors: list[str]
    path: str
    content: dict[str, Any]

    def __init__(self, errors: list[str], path: str, content: object) -> None:
        self.errors, self.path = errors, path
        self.content = {}
        self._known: list[str] = []
        if isinstance(content, dict):  # and TOML has no keys but text
            self.content = cast("dict[str, Any]", content)
        else:
            self.errors.append(f"{path}: {shown(content)}: must be a table")

    def wrong(self, key: str, reason: str, content: object = None) -> None:
        """Note an error about a key; ``content`` is shown with it unless it is None."""
        path = f"{self.path}.{key}" if self.path else key
        what = "" if content is None else f"{shown(content)}: "
        self.errors.append(f"{path}: {what}{reason}")

    def take(self, key: str, check: Callable[[object], T], default: T) -> T:
        """The value of a key, checked; the default if it is missing, or wrong."""
        self._known.append(key)
        if key not in self.content:
            return default
        return self.check(key, self.content[key], check, default)

    def check(self, key: str, content: object, check: Callable[[object], T], default: T) -> T:
        """What a check makes of a value, which may be part of a key's; the default if wrong."""
        try:
            return check(content)
        except Wrong as error:
            self.wrong(key + error.at, error.reason, error.content or content)
            return default

    def need(self, key: str, check: Callable[[object], T], default: T, remedy: str) -> T:
        """The same for a key that must be there."""
        if key not in self.content:
            self.wrong(key, f"missing; {remedy}")
        return self.take(key, check, default)

    def table(self, key: str) -> "Table":
        """The table of this name, empty if it is missing."""
        self._known.append(key)
        return self.part(key, self.content.get(key, {}))

    def part(self, key: str, content: object) -> "Table":
        """A table within this one."""
        return Table(self.errors, f"{self.path}.{key}" if self.path else key, content)

    def parts(self, key: str) -> list[tuple[str, object]]:
        """The members of a list, each with what errors call it; none if the key is missing."""
        members = self.take(key, each(_anything), NOTHING)
        return [(f"{key}[{at}]", member) for at, member in enumerate(members)]

    def tables(self, key: str) -> list["Table"]:
        """The array of tables of this name."""
        self._known.append(key)
        content: object = self.content.get(key, [])
        if not isinstance(content, list):
            self.wrong(key, f"write [[{key}]], with two brackets")
            return []
        members = cast("list[object]", content)
        return [Table(self.errors, f"{key}[{at}]", member) for at, member in enumerate(members)]

    def close(self) -> None:
        """Complain of all keys that nobody took."""
        for key in self.content:
            if key not in self._known:
                near = get_close_matches(key, self._known, 1)
                known = ", ".join(sorted(set(self._known)))
                remedy = f'did you mean "{near[0]}"?' if near else f"known are: {known}"
                self.wrong(key, f"unknown key; {remedy}")


def shown(content: object) -> str:
    """A value as it stands in the file, or nearly, and not too much of it."""
    if isinstance(content, Secret):
        return "(not shown)"
    if isinstance(content, float):
        return str(content)
    text = json.dumps(content, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


# --- checks


def _anything(content: object) -> object:
    return content


def each(check: Callable[[object], T]) -> Callable[[object], tuple[T, ...]]:
    """Check a list that has at least one member."""

    def checked(content: object) -> tuple[T, ...]:
        if not isinstance(content, list):
            raise Wrong("must be a list, in brackets")
        members = cast("list[object]", content)
        if not members:
            raise Wrong("must not be empty; leave it out, or name something")
        found: list[T] = []
        for at, member in enumerate(members):
            try:
                found.append(check(member))
            except Wrong as error:
                raise Wrong(error.reason, f"[{at}]{error.at}", member) from None
        return tuple(found)

    return checked


def one_of(choices: tuple[W, ...]) -> Callable[[object], W]:
    """Check for one of a few words."""

    def checked(content: object) -> W:
        for choice in choices:
            if content == choice:
                return choice
        raise Wrong(f"must be {' or '.join(map(shown, choices))}")

    return checked


def some_text(content: object) -> str:
    """Check for a text that is not empty."""
    if not isinstance(content, str) or not content:
        raise Wrong("must be text, in quotes")
    return content


def switch(content: object) -> bool:
    """Check for true or false."""
    if not isinstance(content, bool):
        raise Wrong("must be true or false")
    return content


def whole(least: int) -> Callable[[object], int]:
    """Check for a whole number that is not below this."""

    def checked(content: object) -> int:
        if isinstance(content, bool) or not isinstance(content, int) or content < least:
            raise Wrong(f"must be a whole number, {least} or more")
        return content

    return checked


def seconds(content: object) -> float:
    """Check for a time above 0."""
    if isinstance(content, bool) or not isinstance(content, int | float):
        raise Wrong("must be a number of seconds")
    if not (content > 0 and math.isfinite(content)):
        raise Wrong("must be above 0 and finite")
    return float(content)


def seconds_or_off(content: object) -> float | None:
    """Check for a time above 0, or "off"."""
    if content == "off":
        return None
    try:
        return seconds(content)
    except Wrong as error:
        raise Wrong(f'{error.reason}, or "off"') from None


def host(content: object) -> str:
    """Check for a host or domain; in lower case, an IPv6 address without brackets."""
    text = some_text(content)
    address = canonical(text.removeprefix("[").removesuffix("]"))
    if address is not None:
        return address
    if not HOST.fullmatch(text):
        raise Wrong("must be a host or domain alone, without port, scheme or *")
    return text.lower()


def network(content: object) -> Network:
    """Check for an IP network, or a single address."""
    text = some_text(content)
    try:
        return ip_network(text)
    except ValueError:
        pass
    try:
        remedy = f'say "{ip_network(text, strict=False)}"'
    except ValueError:
        remedy = 'say for example "192.0.2.0/24"'
    raise Wrong(f"must be an IP network; {remedy}")


def host_and_port(content: object) -> tuple[str, int | None]:
    """Check for HOST:PORT, HOST, [IPV6]:PORT, [IPV6] or IPV6; brackets are taken off."""
    text = some_text(content)
    if is_ip(text):
        return text, None
    name, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        name, port = text, ""
    elif not (port.isascii() and port.isdecimal() and int(port) <= LAST_PORT):
        raise Wrong(f"{port!r} is not a port")
    return host(name), int(port) if port else None
