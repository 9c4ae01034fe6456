"""`python3 -m export.setup`: looks at the Python that runs it before anything newer is imported."""

import sys

OLDEST = (3, 9)

if sys.version_info < OLDEST:
    sys.stderr.write("set-up: this python3 is older than 3.9, which set-up itself needs: run it with a newer one.\n")
    sys.exit(1)

from export.setup.cli import main  # noqa: E402 - only after the version is known to do

if __name__ == "__main__":
    sys.exit(main())
