"""The command line: ``python -m sansip_trio resolve sip:bob@example.com``."""

import sys

from sansip_trio.commands import main

sys.exit(main(sys.argv[1:]))
