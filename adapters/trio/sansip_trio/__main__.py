"""The command line: ``python -m sansip_trio resolve sip:bob@example.com``."""

import sys

from sansip_adapter.commands import main
from sansip_trio.loop import run

sys.exit(main("sansip_trio", run, sys.argv[1:], sys.stdout))
