"""Journals: all that a core has heard, and what it ordered, as lines of JSON.

``Writer`` writes them and ``read`` reads them; files are opened elsewhere, best with mode 0600.
``sansip.replay`` runs a journal again.
"""

from sansip.journal.codec import Opaque
from sansip.journal.copying import copy
from sansip.journal.head import FORMAT, Head, JournalError, Named, Source, Toml, source_of
from sansip.journal.parts import CodecError
from sansip.journal.reading import Journal, Step, Swap, read
from sansip.journal.redaction import BODY, CREDENTIALS
from sansip.journal.writing import Writer

__all__ = [
    "BODY",
    "CREDENTIALS",
    "FORMAT",
    "CodecError",
    "Head",
    "Journal",
    "JournalError",
    "Named",
    "Opaque",
    "Source",
    "Step",
    "Swap",
    "Toml",
    "Writer",
    "copy",
    "read",
    "source_of",
]
