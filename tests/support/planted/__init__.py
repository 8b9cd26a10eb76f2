"""Bugs that are planted in a copy of the core, and what is to find them."""

from planted.bugs import BUGS, Bug

__all__ = ["BUGS", "Bug"]
