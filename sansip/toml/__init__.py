"""The configuration of the example proxy and of the command line: TOML in, settings out.

Text comes in, and settings go out; no file is touched. ``import sansip`` does not load this.
"""

from sansip.toml.journal import JournalFile
from sansip.toml.settings import ConfigError, Settings, load
from sansip.toml.tls import TlsFiles

__all__ = ["ConfigError", "JournalFile", "Settings", "TlsFiles", "load"]
