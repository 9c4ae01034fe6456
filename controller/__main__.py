"""`python -m controller` is `dragoman`."""

import sys

from controller.cli import main

sys.exit(main())
