"""``python -m sansip COMMAND``."""

import sys

from sansip.commands import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stdout))
