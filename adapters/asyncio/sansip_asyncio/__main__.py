"""The command line: ``python -m sansip_asyncio resolve sip:bob@example.com``."""

import sys

from sansip_adapter.commands import main
from sansip_asyncio.loop import run

sys.exit(main("sansip_asyncio", run, sys.argv[1:], sys.stdout))
